"""Pictures on the stage: marks in colour, the sheet, the estimate, the score, the strip, the plane, and their files."""

import base64
import json
import re
from dataclasses import replace
from functools import lru_cache
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from explorer.base.lazy import torch
from explorer.cli import main as command_line
from explorer.data.images import IMAGES, from_pixels, to_pixels
from explorer.diffusion.frames import Frame, Recording
from explorer.diffusion.samplers.base import CORRECTORS
from explorer.diffusion.simulate import simulate
from explorer.experiment.defaults import MOST_PICTURES, PICTURE_SAMPLER, SDE_STEPS, in_mode, with_data
from explorer.experiment.diagnostics import advice
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.export import EXPORTERS, ExportError
from explorer.figures.camera import Camera
from explorer.figures.marks import Arrows, Curve, Image, Points, Segments, Text
from explorer.figures.theme import DARK, rgb
from explorer.figures.views import Scene, compose
from explorer.figures.views import image_parts as picture_parts
from explorer.figures.views.image_plane import MEASURED, plane_of
from explorer.figures.views.trajectory_strip import frames_of_strip
from explorer.session.distance import Distances
from explorer.session.document import Document, read
from explorer.session.track import COARSE_ODE, coarse
from explorer.ui.dialogs.exporting import QtRenderer, replay_of
from explorer.ui.painting.render import to_array, to_image, to_svg

pytestmark = pytest.mark.usefixtures("qapp")
SQUARE = Camera(height=2.0)
BOUNDS = (-1.5, 1.5, -1.0, 1.0)


@lru_cache
def experiment(data="mnist", count=6, **sampler):
    e = with_data(Experiment(), IMAGES[data]())
    e = replace(e, score=replace(e.score, source="exact"))
    return replace(e, sampler=replace(e.sampler, particles=count, steps=6, **sampler))


@lru_cache
def run_of(e):
    found, recording = resolve(e), Recording()
    for frame in simulate(e.sde, e.sampler, found.score, e.target, e.seed):
        recording.append(frame)
    recording.complete = True
    return e, found, recording


def scene_of(e, index=-1, look=None, bounds=BOUNDS):
    _, found, recording = run_of(e)
    frames = recording.frames
    until = frames[: index % len(frames) + 1]
    return Scene(e, look or Look(), until, found.score, bounds, tuple(frames), len(frames))


# --- marks in colour ---------------------------------------------------------------------------------------------

RED, GREEN, BLUE = (1, 0, 0), (0, 1, 0), (0, 0, 1)
#: Row 0 is at the bottom: blue and nothing below red and green.
FOUR = np.array([[BLUE, (np.nan,) * 3], [RED, GREEN]], np.float32)


def drawn(mark, side=40):
    return to_array(to_image([mark], SQUARE, side, side, DARK, scale=1.0))


def test_colours_are_drawn_as_they_are_and_nothing_where_there_is_none():
    pixels = drawn(Image(FOUR, (-1, 1, -1, 1), smooth=False))
    corners = pixels[10, 10], pixels[10, 30], pixels[30, 10], pixels[30, 30]
    assert [tuple(c) for c in corners] == [(255, 0, 0), (0, 255, 0), (0, 0, 255), rgb(DARK, "stage")]


def test_crisp_pixels_have_no_colours_between():
    mark = Image(np.array([[(0.0,) * 3, (1.0,) * 3]], np.float32), (-1, 1, -1, 1), smooth=False)
    assert set(drawn(mark)[20, :, 0]) == {0, 255}
    assert len(set(drawn(replace(mark, smooth=True))[20, :, 0])) > 3


def test_more_pixels_than_there_is_room_for_are_blended():
    fine = np.indices((80, 80)).sum(0) % 2  # a chessboard of half pixels is grey
    mark = Image(np.repeat(fine[..., None], 3, -1).astype(np.float32), (-1, 1, -1, 1), smooth=False)
    assert abs(int(drawn(mark)[20, 20, 0]) - 128) < 40


