"""Whatever is exported says which score was used: the resolved one, which need not be the one asked for. By every
laboratory, in every format, for data of one's own and for exact, pretrained, trained and untrained scores."""

import csv
import json
import runpy
from dataclasses import replace

import numpy as np
import pytest
import torch
import windows
from PIL import Image
from PySide6.QtWidgets import QApplication
from test_labs import SAMPLER, context_of

from explorer.cli import main as command_line
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.frames import Recording
from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.migrations import to_dict
from explorer.experiment.resolution import IN_USE, resolve, untrained
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.export import EXPORTERS
from explorer.export.script import script_of
from explorer.figures import files
from explorer.figures.figure import Plot, Series, Table
from explorer.labs import LABS, Context
from explorer.labs.toolkit.sources import source_of
from explorer.networks.files import save
from explorer.networks.spec import NetworkSpec
from explorer.session.document import Document
from explorer.ui.dialogs.clipboard import Clipboard
from explorer.ui.dialogs.exporting import QtRenderer, replay_of

TINY = NetworkSpec(width=16, depth=1)
OWN = DISTRIBUTIONS["points"](points=tuple((x, (0.37 * x) % 1.0) for x in (-1.0, -0.4, 0.1, 0.8, 1.3)))
MOONS = DISTRIBUTIONS["two_moons"]


def of(source, data=None, **score):
    e = Experiment(score=ScoreSource(source, **score), sampler=replace(SAMPLER, steps=4))
    return e if data is None else replace(e, data=data)


def network(e):
    """A network that is not the untrained one, trained for the data of `e`."""
    made = untrained(e)
    return replace(made, weights={k: v + 0.01 for k, v in made.weights.items()})


#: What is asked for, whether a network is at hand, and what is true of the score that then runs.
CASES = {
    "exact": (of("exact"), None, "exact score"),
    "pretrained": (of("pretrained"), None, "pretrained network"),
    "own points, pretrained asked for": (of("pretrained", OWN), None, "exact score"),
    "own points, exact": (of("exact", OWN), None, "exact score"),
    "changed data, pretrained asked for": (of("pretrained", MOONS(jitter=0.2)), None, "exact score"),
    "no network yet": (of("trained", network=TINY), None, "untrained network"),
    "trained": (of("trained", network=TINY), of("trained", network=TINY), "trained network"),
    "trained on own points": (
        of("trained", OWN, network=TINY), of("trained", OWN, network=TINY), "trained network",
    ),
    "trained on other data": (
        of("trained", OWN, network=TINY), of("trained", network=TINY), "trained network (on other data)",
    ),
    "trained for another SDE": (
        replace(of("trained", network=replace(TINY, output="noise")), sde=SDES["ve"]()),
        of("trained", network=replace(TINY, output="noise")), "trained network (for another SDE)",
    ),
}  # fmt: skip
OTHERS = set(IN_USE.values())


def resolved_of(case):
    e, taught, said = CASES[case]
    return e, resolve(e, network(taught) if taught else None), said


def only_names(text, said):
    """It names this score, and none of the others."""
    others = [name for name in OTHERS if name in text.replace("untrained network", "UN") and name not in said]
    others += ["untrained network"] if "untrained network" in text and "untrained" not in said else []
    return said in text and not others


@pytest.mark.parametrize("case", CASES)
def test_the_resolved_score_knows_its_name(case):
    e, resolved, said = resolved_of(case)
    assert resolved.named == said
    # an independent look: the exact score and the untrained network are what they are at any point
    x = torch.tensor([[0.3, -0.2], [1.0, 0.5]])
    exact = torch.allclose(resolved.score(x, 0.4), ExactScore(e.data.mixture, e.sde)(x, 0.4))
    blank = resolve(replace(e, score=replace(e.score, source="trained"))).score
    first = torch.allclose(resolved.score(x, 0.4), blank(x, 0.4))
    assert exact == ("exact" in said) and first == ("untrained" in said)


