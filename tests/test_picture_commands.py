"""The commands on pictures say headless what the window says, and reach what it reaches."""

import dataclasses
import json

import pytest

from explorer import document
from explorer.cli import main
from explorer.document import Document
from explorer.experiment import Experiment, with_data
from explorer.images import DATA
from explorer.sdes import SDES


def written(path, e):
    document.write(path, Document(e))
    return str(path)


def run(capsys, *argv):
    """Exit code, stdout and stderr of a command."""
    capsys.readouterr()
    code = main([str(a) for a in argv])
    out, err = capsys.readouterr()
    return code, out, err


def digits(**sampler):
    e = with_data(Experiment(), DATA["mnist"]())
    sampler = dataclasses.replace(e.sampler, **({"particles": 2, "steps": 2} | sampler))
    return dataclasses.replace(e, score=dataclasses.replace(e.score, source="exact"), sampler=sampler)


# --- the SDE that suits pictures -----------------------------------------------------------------------------


def test_ve_reaches_further_for_pictures():
    """MATH.md: 10 for points of the plane, 50 for pictures; changed numbers stay."""
    ve = SDES["ve"]
    points = Experiment(sde=ve())
    there = with_data(points, DATA["mnist"]())
    assert there.sde == ve(sigma_max=50.0)
    assert with_data(there, DATA["fashion_mnist"]()).sde == there.sde
    assert with_data(there, points.data).sde == ve()
    own = dataclasses.replace(points, sde=ve(sigma_max=20.0))
    assert with_data(own, DATA["mnist"]()).sde == own.sde
    assert SDES["vp"]().refitted(True) == SDES["vp"]()


@pytest.mark.parametrize(
    "argv, found",
    [
        (["--distribution", "mnist", "--sde", "ve"], 50.0),
        (["--sde", "ve"], 10.0),
        (["--set", "sde=ve", "--set", "data=mnist", "--set", "sde.sigma_min=0.02"], 50.0),
        (["--distribution", "mnist", "--set", "sde.type=ve"], 50.0),
        (["--distribution", "mnist", "--sde", "ve", "--set", "sde.sigma_max=30"], 30.0),
    ],
)
def test_the_shell_takes_the_ve_that_suits(capsys, argv, found):
    code, out, _ = run(capsys, "new", *argv, "--out", "-")
    sde = json.loads(out)["sde"]
    assert (code, sde["type"], sde["sigma_max"]) == (0, "ve", found)


def test_the_card_offers_the_ve_that_suits(qtbot):
    from explorer.ui.cards import ProcessCard

    card, offered = ProcessCard(SDES["vp"]()), []
    qtbot.addWidget(card)
    card.edited.connect(offered.append)
    for pictures in (True, False):
        card.set_sde(SDES["vp"](), pictures)
        card.choose("ve")
    assert [sde.sigma_max for sde in offered] == [50.0, 10.0]
    card.set_sde(SDES["ve"](sigma_max=20.0))  # numbers of the user's own stay
    card.set_sde(SDES["vp"](), True)
    card.choose("ve")
    assert offered[-1].sigma_max == 20.0
