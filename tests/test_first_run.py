"""The recording that is shown while torch loads: the run the program computes itself, and no obstacle where broken."""

import random

import numpy as np
import windows

from explorer.diffusion.simulate import simulate
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.session import first_run


def test_it_is_the_run_of_the_default_experiment():
    e, kept = Experiment(), first_run.load()
    assert kept.complete and kept[0].t == e.sde.T
    start = next(iter(simulate(e.sde, e.sampler, resolve(e).score, e.data.mixture, e.seed)))
    np.testing.assert_allclose(kept[0].x, start.x[: first_run.PARTICLES], atol=2e-3)  # kept as float16


def test_a_broken_file_is_none(tmp_path, monkeypatch):
    raw, rng = first_run.path().read_bytes(), random.Random(0)
    broken = tmp_path / "first_run.npz"
    monkeypatch.setattr(first_run, "path", lambda: broken)
    assert first_run.load() is None
    for length in (0, 3, 100, len(raw) // 2, len(raw) - 1):
        broken.write_bytes(raw[:length])
        assert first_run.load() is None
    for _ in range(20):
        spoilt = bytearray(raw)
        for place in rng.sample(range(len(raw)), 20):
            spoilt[place] ^= 255
        broken.write_bytes(bytes(spoilt))
        first_run.load()  # whatever it is, no exception


def test_the_heading_names_what_is_shown(qtbot, tmp_path):
    """Also when work of last time comes back meanwhile: it is not what moves on the stage yet."""
    with windows.windowed(qtbot, tmp_path, started=False) as window:
        window.session.preview(first_run.load())
        window.commands.set_mode("ode")
        windows.wait(qtbot, lambda: "A" in window.session.showing.pictures)
        window.telling.slowly()
        assert window.stages["A"].title.whole() == "Reverse SDE"
        window.start()
        windows.wait(qtbot, lambda: window.stages["A"].title.whole() == "Probability-flow ODE")