def test_svg_holds_the_same_pixels():
    svg = to_svg([Image(FOUR, (-1, 1, -1, 1), smooth=False)], SQUARE, 40, 40, DARK, scale=1.0).decode()
    assert "image-rendering:pixelated" in svg
    raw = base64.b64decode(re.search(r"base64,([^\"]+)", svg)[1])
    inside = np.array(Pillow.open(BytesIO(raw)).convert("RGBA"))
    side = len(inside) // 4
    assert tuple(inside[side, side]) == (255, 0, 0, 255) and inside[3 * side, 3 * side, 3] == 0


# --- what the score says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["mnist", "twemoji"])
def test_the_estimate_is_the_posterior_mean(data):
    """For a finite set of pictures that is a softmax-weighted mean of them, here in float64."""
    e = experiment(data, 2)
    scene = scene_of(e, 3)
    frame, mixture = scene.frame, e.data.mixture
    away = np.square(frame.x[:, None].astype(np.float64) - frame.alpha * mixture.means).sum(-1)
    variance = frame.sigma**2 + (frame.alpha * mixture.scales[0, 0]) ** 2
    weights = np.exp(-(away - away.min(1, keepdims=True)) / (2 * variance))
    mean = weights / weights.sum(1, keepdims=True) @ mixture.means
    assert np.abs(picture_parts.estimate_of(scene, frame) - mean).max() < 2e-2


def test_score_and_estimate_are_one_thing():
    scene = scene_of(experiment(), 4)
    frame = scene.frame
    noise = (frame.x - frame.alpha * picture_parts.estimate_of(scene, frame)) / frame.sigma
    assert np.allclose(picture_parts.scaled_score(scene, frame), -noise, atol=1e-3)


class Counted:
    """A score that counts how often it is asked."""

    def __init__(self):
        self.times = 0

    def __call__(self, x, t):
        self.times += 1
        return -x


def test_a_score_is_asked_once_a_frame():
    score = Counted()
    scene = replace(scene_of(experiment(), 2), score=score)
    for _ in range(3):
        assert compose(scene)
    assert score.times == 1
    compose(replace(scene, frames=scene.run[:2]))
    assert score.times == 2
    compose(replace(scene, score=Counted()))  # newer weights are asked anew, and say so
    compose(scene)
    assert score.times == 3


def test_what_is_remembered_stays_within_its_budget():
    answers, score, frames = picture_parts.Answers(budget=100), Counted(), [object() for _ in range(9)]
    for frame in frames:
        answers.get(score, frame, lambda: np.zeros(10, np.float32))
    assert answers._bytes <= 100 and len(answers._kept) == 2
    answers.get(score, frames[-1], lambda: pytest.fail("it is known"))


# --- the sheet ---------------------------------------------------------------------------------------------------


def frame_of(count, d=784, t=0.5):
    return Frame(np.zeros((count, d), np.float32), t, 0.5, 0.5, 0, 1, 0)


@pytest.mark.parametrize("aspect", [0.5, 0.75, 1.0, 1.5, 2.2, 4.0])
@pytest.mark.parametrize("count", [1, 4, 7, 16, 100])
def test_panels_fill_the_stage_and_keep_apart(count, aspect):
    scene = replace(scene_of(experiment()), frames=[frame_of(count)], bounds=(-aspect, aspect, -1.0, 1.0))
    boxes = list(picture_parts.panels(scene).values())
    for left, right, bottom, top in boxes:
        assert -aspect <= left < right <= aspect + 1e-9 and -1 < bottom < top < 1
        columns, rows = (picture_parts.Grid.of(count).columns, picture_parts.Grid.of(count).rows)
        assert (right - left) / columns == pytest.approx((top - bottom) / rows)  # pictures are square
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[0] >= b[1] or b[0] >= a[1] or a[2] >= b[3] or b[2] >= a[3]
    widest, highest = (
        max(b[1] for b in boxes) - min(b[0] for b in boxes),
        max(b[3] for b in boxes) - min(b[2] for b in boxes),
    )
    assert widest > 1.6 * aspect or highest > 1.5  # as large as it goes, one way or the other


