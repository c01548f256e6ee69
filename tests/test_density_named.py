"""Wherever a density is told under a control, it is said whether the control is part of it; without one, nothing is."""

import json
from dataclasses import replace

import pytest
import torch

from explorer.cli import main
from explorer.diffusion.frames import Recording
from explorer.diffusion.simulate import simulate
from explorer.experiment.resolution import resolve
from explorer.export import Replay, Track
from explorer.figures.views import Scene
from explorer.session.document import dumps, loads
from explorer.session.snapshot import probe_text
from explorer.ui.dialogs.exporting import QtRenderer

#: Controls for points, each in force.
CONTROLS = {
    "class": {"type": "class_guidance", "label": 1, "weight": 2.0},
    "inpaint": {"type": "inpaint", "value": 0.5},
    "replaced": {"type": "inpaint", "value": 0.5, "method": "replacement"},
    "project": {"type": "project"},
    "measurement": {"type": "measurement", "value": 0.5},
}  # fmt: skip
NO_SENSE = {"type": "inpaint_picture"}
KINDS = [pytest.param(value, id=name) for name, value in CONTROLS.items()]


def document(control, **more):
    value = {
        "control": control,
        "score": {"source": "exact"},
        "sampler": {"particles": 20, "steps": 3},
        **more,
    }
    return loads(json.dumps(value))[0]


@pytest.fixture
def said(tmp_path, capsys):
    """Of a command with a control and without: (stdout, stderr)."""

    def of(control, name, *options):
        path, points = tmp_path / "e.json", tmp_path / "points.csv"
        path.write_text(dumps(document(control)))
        points.write_text("x,y\n0.5,0.2\n-1,0.3\n1,1\n")
        capsys.readouterr()
        assert main([name, str(path), *(str(o).replace("POINTS", str(points)) for o in options)]) == 0
        return capsys.readouterr()

    return of


def run(e):
    return list(simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed))


def captioned(e, look, answer, frames):
    """The caption on the page of a still."""
    track = Track(e, answer, Recording(frames=frames, complete=True))
    replay = Replay((track,), look, caption="C")
    return replay.page(replay.indices(1.0), 320, 240, QtRenderer()).caption


COMMANDS = {
    "likelihood": ("likelihood", "--samples", "3"),
    "likelihood at points": ("likelihood", "--points", "POINTS"),
    "score": ("score", "--points", "POINTS"),
}  # fmt: skip


@pytest.mark.parametrize("control", KINDS)
@pytest.mark.parametrize("name", ["likelihood", "likelihood at points", "score"])
def test_commands_say_that_the_control_is_left_out(said, control, name):
    given = document(control).experiment.given
    assert given
    out, err = said(control, *COMMANDS[name])
    assert given in out + err and "of the whole data" in out + err
    plain = said({"type": "none"}, *COMMANDS[name])
    assert "whole data" not in "".join(plain)
    if name != "likelihood":
        assert plain[0] == out  # the numbers are those without it
    else:
        assert out.startswith(plain[0].strip().removesuffix("."))


@pytest.mark.parametrize("control", KINDS)
def test_the_numbers_in_json_say_it(said, control):
    given = document(control).experiment.given
    assert json.loads(said(control, "likelihood", "--samples", "3", "--json")[0])["without_control"] == given
    assert "without_control" not in said({"type": "none"}, "likelihood", "--samples", "3", "--json")[0]
    metrics = json.loads(said(control, "run", "--metrics")[0])["metrics"].get(
        "mean_log_density", {"given": given}
    )
    assert metrics["given"] == given


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("control", KINDS)
def test_the_stage_and_its_caption_say_it(control, conditional):
    """With the layer "conditional density" the density is that of the target, and is called so."""
    e = document(control).experiment
    look = replace(document(control).look, conditional=conditional)
    frames = run(e)
    answer = resolve(e)
    scene = Scene(e, look, frames, answer.score, (-3, 3, -3, 3))
    words = "given the control" if conditional else "of the whole data"
    assert scene.mixture is (e.target if conditional else e.data.mixture)
    alpha, sigma = e.sde.marginal(frames[-1].t)
    value = float(scene.mixture.log_density(torch.tensor([[0.4, 0.3]]), alpha, sigma)[0])
    assert f"log p {words} = {value:.2f}" in probe_text(scene, (0.4, 0.3))
    assert captioned(e, look, answer, frames) == f"C · density {words}"
    off = {"density": False, "contours": False, "space": False}
    assert captioned(e, replace(look, **off), answer, frames) == "C"


@pytest.mark.parametrize("control", [{"type": "none"}, NO_SENSE])
def test_without_a_control_in_force_nothing_is_said(control):
    d = document(control)
    e, frames = d.experiment, run(d.experiment)
    scene = Scene(e, d.look, frames, resolve(e).score, (-3, 3, -3, 3))
    assert "   log p = " in probe_text(scene, (0.4, 0.3))
    assert captioned(e, d.look, resolve(e), frames) == "C"
