"""One distance: the window's curve, the exported script, `run --metrics` and the laboratories say the same number."""

import json
import re

import numpy as np
import pytest

from explorer.analysis.distance import Scale, report, to_data
from explorer.cli import main
from explorer.cli.common import with_fields
from explorer.cli.run import measured
from explorer.data import metrics
from explorer.data.images import IMAGES
from explorer.data.images.base import from_pixels
from explorer.diffusion.frames import Frame, Recording
from explorer.diffusion.simulate import simulate
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.export.script import script_of
from explorer.session import document
from explorer.session.distance import Distances
from explorer.session.document import Document

CASES = [
    [],
    ["data=two_moons", "sampler.particles=333"],
    ["data=two_modes_1d"],
    ["data=two_moons", "control=inpaint"],
    ["sampler.mode=ode", "sampler.particles=12000"],
]


def experiment(*sets):
    return with_fields(
        Document(Experiment()), ["sampler.steps=8", "score.source=exact", "sampler.particles=400", *sets]
    ).experiment


def curve_of(e, frames):
    """What the window's curve says of a run at its end, and what it says that this means."""
    meter, recording = Distances(), Recording()
    meter.restart(e)
    for frame in frames:
        recording.append(frame)
    recording.complete = True
    while (work := meter.work(recording)) is not None:
        meter.add(work())
    return meter.array()[-1, 2], meter.scale


@pytest.mark.parametrize("sets", CASES, ids=str)
def test_window_script_and_command_line_print_one_number(sets, tmp_path, monkeypatch, capsys):
    e = experiment(*sets)
    path = tmp_path / "e.json"
    path.write_text(document.dumps(Document(e)))
    assert main(["run", str(path), "--out", str(tmp_path / "r.npz"), "--metrics"]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]["sliced_wasserstein"]
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "script"}
    exec(compile(script_of([e], [resolve(e)], ""), "s.py", "exec"), names)
    names["run"](names["experiment"], tmp_path / "s.npz")
    printed = capsys.readouterr().out
    frames = list(simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed))
    shown, scale = curve_of(e, [frames[0], frames[-1]])
    assert (
        shown
        == found["value"]
        == pytest.approx(float(re.search(r"the data ([0-9.e-]+)", printed)[1]), rel=1e-8)
    )
    assert (scale.n, scale.floor.mean, scale.floor.std) == (found["n"], found["floor"], found["floor_std"])
    assert scale.words in printed and found["reference"] == 20_000
    # and that of anybody's own script
    x = frames[-1].x[:: -(-len(frames[-1].x) // 10_000)]
    points = metrics.reference(e.target).points
    assert metrics.sliced_wasserstein(x, points) == pytest.approx(shown, rel=1e-6)


def test_images_have_one_distance_too():
    e = with_data(Experiment(), IMAGES["mnist"]())
    x = from_pixels(e.data.held_out.images[300:330])
    frame = Frame(x, 0.0, 1.0, 0.0, 1, 1, "start", 0)
    shown, scale = curve_of(e, [frame])
    found = measured(e, x)["nearest_training_picture"]
    assert shown == found["value"] == pytest.approx(float(np.mean(e.data.neighbours(x)[1])), rel=1e-6)
    assert (scale.n, scale.floor.mean) == (found["n"], found["held_out"])
    assert report(e, x).startswith(f"distance to the data {shown:.9g}")
    # the scatter of a mean over n
    assert Scale.of(to_data(e), 25).floor.std == pytest.approx(2 * Scale.of(to_data(e), 100).floor.std)