def test_every_picture_is_found_where_it_stands():
    scene = scene_of(experiment(count=7), 3)
    for left, right, bottom, top in picture_parts.panels(scene).values():
        places = [
            (left + (i % 3 + 0.5) / 3 * (right - left), top - (i // 3 + 0.5) / 3 * (top - bottom))
            for i in range(9)
        ]
        found = [picture_parts.picture_at(scene, xy) for xy in places]
        assert found == [0, 1, 2, 3, 4, 5, 6, None, None]
    assert picture_parts.picture_at(scene, (1.49, -0.99)) is None
    assert picture_parts.picture_at(replace(scene, look=Look(picture=2)), (0.0, 0.0)) is None


def test_the_probe_reads_the_pixel():
    scene = scene_of(experiment(), 3)
    left, right, bottom, top = picture_parts.panels(scene)["now"]
    row, column = 9, 20  # of the fifth of six: second column of three, second row of two
    xy = (
        left + (1 + (column + 0.5) / 28) / 3 * (right - left),
        top - (1 + (row + 0.5) / 28) / 2 * (top - bottom),
    )
    value = scene.frame.x[4].reshape(28, 28)[row, column]
    assert picture_parts.probe(scene, xy) == f"image 5   pixel ({column}, {row})   x(t) = {value:.2f}"
    assert picture_parts.probe(scene, (-1.49, -0.99)) == ""


@pytest.mark.parametrize("data", ["mnist", "twemoji"])
def test_the_sheet_shows_the_pictures(data):
    e = experiment(data, 4)
    scene = scene_of(e, -1, Look(sheet="sheet", follow=False))
    (image,) = (m for m in compose(scene) if isinstance(m, Image))
    h, w = e.data.size[1:]
    assert image.values.shape == (2 * h + 2, 2 * w + 2, 3)
    levels = np.rint(image.values[::-1] * 255)
    pictures = to_pixels(scene.frame.x, e.data.size)
    assert np.abs(levels[h + 2 :, :w] - pictures[2]).max() <= 1  # the third stands below the first
    assert np.isnan(image.values[h : h + 2]).all()


def test_what_is_shown_follows_the_look():
    e = experiment()
    kinds = {
        "parts": {Image: 3}, "sheet": {Image: 1}, "plane": {Arrows: 1, Points: 1, Segments: 1},
    }  # fmt: skip
    for sheet, due in kinds.items():
        marks = compose(scene_of(e, 3, Look(sheet=sheet)))
        assert all(sum(isinstance(m, kind) for m in marks) == n for kind, n in due.items())
        (words,) = (m.text for m in marks if isinstance(m, Text) and "NFE" in m.text)
        assert (
            words
            == f"σ/α = {run_of(e)[2][3].sigma / run_of(e)[2][3].alpha:.3g} · t = {run_of(e)[2][3].t:.3f} · NFE 3"
        )
    assert not any(
        isinstance(m, Points | Arrows) for m in compose(scene_of(e))
    )  # nothing of the plane's views


@pytest.mark.parametrize("mode", ["forward", "reverse", "pc", "langevin", "annealed"])
def test_every_mode_can_be_looked_at(mode):
    e = experiment(count=3, mode=mode, langevin_steps=4, levels=2, level_steps=2, corrector_steps=1)
    for look in (
        Look(),
        Look(picture=2, nearest=True),
        Look(sheet="plane"),
        Look(sheet="plane", plane="three"),
    ):
        for index in (0, 2, -1):
            for mark in compose(scene_of(e, index, look)):
                if isinstance(mark, Image):
                    assert (
                        mark.values.dtype == np.float32
                        and 0 <= np.nanmin(mark.values) <= np.nanmax(mark.values) <= 1
                    )


# --- one picture -------------------------------------------------------------------------------------------------


def test_a_strip_only_grows():
    whole = frames_of_strip(101, 101, 9)
    assert whole[0] == 0 and whole[-1] == 100 and len(whole) == 9
    for there in (1, 20, 51, 100):
        assert frames_of_strip(there, 101, 9) == [i for i in whole if i < there]
    assert frames_of_strip(3, 0, 9) == [0, 1, 2]


def test_the_strip_is_the_whole_way_of_one_picture():
    e = experiment()
    scene = scene_of(e, 2, Look(picture=3, nearest=True, follow=False))
    marks = compose(scene)
    images = [m for m in marks if isinstance(m, Image)]
    assert len(images) == 4 + 3 * 7  # large with the nearest, and seven frames in three rows
    first, last = images[4], images[-3]
    expected = np.clip((scene.run[-1].x[2].reshape(28, 28) + 1) / 2, 0, 1)
    assert np.allclose(last.values[::-1, :, 0], expected, atol=1e-6) and last.bounds[0] > first.bounds[0]
    (frame,) = (m for m in marks if isinstance(m, Curve))
    column = images[4 + 3 * 2].bounds  # that of the playhead's frame
    assert frame.xy[:, 0].min() < column[0] < column[1] < frame.xy[:, 0].max()


def test_a_picture_that_is_not_there_is_the_last():
    assert any(m.text.startswith("image 6:") for m in compose(scene_of(experiment(), -1, Look(picture=100)))
               if isinstance(m, Text))  # fmt: skip


def test_the_nearest_training_picture():
    data = experiment().data
    points = from_pixels(data.train.images[:400])
    rng = np.random.default_rng(0)
    x = points[[7, 300]] + 0.05 * rng.standard_normal((2, 784)).astype(np.float32)
    rows, away = data.neighbours(x)
    assert rows.tolist() == [7, 300]
    assert away == pytest.approx(np.sqrt(np.square(x - points[[7, 300]]).mean(1)), rel=1e-5)
    assert away == pytest.approx([0.05, 0.05], rel=0.1)


# --- a plane -------------------------------------------------------------------------------------------------------


def test_principal_directions_are_those_of_the_data():
    data = experiment().data
    plane = plane_of(data, "principal", 0)
    y = from_pixels(data.train.images[:MEASURED]).astype(np.float64)
    # the directions of greatest variance are the leading right singular vectors of the centred pictures
    leading = torch.linalg.svd(torch.from_numpy(y - y.mean(0)), full_matrices=False).Vh[:2].numpy()
    assert np.abs(np.abs((plane.axes * leading).sum(1)) - 1).max() < 1e-5
    assert np.allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-5)
    spread = plane.project(y.astype(np.float32), 1.0, 1.0).std(0)
    assert spread[0] > spread[1] > 0.2
    share = float(re.search(r"(\d+)%", plane.words[0])[1]) / 100
    assert share == pytest.approx((spread[0] * plane.reach) ** 2 / y.var(0).sum(), abs=0.006)


@pytest.mark.parametrize("triple", [0, 4])
def test_a_plane_goes_through_three_pictures(triple):
    data = experiment().data
    plane = plane_of(data, "three", triple)
    uv = plane.project(0.7 * plane.corners, 0.7, 0.9)
    assert np.abs(plane.lift(uv, 0.7, 0.9) - 0.7 * plane.corners).max() < 1e-4
    assert np.linalg.norm(uv, axis=1).max() < 1
    labels = [data.train.labels[data.neighbours(plane.corners)[0]].tolist()]
    assert len(set(labels[0])) == 3


# --- experiments ---------------------------------------------------------------------------------------------------


def test_choosing_pictures_makes_both_stages_fit_and_there_is_a_way_back():
    before = Document(
        Experiment(), replace(Experiment(), sampler=replace(Experiment().sampler, mode="ode"))
    ).linked()
    pictures = before.with_data(IMAGES["mnist"]())
    assert pictures.experiment.sampler == PICTURE_SAMPLER
    assert (pictures.compare.sampler.mode, pictures.compare.sampler.steps) == ("reverse", SDE_STEPS)
    assert pictures.compare.data == pictures.experiment.data
    emoji = pictures.with_data(IMAGES["twemoji"]())
    assert emoji.compare.sampler == pictures.compare.sampler
    points = emoji.with_data(Experiment().data)
    assert points.experiment.sampler == Experiment().sampler and points.compare.sampler.mode != "reverse"


def test_modes_bring_the_steps_that_suit_them_unless_somebody_chose():
    e = with_data(Experiment(), IMAGES["mnist"]())
    there = replace(e, sampler=in_mode(e, "pc"))
    assert there.sampler.steps == SDE_STEPS and in_mode(there, "ode").steps == PICTURE_SAMPLER.steps
    chosen = replace(e, sampler=replace(e.sampler, steps=33))
    assert in_mode(chosen, "reverse").steps == 33
    assert in_mode(Experiment(), "ode").steps == Experiment().sampler.steps


def test_a_first_look_costs_five_evaluations():
    s = PICTURE_SAMPLER
    assert coarse(s, True).steps == COARSE_ODE and coarse(s, True).particles == s.particles
    pc = replace(s, mode="pc", steps=100, corrector_steps=1)
    assert coarse(pc, True).steps * pc.nfe_per_step <= 20


def test_the_distance_to_data_is_that_to_the_nearest_picture():
    e = experiment()
    meter, recording = Distances(), Recording()
    meter.restart(e)
    for x in (from_pixels(e.data.train.images[:5]), from_pixels(e.data.held_out.images[:5])):
        recording.append(replace(frame_of(5), x=x))
    recording.complete = True
    meter.add(meter.work(recording)())
    copies, fresh = meter.array()[:, 2]
    assert copies < 1e-3 and fresh == pytest.approx(meter.floor, rel=0.5)


def test_words_of_caution_for_pictures():
    e = with_data(Experiment(), IMAGES["mnist"]())
    assert not advice(e)
    coarse_sde = replace(e, sampler=replace(e.sampler, mode="reverse"))
    assert any("12 steps are too few" in word for word in advice(coarse_sde))
    rough = replace(e, sampler=replace(in_mode(e, "pc"), snr=0.7))
    (word,) = advice(rough)
    assert "snr = 0.7 is large" in word and "1.5 times" in word
    wild = replace(e, sampler=replace(in_mode(e, "pc"), snr=1.0, corrector=CORRECTORS["ald"]()))
    assert "stability" in advice(wild)[0]


# --- files ---------------------------------------------------------------------------------------------------------


def replay(e, look=None, position=1.0):
    return replay_of(Document(e, None, look or Look()), [run_of(e)], DARK, position)


def test_npz_holds_pictures(tmp_path):
    e, path = experiment("twemoji", 2), tmp_path / "run.npz"
    list(EXPORTERS["npz"]().write(replay(e), path, QtRenderer()))
    with np.load(path) as archive:
        assert archive["pictures"].dtype == np.uint8 and archive["pictures"].shape == (2, 32, 32, 3)
        assert (archive["pictures"] == to_pixels(archive["x"][-1], (3, 32, 32))).all()


@pytest.mark.parametrize(("data", "mode"), [("mnist", "L"), ("twemoji", "RGB")])
def test_a_plain_sheet_is_the_samples_pixel_for_pixel(tmp_path, data, mode):
    e, path = experiment(data, 2 if data == "twemoji" else 6), tmp_path / "sheet.png"
    list(EXPORTERS["sheet"](enlarged=2).write(replay(e), path, QtRenderer()))
    image = Pillow.open(path)
    assert image.mode == mode
    pixels = np.array(image)[::2, ::2].reshape(image.height // 2, image.width // 2, -1)
    side = e.data.size[1]
    second = pixels[:side, side + 2 : 2 * side + 2]
    assert (second == to_pixels(run_of(e)[2][-1].x, e.data.size)[1]).all()


def test_the_command_line_makes_fitting_experiments_and_measures_pictures(tmp_path, capsys):
    path, out = tmp_path / "pc.json", tmp_path / "run.npz"
    assert command_line(["new", "--distribution", "mnist", "--sampler", "pc", "--out", str(path)]) == 0
    assert read(path)[0].experiment.sampler == replace(PICTURE_SAMPLER, mode="pc", steps=SDE_STEPS)
    few = [
        f"--set={s}"
        for s in ("score.source=exact", "sampler.mode=ode", "sampler.steps=3", "sampler.particles=2")
    ]
    assert command_line(["run", str(path), *few, "--out", str(out), "--metrics"]) == 0
    said = capsys.readouterr()
    assert "784 dimensions" in said.err
    measured = json.loads(said.out)["metrics"]["nearest_training_picture"]
    assert 0 < measured["held_out"] < 1 and set(json.loads(said.out)["metrics"]) == {
        "nearest_training_picture"
    }
    with np.load(out) as archive:
        assert archive["pictures"].shape == (2, 28, 28, 1)
    sheet = tmp_path / "sheet.png"
    assert (
        command_line(["export", str(path), *few, "--out", str(sheet), "--format", "sheet", "--enlarged", "1"])
        == 0
    )
    with Pillow.open(sheet) as image:
        assert image.size == (2 * 28 + 2, 28)


def test_points_have_no_sheet(tmp_path):
    e = Experiment()
    e = replace(e, score=replace(e.score, source="exact"), sampler=replace(e.sampler, steps=2, particles=10))
    with pytest.raises(ExportError, match="the data are points"):
        list(EXPORTERS["sheet"]().write(replay(e), tmp_path / "sheet.png", QtRenderer()))
    assert not list(tmp_path.iterdir())


def test_a_film_ends_with_the_picture_of_the_end(tmp_path):
    import av

    e, path = experiment(count=4), tmp_path / "sheet.mp4"
    shown, renderer = replay(e), QtRenderer()
    list(EXPORTERS["mp4"](width=320, height=180, seconds=0.6, hold=0.1, fps=10).write(shown, path, renderer))
    frames = [f.to_ndarray(format="rgb24").astype(int) for f in av.open(str(path)).decode(video=0)]
    still = shown.pixels(shown.indices(1.0), 320, 180, renderer).astype(int)
    begun = shown.pixels(shown.indices(0.0), 320, 180, renderer).astype(int)
    assert len(frames) == 7
    assert np.abs(frames[-1] - still).mean() < 6 < np.abs(frames[0] - still).mean()
    assert np.abs(frames[0] - begun).mean() < 20


def test_a_page_of_any_shape_shows_all_pictures():
    e = experiment(count=4)
    for width, height in ((320, 180), (180, 320)):
        shown = replay(e, Look(sheet="sheet"))
        page = shown.page(shown.indices(1.0), width, height, QtRenderer())
        (image,) = (m for m in page.panes[0].marks if isinstance(m, Image))
        assert image.bounds[1] - image.bounds[0] > 1.2 * min(width / height, 1)
        assert page.panes[0].camera.height == 2.0


def test_no_more_pictures_than_a_sheet_holds():
    scene = replace(scene_of(experiment()), frames=[frame_of(130)], score=Counted())
    words = [m.text for m in compose(scene) if isinstance(m, Text)]
    assert any(f"the first {MOST_PICTURES} of 130" in w for w in words)
