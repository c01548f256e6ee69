"""What a card says is said where its network is used, and by `list`."""

import json
from dataclasses import replace

import pytest

from explorer.base import paths
from explorer.cli import main as command_line
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.images import IMAGES
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.networks import card


def of(name):
    return json.loads((paths.pretrained() / f"{name}.json").read_text())


@pytest.mark.parametrize("name", card.names())
def test_the_figures_are_those_of_the_card(name):
    said, whole = card.measured(name), of(name)
    if "energy_distance" in whole:
        assert f"{max(r['ratio'] for r in whole['energy_distance'].values()):.2f} times" in said
        return
    row = min((r for r in whole["quality"]["samples"] if r["weight"] == 1), key=lambda r: r["ratio"])
    apart = f"{row['ratio']:.2f} times its floor" if row["ratio"] > 1 else "at its floor"
    assert apart in said and f"{row['accuracy']:.1%}" in said
    assert ("bits/dim" in said) == ("bits" in whole["quality"])


def test_every_network_that_comes_with_the_program_has_one():
    networks = {p.stem for p in paths.pretrained().glob("*.safetensors") if "." not in p.stem}
    assert set(card.names()) == networks and networks >= {*IMAGES} - {"folder"}


def test_the_score_card_has_the_sentence_of_its_network():
    e = with_data(Experiment(), DISTRIBUTIONS["two_moons"]())
    assert card.measured("two_moons") in resolve(e).word
    assert "Measured" not in resolve(replace(e, score=replace(e.score, source="trained"))).word


def test_a_card_that_is_missing_or_damaged_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "pretrained", lambda: tmp_path)
    assert card.measured("none") == ""
    for i, text in enumerate(("{", "[]", '{"energy_distance": 3}', '{"quality": {"samples": [{}]}}', "{}")):
        (tmp_path / f"bad{i}.json").write_text(text)
        assert card.measured(f"bad{i}") == ""


def test_list_tells_it(capsys):
    assert command_line(["list", "pretrained"]) == 0
    out = capsys.readouterr().out
    assert all(card.measured(name) in out for name in card.names())
