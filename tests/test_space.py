"""Paths in space: the camera is a rotation, only what can be drawn there is, and a drag turns it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import windows

from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Curve, Image, Points, Segments, Text
from explorer.figures.views import VIEWS, Scene, compose
from explorer.figures.views.base import TIME_LENGTH

BOUNDS = (-4.0, 4.0, -4.0, 4.0)


def scene(of="eight_gaussians", frames=None, **look):
    e = edited(Experiment(score=ScoreSource("exact")), "data", of)
    e = replace(e, sampler=replace(e.sampler, particles=20, steps=8))
    score = resolve(e).score
    run = list(simulate(e.sde, e.sampler, score, e.data.mixture, 0))
    return Scene(e, Look(space=True, **look), run[:frames], score, BOUNDS)


def test_seen_along_time_it_is_the_plane_and_from_the_side_it_is_time():
    xy = np.array([[0.3, -1.2], [2.0, 0.4]], np.float32)
    np.testing.assert_allclose(scene(azimuth=90.0, elevation=0.0).lift(xy, 0.7), xy, atol=1e-6)
    side = scene(azimuth=0.0, elevation=0.0).lift(xy, np.array([0.0, 1.0], np.float32))
    np.testing.assert_allclose(side[:, 0], [TIME_LENGTH / 2, -TIME_LENGTH / 2], atol=1e-6)
    np.testing.assert_allclose(side[:, 1], xy[:, 1], atol=1e-6)


@pytest.mark.parametrize("azimuth, elevation", [(35, 20), (-120, 70), (200, -40)])
def test_the_camera_is_a_rotation(azimuth, elevation):
    """The images of the three unit vectors are two orthonormal rows: nothing is stretched."""
    s = scene(azimuth=float(azimuth), elevation=float(elevation))
    origin = s.lift(np.zeros((1, 2), np.float32), 0.5)[0]
    units = [((1, 0), 0.5), ((0, 1), 0.5), ((0, 0), 0.5 - 1 / TIME_LENGTH)]
    rows = np.stack([s.lift(np.array([xy], np.float32), t)[0] - origin for xy, t in units], axis=1)
    np.testing.assert_allclose(rows @ rows.T, np.eye(2), atol=1e-5)


def test_what_belongs_to_the_plane_is_left_out_and_trails_are_whole_paths():
    s = scene(contours=True, data=True, frames=6)
    marks = compose(s)
    assert not any(isinstance(m, Image) for m in marks)
    assert {type(m) for m in marks} == {Segments, Curve, Points, Text}
    trails = [m for m in marks if isinstance(m, Segments) and m.fade is not None]
    assert len(trails) == 1 and len(trails[0].starts) == 5 * 20
    ages = trails[0].fade.reshape(5, 20)
    np.testing.assert_array_equal(ages, ages[:1].repeat(5, axis=0))  # no end is older than another
    first = [s.lift(f.x[:1] / np.float32(s.scale(f.t)), f.t)[0] for f in s.frames]
    for k, (a, b) in enumerate(pairwise(first)):
        np.testing.assert_allclose(trails[0].starts[20 * k], a, atol=1e-5)
        np.testing.assert_allclose(trails[0].ends[20 * k], b, atol=1e-5)


def test_one_dimension_is_over_time_already():
    s = scene("two_modes_1d")
    assert not s.spatial and VIEWS["space"]().marks(s) == ()


def test_a_drag_turns_the_paths_and_is_one_step_of_undo(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path, started=False) as window:
        window.edit_look(replace(window.session.document.look, space=True))
        window.end_drag()
        stage = window.stages["A"]
        camera = stage.canvas.camera
        windows.drag(stage.canvas.canvas._surface, (60, 60), (70, 66), (90, 76), (110, 85))
        look = window.session.document.look
        assert look.azimuth == pytest.approx(35 + 0.4 * 50) and look.elevation == pytest.approx(20 + 0.4 * 25)
        assert stage.canvas.camera == camera
        window.commands.undo()
        assert window.session.document.look == replace(look, azimuth=35.0, elevation=20.0)
