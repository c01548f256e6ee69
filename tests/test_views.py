"""Views: marks that mean what they say, for every view, mode and dimension."""

import math
from collections import defaultdict
from dataclasses import fields, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import FIELDS, Look
from explorer.figures.marks import Arrows, Curve, Image, Legend, Points, Segments, Text
from explorer.figures.views import VIEWS, Scene, compose
from explorer.figures.views.base import lattice

BOUNDS = (-3.5, 3.0, -2.5, 2.0)
ALL = Look(contours=True, data=True, arrow_color=True)
POINT_VIEWS = [name for name in VIEWS if not VIEWS[name].of_pictures]
KINDS = [("eight_gaussians", 2), ("anisotropic", 2), ("two_modes_1d", 1)]


@lru_cache
def experiment(data="eight_gaussians", mode="reverse", sde="vp", source="exact", steps=6):
    e = edited(edited(Experiment(), "data", data), "sde", sde)
    few = dict(steps=steps, particles=60, corrector_steps=2, langevin_steps=6, levels=3, level_steps=2)
    sampler = replace(e.sampler, mode=mode, **few)
    return replace(e, sampler=sampler, score=replace(e.score, source=source))


@lru_cache
def frames_of(e):
    return tuple(simulate(e.sde, e.sampler, resolve(e).score, e.data.mixture, e.seed))


def scene_of(e, index=-1, look=ALL, bounds=BOUNDS, score=None):
    frames = frames_of(e)
    index = range(len(frames))[index]
    return Scene(e, look, list(frames[: index + 1]), score or resolve(e).score, bounds)


def at(e, t, look=ALL, bounds=BOUNDS, x=None, score=None):
    """A scene of one frame at any time."""
    x = np.zeros((5, e.data.dim), np.float32) if x is None else x
    alpha, sigma = e.sde.marginal(t)
    return Scene(e, look, [Frame(x, t, alpha, sigma, 1, 5, 1)], score or resolve(e).score, bounds)


def marks(name, scene):
    return VIEWS[name]().marks(scene)


# --- all of them ----------------------------------------------------------------------------------------------


def finite(array, shape):
    """float32 of the shape (None: any length), and finite."""
    assert array.dtype == np.float32 and array.ndim == len(shape)
    assert all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    assert np.isfinite(array).all()
    return len(array)


