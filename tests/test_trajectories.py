"""Trajectories: they last in time, are those of the same particles everywhere, and do not hide the density."""

import json
from dataclasses import replace

import numpy as np
import pytest

from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.experiment.view_settings import Look
from explorer.figures.views import VIEWS, Scene
from explorer.figures.views.trajectories import FEWEST, LEADERS, MOST, crowding, shown_frames
from explorer.session.document import Document, dumps, loads

BOUNDS = (-3.0, 3.0, -3.0, 3.0)


def run(mode="reverse", steps=40, grid="uniform", particles=30, **others):
    e = edited(Experiment(), "score.source", "exact")
    few = dict(langevin_steps=steps, levels=5, level_steps=max(steps // 5, 1), corrector_steps=1)
    few |= dict(steps=steps, mode=mode, particles=particles, grid=grid) | others
    e = replace(e, sampler=replace(e.sampler, **few))
    return e, list(simulate(e.sde, e.sampler, resolve(e).score, e.data.mixture, 0))


def scene(e, frames, index=-1, length=1.0, count=20, **look):
    look = Look(trajectory_length=length, trail_count=count, **look)
    index = range(len(frames))[index]
    return Scene(e, look, frames[: index + 1], resolve(e).score, BOUNDS, length=len(frames))


# --- how long ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("index", [1, 7, 20, -1])
def test_a_whole_path_begins_where_the_run_did(mode, index):
    e, frames = run(mode)
    s = scene(e, frames, index)
    which = shown_frames(s, 1.0)
    assert which == list(range(len(s.frames)))
    lines, heads = VIEWS["trails"]().marks(s)
    np.testing.assert_array_equal(lines.starts[:20], s.to_view(frames[0].x[:20], frames[0].t))
    np.testing.assert_array_equal(heads.xy, s.to_view(s.frame.x[:20], s.frame.t))


@pytest.mark.parametrize("grid", ["uniform", "quadratic"])
@pytest.mark.parametrize("steps", [7, 40, 200])
@pytest.mark.parametrize("mode", ["forward", "reverse", "ode", "pc"])
@pytest.mark.parametrize("length", [0.1, 0.35])
def test_a_shorter_one_lasts_as_long_whatever_the_steps(mode, steps, grid, length):
    """Never longer than that fraction of the time from 0 to 1, and as near to it as the frames allow."""
    e, frames = run(mode, steps, grid)
    for index in (steps // 2, -1):
        s = scene(e, frames, index)
        times = np.array([f.t for f in s.frames])
        which = shown_frames(s, length)
        lasts = abs(times[which[0]] - times[-1])
        inside = np.flatnonzero(abs(times - times[-1]) <= length + 1e-6)
        assert which[-1] == len(times) - 1
        # one step is always shown; decimation may begin a few frames later
        assert lasts <= length + 1e-6 or which == [len(times) - 2, len(times) - 1]
        assert which[0] - min(inside[0], len(times) - 2) < max(1, len(frames) * 20 // MOST + 1)


def test_two_stages_with_other_steps_and_methods_show_the_same_time():
    a, frames_a = run("reverse", 200)
    b, frames_b = run("ode", 50)
    for position in (0.25, 0.5, 1.0):
        reached = []
        for e, frames in ((a, frames_a), (b, frames_b)):
            s = scene(e, frames, round(position * (len(frames) - 1)))
            reached.append(s.frames[shown_frames(s, 0.2)[0]].t)
        assert reached[0] == pytest.approx(reached[1], abs=1 / 50)


def test_at_one_noise_level_where_no_time_passes_it_is_that_fraction_of_the_moves():
    e, frames = run("langevin", 100)
    assert shown_frames(scene(e, frames, 60), 0.25)[0] == 60 - 25
    assert shown_frames(scene(e, frames, 10), 0.25)[0] == 0


@pytest.mark.parametrize("index", range(4))
def test_the_first_frames_of_a_run(index):
    e, frames = run(steps=3)
    s = scene(e, frames, index, length=0.001)
    drawn = VIEWS["trails"]().marks(s)
    assert (drawn == ()) == (index == 0)
    if index:
        assert shown_frames(s, 0.001) == [index - 1, index]


# --- which, and how many lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["reverse", "ode", "pc"])
def test_every_stage_traces_the_same_particles_in_the_same_colour(mode):
    """From one start: the first positions of the lines are the same under every method."""
    first = [VIEWS["trails"]().marks(scene(*run(m)))[0] for m in ("reverse", mode)]
    np.testing.assert_array_equal(first[0].starts[:20], first[1].starts[:20])
    assert first[0].color == first[1].color


@pytest.mark.parametrize(
    ("frames", "count"), [(201, 100), (2001, 120), (20_001, 60), (501, 5000), (11, 5000)]
)
def test_lines_are_as_many_as_can_be_told_apart_and_only_grow(frames, count):
    e = edited(Experiment(), "score.source", "exact")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, 2)).astype(np.float32)
    every = [Frame(x, 1 - i / (frames - 1), 1.0, 0.0, i, frames - 1, i) for i in range(frames)]
    kept: list[int] = []
    for index in (1, frames // 3, frames // 2, frames - 2, frames - 1):
        which = shown_frames(scene(e, every, index, count=count), 1.0)
        assert which[0] == 0 and which[-1] == index and which == sorted(set(which))
        assert set(kept[:-1]) <= set(which)  # but for the head, what was drawn stays
        kept = which
    lines = (len(kept) - 1) * count
    assert lines <= max(MOST + count, (FEWEST + 1) * count)
    assert len(kept) == frames or len(kept) > FEWEST / 2


# --- how they look -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["reverse", "ode"])
@pytest.mark.parametrize("count", [60, 120, 400])
def test_a_tangle_hides_less_than_half_of_what_is_below_it(mode, count):
    """Where many lines cross, each is fainter; but single ones can be followed."""
    e, frames = run(mode, 200, particles=count)
    s = scene(e, frames, count=count)
    lines, _ = VIEWS["trails"]().marks(s)
    fade = lines.fade.reshape(-1, count)
    paths = np.stack([s.to_view(f.x[:count], f.t) for f in (s.frames[i] for i in shown_frames(s, 1.0))])
    covered = 1 - np.exp(-crowding(s, paths) * lines.alpha * fade[-1, -1])
    assert covered < 0.5
    alone = crowding(s, paths[:, :LEADERS])
    np.testing.assert_allclose(fade[-1, :LEADERS], 1 / (1 + 2 * alone), rtol=1e-5)
    assert fade[-1, 0] > 2 * fade[-1, -1] or mode == "ode"


def test_smooth_paths_are_seen_better_than_tangled_ones():
    fades = {}
    for mode in ("reverse", "ode"):
        lines, _ = VIEWS["trails"]().marks(scene(*run(mode, 200, particles=100), count=100))
        fades[mode] = lines.fade[-1]
    assert fades["ode"] > 3 * fades["reverse"]


# --- files -------------------------------------------------------------------------------------------------------


def old(sampler=None, **look):
    value = json.loads(dumps(Document()))
    del value["look"]["trajectory_length"]
    value["look"] |= look
    value["sampler"] |= sampler or {}
    return value | {"version": 1}


@pytest.mark.parametrize(
    ("sampler", "steps", "length"),
    [
        ({"steps": 200}, 50, 0.25),
        ({"steps": 40}, 200, 1.0),
        ({"steps": 100, "mode": "pc", "corrector_steps": 1}, 20, 0.1),
        ({"mode": "langevin", "langevin_steps": 500}, 100, 0.2),
        ({"mode": "ode", "solver": {"type": "dopri5"}}, 30, 1.0),
        ({"steps": 200}, 16, Look().trajectory_length),  # nobody had chosen that
    ],
)
def test_a_file_that_counts_steps_opens_with_the_fraction_that_they_are(sampler, steps, length):
    value = old(sampler, trail_length=steps, trail_count=33, point_size=4.0)
    for marked in (value, {k: v for k, v in value.items() if k != "version"}):
        document, word = loads(json.dumps(marked))
        assert document.look.trajectory_length == pytest.approx(length) and word == ""
        assert (document.look.trail_count, document.look.point_size) == (33, 4.0)


@pytest.mark.parametrize("bad", ["long", None, True, [3]])
def test_what_was_no_number_of_steps_is_refused_by_name(bad):
    with pytest.raises(ExperimentError, match=r"look\.trail_length"):
        loads(json.dumps(old(trail_length=bad)))


def test_what_is_written_now_is_read_as_it_is():
    document = Document(look=Look(trajectory_length=0.3, point_opacity=0.4))
    assert loads(dumps(document)) == (document, "")