@pytest.mark.parametrize("case", CASES)
def test_a_figure_is_signed_with_it_in_every_format(case, tmp_path):
    e, resolved, said = resolved_of(case)
    source = source_of(LABS["convergence"](), e, resolved)
    figures = [
        Plot("P", "x", "y", (Series("a", np.arange(3.0), np.arange(3.0)),)),
        Table("T", ("n",), ((1,),)),
    ]
    for ending in (".csv", ".tex", ".json", ".npz", ".png"):
        write(tmp_path / f"a{ending}", figures, source)
    for ending in (".csv", ".tex"):
        text = (tmp_path / f"a{ending}").read_text(encoding="utf-8")
        assert only_names(text, said)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["score"] == said
    with np.load(tmp_path / "a.npz") as arrays:
        assert str(arrays["score"]) == said
    with Image.open(tmp_path / "a.png") as image:
        assert only_names(image.info["Description"], said)


def write(path, figures, source):
    from explorer.figures.theme import LIGHT
    from explorer.ui.figures.render import ENDINGS, write_picture

    if path.suffix in ENDINGS:
        write_picture(path, figures, source, LIGHT)
    else:
        files.write_numbers(path, figures, {}, source)


class Spy(ExactScore):
    """Tells whether anybody asked it anything."""

    asked = 0

    def __getattribute__(self, name):
        if not name.startswith("__"):
            Spy.asked += 1
        return super().__getattribute__(name)


@pytest.mark.parametrize("name", LABS)
def test_a_laboratory_signs_with_the_score_that_it_asks(name):
    """One that names the score in use asks it or shows its run; one that does not ask it does not name it."""
    e = replace(of("pretrained", OWN), sampler=replace(SAMPLER, mode="pc"))
    lab = LABS[name].quick()
    if lab.refusal(e):
        pytest.skip("refuses these points")
    context = context_of(e)
    spy = Spy(e.data.mixture, e.sde)
    context = replace(
        context, resolved=replace(context.resolved, score=spy, plain=spy, exact=False, source="trained")
    )
    Spy.asked = 0
    for _ in lab.reports(lab.looks_at(context)):
        pass
    # the training microscope alone trains on what it is given instead of asking it
    used = Spy.asked > 0 or name == "training_microscope"
    assert (lab.score_named(context.resolved) == "trained network") == used


@pytest.mark.parametrize(
    "case", ["own points, pretrained asked for", "pretrained", "trained", "no network yet"]
)
@pytest.mark.parametrize("name", [n for n in LABS if LABS[n].for_points])
def test_captions_of_every_laboratory(name, case):
    e, resolved, said = resolved_of(case)
    lab = LABS[name]()
    text = source_of(lab, e, resolved).caption
    own = lab.score_used
    if name == "training_microscope" and resolved.exact:
        own = "untrained network"
    assert only_names(text, said) if own is None else only_names(text, own)


def test_the_training_microscope_of_an_exact_score_is_of_an_untrained_network():
    e, resolved, _ = resolved_of("own points, pretrained asked for")
    assert LABS["training_microscope"]().score_named(resolved) == "untrained network"
    first = untrained(e).denoiser()
    x = torch.tensor([[0.3, -0.2]])
    report = next(iter(LABS["training_microscope"]().reports(Context(e, resolved, 0.5))))
    assert "before its first step" in report.words and torch.isfinite(first(x, torch.ones(1, 1))).all()


# --- what is made of the stage --------------------------------------------------------------------------------


def replay_for(case):
    e, resolved, said = resolved_of(case)
    recording = Recording()
    for frame in simulate(e.sde, e.sampler, resolved.score, e.target, e.seed):
        recording.append(frame)
    recording.complete = True
    return e, replay_of(Document(e), [(e, resolved, recording)]), said


@pytest.mark.parametrize("case", CASES)
def test_exports_of_the_stage_say_it(case, tmp_path):
    _, replay, said = replay_for(case)
    assert only_names(replay.caption, said)
    for name, ending in (("npz", ".npz"), ("python", ".py"), ("png", ".png"), ("svg", ".svg")):
        for _ in EXPORTERS[name]().write(replay, tmp_path / f"a{ending}", QtRenderer()):
            pass
    with np.load(tmp_path / "a.npz") as arrays:
        assert str(arrays["score"]) == said
    script = (tmp_path / "a.py").read_text(encoding="utf-8")
    assert only_names(script.split('"""')[1], said)
    with Image.open(tmp_path / "a.png") as image:
        assert only_names(image.info["Description"], said)