def check(mark):
    if isinstance(mark, Legend):
        assert mark.entries and all(e.text and np.isfinite(e.uv).all() for e in mark.entries)
        return
    if isinstance(mark, Text):
        assert mark.text and np.isfinite(mark.xy).all() and mark.size > 0
        return
    if isinstance(mark, Points):
        n = finite(mark.xy, (None, 2))
        assert mark.values is None or finite(mark.values, (n,)) == n
    elif isinstance(mark, Segments):
        n = finite(mark.starts, (None, 2))
        finite(mark.ends, (n, 2))
        if mark.fade is not None:
            finite(mark.fade, (n,))
            assert mark.fade.min() >= 0 and mark.fade.max() <= 1
    elif isinstance(mark, Arrows):
        n = finite(mark.xy, (None, 2))
        finite(mark.uv, (n, 2))
        if mark.values is not None:
            finite(mark.values, (n,))
            assert mark.values.min() >= 0 and mark.values.max() <= 1
    elif isinstance(mark, Curve):
        pen = np.isnan(mark.xy).all(axis=1)  # whole rows lift it
        finite(mark.xy[~pen], (None, 2))
        assert mark.xy.dtype == np.float32
    else:
        assert isinstance(mark, Image)
        finite(mark.values, (None, None))
        assert mark.values.min() >= 0 and mark.values.max() <= 1.0001
        left, right, bottom, top = mark.bounds
        assert left < right and bottom < top
    assert 0 < mark.alpha <= 1


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize(("data", "dim"), KINDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", POINT_VIEWS)
def test_every_view_of_every_mode(name, mode, data, dim, follow):
    e = experiment(data, mode)
    for index in (0, 1, 4, -1):
        scene = scene_of(e, index, replace(ALL, follow=follow))
        assert scene.flat == (dim == 1)
        for mark in marks(name, scene):
            check(mark)


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
def test_every_sde_at_its_ends(sde, data):
    e = experiment(data, "forward", sde)
    for index in (0, 1, -1):
        drawn = compose(scene_of(e, index))
        assert len(drawn) >= 5
        for mark in drawn:
            check(mark)


def test_a_picture_is_what_the_look_asks_for():
    """Each layer can be switched off alone, and the order of painting is that of the menu."""
    e = experiment(mode="pc")
    scene = scene_of(e, 4)
    kinds = [type(m).__name__ for m in compose(scene)]
    assert kinds == [
        "Image",
        *["Curve"] * kinds.count("Curve"),
        "Points",
        "Arrows",
        "Legend",
        "Segments",
        "Points",
        "Points",
        "Arrows",
        "Legend",
    ]
    off = {f.name: "none" if f.name == "field" else False for f in fields(Look)}
    switches = {"cloud": "particles", "vector_field": "field", "data_points": "data"}
    shown = [v for v in POINT_VIEWS if v != "space"]
    for name in shown:
        switch = switches.get(name, name)
        assert VIEWS[name]().visible(ALL), name
        look = replace(ALL, **{switch: off[switch]})
        assert [v for v in POINT_VIEWS if VIEWS[v]().visible(look)] == [v for v in shown if v != name]
    none = Look(
        **{k: off[k] for k in ("particles", "trails", "density", "contours", "data", "moves", "field")}
    )
    assert compose(replace(scene, look=none)) == ()


@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
def test_one_particle_and_one_frame(data):
    e = experiment(data)
    for mark in compose(at(e, 0.5, x=np.ones((1, e.data.dim), np.float32))):
        check(mark)


def test_a_run_that_diverged_still_gives_a_picture():
    e = experiment()
    x = np.full((60, 2), 1e6, np.float32)
    for mark in compose(at(e, 0.5, x=x)):
        check(mark)


# --- the field ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("follow", [True, False])
def test_arrows_point_along_the_score(sde, t, follow):
    e = experiment("anisotropic", sde=sde)
    arrows, _ = marks("vector_field", at(e, t, replace(ALL, field="exact", follow=follow)))
    alpha, sigma = e.sde.marginal(t)
    scale = math.hypot(alpha, sigma) if follow else 1.0
    x = torch.from_numpy(arrows.xy.astype(np.float64) * scale)
    score = e.data.mixture.score(x, alpha, sigma).numpy()
    size = np.linalg.norm(score, axis=1)
    length = np.linalg.norm(arrows.uv, axis=1)
    seen = (size * scale > 1e-2) & (length > 1e-5)
    assert seen.mean() > 0.9
    cosine = (arrows.uv * score).sum(1)[seen] / (length * size)[seen]
    assert cosine.min() > 0.999
    spacing = (BOUNDS[3] - BOUNDS[2]) / ALL.arrows
    assert length.max() <= spacing
    # longer where the score is larger
    order = np.argsort(size)
    assert (np.diff(length[order]) >= -1e-4).all()


@pytest.mark.parametrize("t", [0.05, 0.5])
def test_arrows_over_time_point_up_where_the_score_is_positive(t):
    e = experiment("three_modes_1d")
    arrows, _ = marks("vector_field", scene_of(e, look=replace(ALL, field="exact", follow=False)))
    assert (arrows.uv[:, 0] == 0).all()
    for time in np.unique(arrows.xy[:, 0]):
        column = arrows.xy[:, 0] == time
        alpha, sigma = e.sde.marginal(float(time))
        score = e.data.mixture.score(torch.from_numpy(arrows.xy[column, 1:]), alpha, sigma).numpy()[:, 0]
        clear = abs(score) > 1e-2
        assert (np.sign(arrows.uv[column, 1]) == np.sign(score))[clear].all()


@pytest.mark.parametrize("sde", SDES)
def test_the_field_of_one_gaussian_is_radial(sde):
    """N(0, s²): the score is -x/(alpha² s² + sigma²); in view units it depends on the view's scale alone."""
    e = edited(experiment(sde=sde), "data", {"type": "gaussian_mixture", "means": [[0, 0]], "scales": 0.6})
    for t in (0.2, 0.8):
        scene = at(e, t, replace(ALL, field="exact"))
        xy, _ = lattice(BOUNDS, 10)
        alpha, sigma = e.sde.marginal(t)
        scale = math.hypot(alpha, sigma)
        expected = -xy * scale**2 / (alpha**2 * 0.36 + sigma**2)
        np.testing.assert_allclose(scene.evaluate(scene.exact, xy, t), expected, rtol=1e-4, atol=1e-5)
        arrows, _ = marks("vector_field", scene)
        along = arrows.xy / np.linalg.norm(arrows.xy, axis=1, keepdims=True)
        assert ((arrows.uv * along).sum(1) < 0).all()
        aside = along[:, 0] * arrows.uv[:, 1] - along[:, 1] * arrows.uv[:, 0]
        np.testing.assert_allclose(aside, 0, atol=1e-6)


@pytest.mark.parametrize("follow", [True, False])
def test_particles_and_field_share_their_units(follow):
    """A step along the score in data units is, on the stage, a step along the evaluated field."""
    e, t, h = experiment(sde="ve"), 0.7, 1e-3
    scene = at(e, t, replace(ALL, follow=follow))
    x = np.float32([[1.0, -2.0], [4.0, 3.0]])
    s = scene.exact(torch.from_numpy(x), t).numpy()
    here, there = scene.to_view(x, t), scene.to_view(x + h * s, t)
    field = scene.evaluate(scene.exact, here, t)
    np.testing.assert_allclose((there - here) * scene.scale(t) ** 2, h * field, rtol=2e-2, atol=1e-6)


def test_follow_keeps_the_cloud_its_size():
    e = experiment(sde="ve", mode="forward", steps=20)
    sizes = [scene_of(e, i).to_view(f.x, f.t).std() for i, f in enumerate(frames_of(e))]
    assert max(sizes) < 1.6 * min(sizes)
    assert frames_of(e)[-1].x.std() > 5
    scene = scene_of(e, 0)
    assert scene.scale(0.0) == 1.0 and replace(scene, look=replace(ALL, follow=False)).scale(0.9) == 1.0


def test_the_difference_of_the_exact_score_with_itself_is_nothing():
    for data in ("eight_gaussians", "two_modes_1d"):
        arrows, legend = marks(
            "vector_field", scene_of(experiment(data), look=replace(ALL, field="difference"))
        )
        assert not arrows.uv.any()
        assert len(legend.entries) == 1  # no arrow has a length to be told


def test_learned_and_difference_fields_add_up():
    e = experiment()

    def learned(x, t):
        return ExactScore(e.data.mixture, e.sde)(x, t) + torch.tensor([30.0, 0.0])

    arrows, _ = marks("vector_field", at(e, 0.4, replace(ALL, field="difference"), score=learned))
    assert (arrows.uv[:, 0] > 0).all() and np.allclose(arrows.uv[:, 1], 0, atol=1e-6)
    scenes = {f: at(e, 0.4, replace(ALL, field=f), score=learned) for f in FIELDS if f != "none"}
    drawn = {f: marks("vector_field", scene)[0] for f, scene in scenes.items()}
    assert len({m.color for m in drawn.values()}) == 3
    assert not np.allclose(drawn["learned"].uv, drawn["exact"].uv)
    same = marks("vector_field", at(e, 0.4, replace(ALL, field="learned")))[0]  # the exact score is in use
    np.testing.assert_array_equal(same.uv, drawn["exact"].uv)


@pytest.mark.parametrize("shift", [(0.1, 0.0), (0.37, -0.81), (-5.0, 12.3)])
def test_the_lattice_stays_put_while_one_pans(shift):
    left, right, bottom, top = BOUNDS
    a, spacing = lattice(BOUNDS, 15)
    b, same = lattice((left + shift[0], right + shift[0], bottom + shift[1], top + shift[1]), 15)
    assert spacing == pytest.approx(same) and abs(len(a) - len(b)) <= 40
    offset = (b[0] - a[0]) / spacing
    np.testing.assert_allclose(offset, offset.round(), atol=1e-3)
    assert (b[:, 0] >= left + shift[0] - 1e-4).all() and (b[:, 1] <= top + shift[1] + 1e-4).all()


@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
def test_arrows_stay_put_while_one_pans(data):
    e = experiment(data)
    up = (BOUNDS[0], BOUNDS[1], BOUNDS[2] + 0.13, BOUNDS[3] + 0.13)
    here, there = (marks("vector_field", at(e, 0.5, bounds=b))[0].xy for b in (BOUNDS, up))
    common = {tuple(p) for p in here.round(3)} & {tuple(p) for p in there.round(3)}
    assert len(common) > 0.8 * len(here)


# --- density and contours ---------------------------------------------------------------------------------------


def pixels(image):
    """Centres of the cells of an image: xs, ys."""
    left, right, bottom, top = image.bounds
    h, w = image.values.shape
    return left + (np.arange(w) + 0.5) * (right - left) / w, bottom + (np.arange(h) + 0.5) * (
        top - bottom
    ) / h


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize("data", ["eight_gaussians", "anisotropic", "unequal_modes"])
def test_the_heat_map_is_the_root_of_the_density(data, follow):
    e, t = experiment(data), 0.25
    (image,) = marks("density", at(e, t, replace(ALL, follow=follow)))
    assert image.bounds == BOUNDS and image.values.max() == pytest.approx(1)
    xs, ys = pixels(image)
    alpha, sigma = e.sde.marginal(t)
    scale = math.hypot(alpha, sigma) if follow else 1.0
    x = torch.from_numpy(np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2) * scale)
    p = np.exp(e.data.mixture.log_density(x, alpha, sigma).numpy()).reshape(image.values.shape)
    np.testing.assert_allclose(image.values**2, p / p.max(), atol=2e-4)


