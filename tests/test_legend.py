"""The legend of a stage: the field is named, an arrow has a length that is told, what cannot be seen is counted."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from explorer.diffusion.frames import Frame
from explorer.diffusion.scores import DifferenceScore, ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import LIMIT
from explorer.experiment.codec import edited
from explorer.experiment.resolution import is_exact, resolve
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import FIELD_KINDS, Look
from explorer.figures.camera import Camera
from explorer.figures.marks import Arrows, Curve, Entry, Image, Legend, Points, Text
from explorer.figures.theme import DARK, LIGHT, rgb
from explorer.figures.views import VIEWS, Scene
from explorer.figures.views.outside import outside, outside_words
from explorer.figures.views.vector_field import PLACES
from explorer.guidance import CONTROLS
from explorer.ui.painting import legend, render, text

BOUNDS = (-3.2, 3.2, -3.2, 3.2)


def scene(data="eight_gaussians", sde="vp", source="exact", t=0.4, x=None, score=None, bounds=BOUNDS, **look):
    e = edited(edited(edited(Experiment(), "data", data), "sde", sde), "score.source", source)
    x = np.zeros((5, e.data.dim), np.float32) if x is None else np.asarray(x, np.float32)
    alpha, sigma = e.sde.marginal(t)
    return Scene(e, Look(**look), [Frame(x, t, alpha, sigma, 1, 5, 1)], score or resolve(e).score, bounds)


def entries(s):
    marks = VIEWS["vector_field"]().marks(s)
    return marks[0], [e for m in marks if isinstance(m, Legend) for e in m.entries]


# --- the name of the field --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
@pytest.mark.parametrize(
    ("source", "field", "words"),
    [
        ("exact", "learned", "score, exact"),  # a network is not in use
        ("exact", "exact", "score, exact"),
        ("trained", "learned", "score, learned"),
        ("trained", "exact", "score, exact"),
        ("trained", "difference", "score, learned − exact"),
    ],
)
def test_the_stage_says_which_field_it_shows(data, source, field, words):
    assert entries(scene(data, source=source, field=field))[1][0].text == words


@pytest.mark.parametrize("kind", FIELD_KINDS)
def test_every_form_of_the_field_has_its_own_name(kind):
    names = {k: entries(scene(field_kind=k))[1][0].text for k in FIELD_KINDS}
    assert len(set(names.values())) == len(names) and names[kind].endswith(", exact")


@pytest.mark.parametrize("kind", [kind for kind in FIELD_KINDS if kind not in PLACES])
def test_an_error_is_drawn_to_the_scale_of_the_field_that_it_is_an_error_of(kind):
    """Also a small one is seen, and it looks as small as it is; the key is that of the exact field."""
    e = Experiment()
    exact = ExactScore(e.data.mixture, e.sde)
    off = {"score": lambda x, t: 1.1 * exact(x, t), "field_kind": kind}
    arrows, keys = entries(scene(field="difference", **off))
    field, field_keys = entries(scene(field="exact", **off))
    assert [k.text for k in keys[1:]] == [k.text for k in field_keys[1:]]
    lengths = [np.linalg.norm(a.uv, axis=1) for a in (arrows, field)]
    assert np.median(lengths[0]) > 0.02 * np.median(lengths[1])
    if kind in (
        "score",
        "noise",
    ):  # a tenth of the field itself; of the others, of what a part of them is made of
        assert (lengths[0] < lengths[1] + 1e-6).all()


@pytest.mark.parametrize("control", [name for name in CONTROLS if name != "none"])
@pytest.mark.parametrize("source", ["exact", "trained"])
def test_a_score_is_exact_where_no_network_is_in_it(control, source):
    e = edited(edited(Experiment(), "data", "two_moons"), "score.source", source)
    control = CONTROLS[control]()
    if control.refusal(e.data.mixture) or getattr(control, "rule", "") in ("classifier", "mixed"):
        pytest.skip("not for this data, or with a network of its own")
    assert is_exact(resolve(replace(e, control=control)).score) == (source == "exact")


def test_what_is_made_of_scores():
    e = Experiment()
    exact, learned = ExactScore(e.data.mixture, e.sde), resolve(edited(e, "score.source", "trained")).score
    assert is_exact(DifferenceScore(exact, exact)) and not is_exact(DifferenceScore(learned, exact))
    assert not is_exact(lambda x, t: x)


# --- the arrows' key ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize("t", [0.01, 0.4, 0.95])
@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("kind", [k for k in FIELD_KINDS if k not in PLACES])
def test_the_key_has_the_length_that_the_field_has_where_it_is_so_large(kind, sde, t, follow):
    """A field whose size is told: the arrow of the key is as long as the stage's own arrows there.

    The field of N(0, 1) under its noise is known along a radius for every form, so the length is read off the stage.
    """
    s = scene({"type": "gaussian_mixture", "means": [[0, 0]], "scales": 1.0}, sde, t=t, follow=follow,
              field_kind=kind, arrows=40)  # fmt: skip
    arrows, (_, *keys) = entries(s)
    alpha, sigma = s.experiment.sde.marginal(t)
    variance, x = alpha**2 + sigma**2, arrows.xy.astype(float) * s.scale(t)
    score = -x / variance
    f, g = s.experiment.sde.decay(t), s.experiment.sde.diffusion(t)
    fields = {
        "score": score, "noise": -sigma * score, "flow": f * x - 0.5 * g**2 * score,
        "v": -alpha * sigma * score - sigma * (x + sigma**2 * score) / alpha,
    }  # fmt: skip
    size, length = np.linalg.norm(fields[kind], axis=1), np.linalg.norm(arrows.uv, axis=1)
    if size.max() < 1e-6:  # v of unit data under VP
        return
    order = np.argsort(size)
    assert len(keys) == 2
    for key in keys:
        value = float(key.text.replace(",", ""))
        assert size.min() <= value or key.uv[0] < 0.2 * length.max()
        if size[order[0]] < value < size[order[-1]]:
            expected = np.interp(value, size[order], length[order])
            assert key.uv[0] == pytest.approx(expected, rel=0.03, abs=float(0.01 * length.max()))


def test_over_time_the_key_is_upright_as_the_arrows_are():
    arrows, (_, *keys) = entries(scene("two_modes_1d"))
    assert keys and all(key.uv[0] == 0 < key.uv[1] for key in keys) and not arrows.uv[:, 0].any()


def test_arrows_to_places_need_no_key():
    for kind in PLACES:
        assert len(entries(scene(field_kind=kind))[1]) == 1


# --- laid out ----------------------------------------------------------------------------------------------------


MARK = Legend(
    (Entry("score, learned", "score"), Entry("10", "score", (0.3, 0.0)), Entry("2", "score", (0.1, 0.0)))
)
CAMERAS = [Camera(height=6.4), Camera((3.0, -2.0), 0.02), Camera((0.5, 0.0), 7.0, 1.08, stretch=True),
           Camera((1.0, 1.0), 1e-5)]  # fmt: skip


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("size", [(900, 800), (2560, 1440), (300, 500)])
def test_the_words_stand_in_the_corner_on_their_ground_whatever_is_shown(qapp, size, camera):
    scale = min(size) / 720
    drawn = legend.laid_out([MARK], camera, size, DARK, scale)
    (ground,) = (m for m in drawn if isinstance(m, Image))
    (left, top), (right, bottom) = camera.to_pixels(
        [(ground.bounds[0], ground.bounds[3]), (ground.bounds[1], ground.bounds[2])], size
    )
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= 0.6 * size[1]
    assert max(left, top) < 12 * scale
    lines = []
    for mark in drawn:
        if isinstance(mark, Text):
            x, y = camera.to_pixels(mark.xy, size)
            assert left <= x and x + text.width(mark.text, mark.size * scale) <= right + 1
            assert top < y < bottom
            lines.append((y, mark.size * scale))
    for (one, height), (other, _) in pairwise(lines):
        assert other - one >= height  # no line of words on another
    for mark in drawn:
        if isinstance(mark, Arrows):
            ends = camera.to_pixels([mark.xy[0], mark.xy[0] + mark.uv[0]], size)
            assert (ends >= (left - 1, top)).all() and (ends <= (right + 1, bottom)).all()


def test_an_arrow_of_the_key_is_as_long_as_one_of_the_stage(qapp):
    camera, size = Camera(height=6.4), (900, 800)
    key = next(m for m in legend.laid_out([MARK], camera, size, DARK, 1.0) if isinstance(m, Arrows))
    np.testing.assert_allclose(key.uv[0], (0.3, 0.0), atol=1e-9)


def test_legends_of_several_layers_are_one_block_on_top(qapp):
    other = Legend((Entry("corrector", "corrector", arrow=True),))
    line = Curve(np.zeros((2, 2), np.float32))
    drawn = legend.laid_out([MARK, line, other], Camera(), (900, 800), DARK)
    assert drawn[0] is line and sum(isinstance(m, Image) for m in drawn) == 1
    assert [m.text for m in drawn if isinstance(m, Text)] == ["score, learned", "10", "2", "corrector"]
    assert legend.laid_out([line], Camera(), (900, 800), DARK) == [line]


@pytest.mark.parametrize("size", [(60, 40), (120, 30), (1, 1)])
def test_where_there_is_no_room_there_is_no_legend(qapp, size):
    assert legend.laid_out([MARK], Camera(), size, DARK) == []


def ratio(a, b):
    """Contrast of two colours, WCAG 2.1."""
    shares = []
    for color in (a, b):
        c = np.asarray(color, float) / 255
        c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        shares.append(float(c @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(shares) / min(shares)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
@pytest.mark.parametrize("field", ["#ffffff", "#000000", "#2dd4bf", "#808080"])
def test_words_can_be_read_over_any_field(qapp, theme, field):
    """What is behind the words is the stage's colour for the most part: a contrast of 3 at least."""
    behind = Points(np.zeros((1, 2), np.float32), field, size=4000.0)
    picture = render.to_array(render.to_image([behind, MARK], Camera(), 400, 300, theme, scale=1.0))
    ground = picture[12, 12]
    assert ratio(rgb(theme, "text"), ground) > 3


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_svg_has_the_same_legend(qapp, theme):
    drawing = render.to_svg([MARK], Camera(), 640, 480, theme).decode()
    for entry in MARK.entries:
        assert f">{entry.text}</text>" in drawing
    assert drawing.count("<path") == 2  # two arrows