GAUSSIANS = of("exact", DISTRIBUTIONS["eight_gaussians"]())
#: What makes the samples others than those of the data, and what must be said of it.
BENT = {
    "nothing": (GAUSSIANS, ""),
    "a class": (edited(GAUSSIANS, "control", {"type": "class_guidance", "label": 2, "weight": 3.0}), "w = 3"),
    "an inpainting": (edited(GAUSSIANS, "control", {"type": "inpaint", "value": 1.25}), "1.25"),
    "a measurement": (edited(GAUSSIANS, "control", {"type": "measurement", "value": -0.75}), "0.75"),
    "a mistake": (edited(GAUSSIANS, "sampler.mistake", "score_sign"), MISTAKES["score_sign"].title),
}


@pytest.mark.parametrize("case", BENT)
def test_a_control_or_a_mistake_is_said_wherever_the_score_is(case, tmp_path):
    e, said = BENT[case]
    assert said or not any(word and word in exported_captions(e, tmp_path)[0] for _, word in BENT.values())
    for text in exported_captions(e, tmp_path):
        assert "exact score" in text and said in text


def exported_captions(e, folder):
    """Of a picture's description and of a script's title."""
    recording = Recording()
    for frame in simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed):
        recording.append(frame)
    recording.complete = True
    replay = replay_of(Document(e), [(e, resolve(e), recording)])
    for name in ("png", "python"):
        for _ in EXPORTERS[name]().write(replay, folder / name, QtRenderer()):
            pass
    with Image.open(folder / "png") as image:
        description = image.info["Description"]
    return description, (folder / "python").read_text(encoding="utf-8").split('"""')[1]


@pytest.mark.parametrize("case", ["own points, pretrained asked for", "pretrained", "no network yet"])
def test_a_script_runs_the_score_that_its_title_names(case, tmp_path, monkeypatch, capsys):
    e, replay, said = replay_for(case)
    (tmp_path / "again.py").write_text(script_of([e], [replay.tracks[0].resolved], said), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["again.py"])
    runpy.run_path(str(tmp_path / "again.py"), run_name="__main__")
    with np.load(tmp_path / "again.npz") as arrays:
        np.testing.assert_array_equal(arrays["x"][-1], replay.tracks[0].recording[-1].x)


# --- the shell and the window -----------------------------------------------------------------------------------


def test_the_shell_signs_with_it(tmp_path, capsys):
    (tmp_path / "e.json").write_text(json.dumps(to_dict(of("pretrained", OWN))), encoding="utf-8")
    save(network(of("trained", network=TINY)), tmp_path / "m.safetensors")
    e, out = str(tmp_path / "e.json"), tmp_path / "t"
    lab = ["lab", "convergence", e, "--quick", "--out", f"{out}.csv", "--out", f"{out}.npz"]
    for more, said in (
        ([], "exact score"),
        (["--model", str(tmp_path / "m.safetensors")], "(on other data)"),
    ):
        assert command_line([*lab, *more]) == 0
        assert json.loads(capsys.readouterr().out)["score"].endswith(said)
        rows = list(csv.reader((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()))
        assert any(said in "".join(row) for row in rows if row and row[0].startswith("#"))
        assert command_line(["run", e, "--out", f"{out}.npz", *more]) == 0
        assert json.loads(capsys.readouterr().out)["score"].endswith(said)
        assert command_line(["likelihood", e, "--samples", "2", "--json", *more]) == 0
        assert json.loads(capsys.readouterr().out)["score"].endswith(said)
        with np.load(f"{out}.npz") as arrays:
            assert str(arrays["score"]).endswith(said)


def test_the_copied_script_says_it(qapp, tmp_path):
    with windows.hosted(tmp_path) as host:
        host.session.edit(Document(of("pretrained", OWN)))
        clipboard = Clipboard(host)
        clipboard.copy_script()
        assert only_names(QApplication.clipboard().text().split('"""')[1], "exact score")
        QApplication.clipboard().clear()
        clipboard.shut_down()