def test_the_heat_map_over_time():
    e = experiment("three_modes_1d")
    (image,) = marks("density", scene_of(e, look=replace(ALL, follow=False)))
    assert image.bounds == (0.0, 1.0, *BOUNDS[2:])
    ts, ys = pixels(image)
    for column in (10, 160, 300):
        alpha, sigma = e.sde.marginal(float(ts[column]))
        p = np.exp(e.data.mixture.log_density(torch.from_numpy(ys[:, None]), alpha, sigma).numpy())
        np.testing.assert_allclose(image.values[:, column] ** 2, p / p.max(), atol=1e-3)


@pytest.mark.parametrize("follow", [True, False])
def test_contours_lie_on_their_levels(follow):
    e, t = experiment(), 0.3
    scene = at(e, t, replace(ALL, follow=follow))
    curves = marks("contours", scene)
    assert len(curves) == 4 and [c.alpha for c in curves] == sorted((c.alpha for c in curves), reverse=True)
    alpha, sigma = e.sde.marginal(t)
    xs, ys = pixels(marks("density", scene)[0])

    def log_p(xy):
        x = torch.from_numpy(np.asarray(xy, np.float64) * scene.scale(t))
        return e.data.mixture.log_density(x, alpha, sigma).numpy()

    peak = log_p(np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)).max()
    for curve, fall in zip(curves, (2, 10, 100, 1000), strict=True):
        xy = curve.xy[np.isfinite(curve.xy).all(1)]
        np.testing.assert_allclose(log_p(xy), peak - math.log(fall), atol=0.05)