# --- what is not seen --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
@pytest.mark.parametrize("t", [0.01, 0.9])
@pytest.mark.parametrize("sde", ["vp", "ve"])
def test_particles_beyond_the_edges_are_counted_and_found(data, t, sde):
    dim = 1 if data.endswith("1d") else 2
    x = np.zeros((200, dim), np.float32)
    s = scene(data, sde, t=t, x=x)
    edge = 3.2 * s.scale(t)
    x[:60, -1] = 2 * edge
    x[60:90, -1] = -3 * edge
    x[90:95] = np.nan
    x[95:100] = LIMIT
    found = outside(scene(data, sde, t=t, x=x, bounds=(-3.2, 3.2, -3.2, 3.2)))
    assert (found.beyond, found.lost, found.total) == (100, 10, 200)
    bottom, top = found.reach[2:]
    assert bottom == pytest.approx(-9.6, rel=1e-4) and top == pytest.approx(6.4, rel=1e-4)
    assert "100 of 200" in found.words and "10 of them diverged" in found.words
    assert outside_words(scene(data, sde, t=t, x=x))[0].entries[0].text == found.words


@pytest.mark.parametrize(("beyond", "said"), [(0, False), (9, False), (10, True), (1000, True)])
def test_a_few_of_a_normal_cloud_go_without_saying(beyond, said):
    x = np.zeros((1000, 2), np.float32)
    x[:beyond] = 50.0
    assert bool(outside(scene(x=x)).words) == said


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf, LIMIT, -LIMIT])
def test_one_that_is_lost_is_always_told(lost):
    x = np.zeros((1000, 2), np.float32)
    x[3, 1] = lost
    found = outside(scene(x=x))
    assert (found.beyond, found.lost) == (1, 1) and found.words == "1 of 1,000 diverged"
    x[:] = lost
    assert outside(scene(x=x)).reach is None


def test_where_no_particles_are_shown_none_is_missed():
    assert outside(scene(x=np.full((10, 2), 99.0), particles=False)).words == ""
