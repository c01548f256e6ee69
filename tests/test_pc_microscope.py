"""The PC microscope: its terms add up, and its numbers are those of the algorithms."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.cli import main
from explorer.diffusion import noise
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.figures.figure import Equation, Picture, Table
from explorer.labs import LABS, Context
from explorer.labs.pc_microscope import take_apart
from explorer.session.document import Document, write

Microscope = LABS["pc_microscope"]


def experiment(mode="pc", **sampler):
    e = Experiment(score=ScoreSource("exact"))
    return replace(e, sampler=replace(e.sampler, mode=mode, particles=50, steps=12, **sampler))


def frames_of(e, until):
    frames = []
    for frame in simulate(e.sde, e.sampler, resolve(e).score, e.data.mixture, e.seed):
        if frame.step > until:
            break
        frames.append(frame)
    return frames


@pytest.mark.parametrize("sde", ["vp", "ve", "subvp"])
@pytest.mark.parametrize("order", ["predictor", "corrector"])
def test_terms_add_up_and_the_correctors_step_is_that_of_the_paper(sde, order):
    e = replace(experiment(corrector_steps=2, order=order, snr=0.2), sde=SDES[sde]())
    frames = frames_of(e, 7)
    moves = take_apart(Context(e, resolve(e)), frames, 4)
    parts = [m.after.part for m in moves]
    wanted = ["predict", "correct", "correct"]
    assert parts == (wanted if order == "predictor" else wanted[1:] + wanted[:1])
    for before, move in zip(frames[-4:], moves, strict=False):
        np.testing.assert_allclose(move.x, before.x[4], atol=1e-6)
        np.testing.assert_allclose(move.x_next, move.after.x[4], atol=1e-5)
    step = frames_of(e, 6)[-1].t, frames[-1].t
    a = (e.sde.marginal(step[0])[0] / e.sde.marginal(step[1])[0]) ** 2
    for move in (m for m in moves if m.after.part == "correct"):
        z = noise.normal((50, 2), e.seed, noise.CORRECTOR, 7, move.after.sub).numpy()
        assert move.noise_norm == pytest.approx(np.linalg.norm(z[4]), rel=1e-3)
        rule = 2 * a * (0.2 * np.linalg.norm(z, axis=1).mean() / move.batch_score) ** 2
        assert move.after.epsilon == pytest.approx(rule, rel=1e-2)


def test_the_command_looks_at_any_frame_of_the_run(tmp_path, capsys):
    """At a share of the run, as the playhead does: sub-steps of the corrector, and the steps of Langevin."""

    def words(mode, *where):
        write(tmp_path / "e.json", Document(experiment(mode, langevin_steps=40)))
        code = main(["lab", "pc_microscope", str(tmp_path / "e.json"), *where])
        return code, capsys.readouterr().err

    assert "Step 10 of 40" in words("langevin", "--at", "0.25")[1]
    assert "Step 40 of 40" in words("langevin", "--at", "1")[1]
    frames = 12 * 2 + 1  # each step and its one correction
    assert "Step 6 of 12: one move " in words("pc", "--at", str(11 / (frames - 1)))[1]
    assert "Step 6 of 12: 2 moves" in words("pc", "--at", str(12 / (frames - 1)))[1]
    for wrong in (("--at", "2"), ("--at", "0.5", "--t", "0.5")):
        code, said = words("pc", *wrong)
        assert code == 2 and "--at" in said
    assert main(["lab", "snr", str(tmp_path / "e.json"), "--at", "0.5"]) == 2
    assert "does not follow" in capsys.readouterr().err


def test_without_a_run_it_makes_one_and_finds_the_same_step():
    e = experiment()
    frames = frames_of(e, 5)
    resolved = resolve(e)
    shown = list(Microscope(particle=2).reports(Context(e, resolved, frames[-1].t, frames)))[-1]
    alone = list(Microscope(particle=2).reports(Context(e, resolved, frames[-1].t)))[-1]
    for name in ("x", "drift", "score", "noise", "mean"):
        np.testing.assert_allclose(alone.arrays[name], shown.arrays[name], atol=1e-5)
    picture, rule, numbers, table = shown.figures
    assert isinstance(picture, Picture) and isinstance(rule, Equation) and isinstance(table, Table)
    assert len(table.rows) == 2 and "\\score" in numbers.latex and rule.latex == e.sampler.corrector.equation


def test_the_other_order_is_computed_anew():
    e = experiment()
    context = Context(e, resolve(e), 0.5, frames_of(e, 6))
    table = list(Microscope(order="corrector").reports(context))[-1].figures[-1]
    assert [row[0] for row in table.rows] == ["corrector 1", "predictor"]


@pytest.mark.parametrize("mode", ["reverse", "ode", "langevin", "annealed"])
def test_other_modes_have_their_moves(mode):
    e = edited(experiment(mode, levels=3, level_steps=2, langevin_steps=10), "data", "two_modes_1d")
    report = list(Microscope().reports(Context(e, resolve(e), 0.4)))[-1]
    assert report.progress == 1.0 and len(report.figures) == 4


def test_what_has_no_score_or_no_grid_is_refused_in_a_sentence():
    assert "forward" in Microscope().refusal(experiment("forward"))
    e = edited(experiment("ode"), "sampler.solver", "dopri5")
    assert "adaptive" in Microscope().refusal(e)
    assert Microscope().refusal(experiment()) == ""