# --- particles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("follow", [True, False])
def test_the_cloud_is_the_frame(follow):
    e = experiment(sde="ve")
    scene = scene_of(e, 3, replace(ALL, follow=follow, point_size=7.0))
    (points,) = marks("cloud", scene)
    frame = frames_of(e)[3]
    expected = frame.x / (math.hypot(frame.alpha, frame.sigma) if follow else 1)
    np.testing.assert_allclose(points.xy, expected, rtol=1e-6)
    assert points.size == 7.0 and not points.ring
    alone = marks("cloud", scene_of(e, 3, replace(ALL, trails=False, point_opacity=0.5)))[0]
    beside = marks("cloud", scene_of(e, 3, replace(ALL, trails=True, point_opacity=0.5)))[0]
    assert beside.alpha < alone.alpha == 0.5


def test_the_cloud_over_time_stands_on_its_line():
    e = experiment("two_modes_1d")
    scene = scene_of(e, 3, replace(ALL, follow=False))
    line, points, data, noise = marks("cloud", scene)
    assert (data.xy[0], noise.xy[0]) == (0.0, 1.0) and "data" in data.text and "noise" in noise.text
    t = frames_of(e)[3].t
    np.testing.assert_allclose(points.xy[:, 0], t, rtol=1e-6)
    np.testing.assert_array_equal(points.xy[:, 1], frames_of(e)[3].x[:, 0])
    np.testing.assert_allclose(line.xy, [[t, BOUNDS[2]], [t, BOUNDS[3]]], rtol=1e-6)


@pytest.mark.parametrize(("length", "count"), [(1, 5), (3, 60), (100, 1)])
def test_trails_join_consecutive_frames(length, count):
    """Of 6 equal steps so many sixths of the run are that many steps."""
    e = experiment()
    look = replace(ALL, trajectory_length=min(length / 6, 1.0), trail_count=count)
    trails, heads = marks("trails", scene_of(e, 5, look))
    shown = frames_of(e)[max(0, 5 - length) : 6]
    scene = scene_of(e, 5)
    starts = np.concatenate([scene.to_view(f.x[:count], f.t) for f in shown[:-1]])
    ends = np.concatenate([scene.to_view(f.x[:count], f.t) for f in shown[1:]])
    np.testing.assert_array_equal(trails.starts, starts)
    np.testing.assert_array_equal(trails.ends, ends)
    ages = trails.fade.reshape(len(shown) - 1, count)
    assert (np.diff(ages[:, 0]) > 0).all() and 0.9 < ages[-1, 0] <= 1  # opaque, but for where lines meet
    np.testing.assert_allclose(ages[::-1, 0] / ages[-1, 0], np.linspace(1, 0.25, len(ages)), rtol=1e-5)
    np.testing.assert_array_equal(heads.xy, ends[-count:])
    assert marks("trails", scene_of(e, 0)) == ()


def test_trails_over_time_are_whole_paths():
    e = experiment("two_modes_1d")
    trails, _ = marks("trails", scene_of(e, look=replace(ALL, trajectory_length=0.1)))
    paths = defaultdict(list)
    n = len(trails.starts) // (len(frames_of(e)) - 1)
    for i, (a, b) in enumerate(zip(trails.starts, trails.ends, strict=True)):
        paths[i % n] += [a[0], b[0]]
    for times in paths.values():
        assert (
            times[0] == 1.0 and times[-1] == pytest.approx(e.sde.eps) and sorted(times, reverse=True) == times
        )


def test_data_points_are_a_fixed_draw():
    e = experiment(sde="ve")
    (points,) = marks("data_points", at(e, 0.6))
    alpha, sigma = e.sde.marginal(0.6)
    x = points.xy * math.hypot(alpha, sigma)  # where the data lies on a stage that has zoomed out
    again = marks("data_points", at(e, 0.1, replace(ALL, follow=False)))[0].xy
    np.testing.assert_allclose(x, again, atol=1e-5)
    assert len(points.xy) == 1000
    np.testing.assert_allclose(again.mean(0), e.data.mixture.mean, atol=0.2)
    np.testing.assert_allclose(np.cov(again.T), e.data.mixture.covariance, atol=0.2)
    flat = marks("data_points", at(experiment("two_modes_1d"), 0.6))[0].xy
    assert (flat[:, 0] == 0).all() and abs(
        flat[:, 1].std() - experiment("two_modes_1d").data.mixture.std
    ) < 0.1


# --- predictor and corrector ---------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["predictor", "corrector"])
def test_moves_add_up_to_the_step(order):
    e = edited(experiment(mode="pc"), "sampler.order", order)
    frames = frames_of(e)
    for index, frame in enumerate(frames):
        *drawn, legend = marks("moves", scene_of(e, index))
        assert [(m.text, m.color) for m in legend.entries] == [
            ("predictor", "drift"),
            ("corrector", "corrector"),
        ]
        step = [i for i, f in enumerate(frames) if f.step == frame.step and i <= index]
        assert len(drawn) == (0 if index == 0 else len(step))
        if not drawn:
            continue
        scene = scene_of(e, index)
        before, now = scene.to_view(frames[step[0] - 1].x[:40], frame.t), scene.to_view(frame.x[:40], frame.t)
        np.testing.assert_allclose(drawn[0].xy, before, atol=1e-6)
        np.testing.assert_allclose(sum(m.uv for m in drawn), now - before, atol=1e-5)
        parts = ["drift" if frames[i].part == "predict" else "corrector" for i in step]
        assert [m.color for m in drawn] == parts
        for one, after in pairwise(drawn):
            np.testing.assert_allclose(one.xy + one.uv, after.xy, atol=1e-5)


def test_no_moves_in_other_modes_nor_where_frames_are_missing():
    for mode in MODES:
        if mode != "pc":
            assert marks("moves", scene_of(experiment(mode=mode))) == ()
    e = experiment(mode="pc")
    frames = frames_of(e)
    thinned = replace(scene_of(e), frames=[frames[0], frames[7], frames[13]])
    assert [type(m) for m in marks("moves", thinned)] == [Legend]
