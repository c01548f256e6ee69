"""Every registered distribution, at its defaults and at the ends of its sliders."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from explorer.base.params import ParamError, params
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.distributions.geometry import MAX_POINTS, along, comb, filled
from explorer.data.distributions.letters import MAX_LETTERS
from explorer.data.distributions.points import MOST, MOST_HELD_OUT
from explorer.data.distributions.stroke_font import GLYPHS

BUILTIN = [name for name in DISTRIBUTIONS if DISTRIBUTIONS[name].builtin]
Points, GaussianMixture = DISTRIBUTIONS["points"], DISTRIBUTIONS["gaussian_mixture"]


def variants(name, *ends):
    """The distribution with one parameter at a time at each of the `ends` of its range."""
    for p in params(DISTRIBUTIONS[name]):
        values = [v for v, _ in p.choices] if p.kind == "choice" else [getattr(p, end) for end in ends]
        for value in values if p.kind in ("float", "int", "choice") else []:
            if np.isfinite(value) if p.kind != "choice" else True:
                yield DISTRIBUTIONS[name](**{p.name: value})


def check(distribution, stds):
    mixture = distribution.mixture
    k = len(mixture.weights)
    assert 1 <= k <= MAX_POINTS
    assert mixture.means.shape == mixture.scales.shape == (k, distribution.dim)
    assert np.isfinite(mixture.means).all() and (mixture.scales > 0).all()
    assert mixture.weights.sum() == pytest.approx(1) and (mixture.weights > 0).all()
    assert np.abs(mixture.mean).max() < 0.05
    assert stds[0] < mixture.std < stds[1]
    if mixture.labels is not None:
        assert len(mixture.labels) == k
        assert set(mixture.labels) <= set(range(len(mixture.label_names)))


def test_the_list():
    assert len(BUILTIN) >= 16
    assert sum(DISTRIBUTIONS[name].dim == 1 for name in BUILTIN) == 2
    assert [n for n in DISTRIBUTIONS if n not in BUILTIN] == ["points", "gaussian_mixture"]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_default(name):
    distribution = DISTRIBUTIONS[name]()
    check(distribution, (0.7, 1.2))
    assert distribution.about.endswith(".") and len(distribution.about) < 110
    assert 2 <= len([p for p in params(type(distribution)) if name != "points" or p.kind != "data"]) <= 4


@pytest.mark.parametrize("name", BUILTIN)
def test_ends_of_the_sliders(name):
    for distribution in variants(name, "low", "high"):
        check(distribution, (0.1, 2.6))


@pytest.mark.parametrize("name", BUILTIN)
def test_ends_of_what_may_be_typed(name):
    for distribution in variants(name, "minimum", "maximum"):
        mixture = distribution.mixture
        assert len(mixture.weights) <= MAX_POINTS
        assert torch.isfinite(mixture.score(torch.zeros(1, distribution.dim), 0.9, 0.1)).all()


@pytest.mark.parametrize("name", [n for n in BUILTIN if len(DISTRIBUTIONS[n]().mixture.weights) > 40])
def test_no_single_point_shows(name):
    for distribution in (DISTRIBUTIONS[name](), *variants(name, "low", "high")):
        mixture = distribution.mixture
        distance = np.hypot(*(mixture.means[:, None] - mixture.means[None]).transpose(2, 0, 1))
        np.fill_diagonal(distance, np.inf)
        assert np.median(distance.min(axis=1) / mixture.scales[:, 0]) < 2.1, distribution


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_seeds(name):
    distribution = DISTRIBUTIONS[name]()
    x = distribution.sample(100, 3)
    assert x.shape == (100, distribution.dim) and x.dtype == np.float32
    assert np.array_equal(x, distribution.sample(100, 3))
    assert not np.array_equal(x, distribution.sample(100, 4))
    # not the stream that anybody else takes for this seed: noise made from it would follow the data
    assert not np.array_equal(x, distribution.mixture.sample(100, np.random.default_rng(3))[0])


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_values(name):
    distribution = DISTRIBUTIONS[name]()
    assert distribution == DISTRIBUTIONS[name]() and hash(distribution) == hash(DISTRIBUTIONS[name]())
    assert distribution.mixture is distribution.mixture
    with pytest.raises(FrozenInstanceError):
        distribution.extra = 1


def test_importing_loads_no_torch():
    code = (
        "import sys; from explorer.data.distributions import DISTRIBUTIONS as D; "
        "[D[n]().sample(10, 0) for n in D]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- letters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", GLYPHS)
def test_every_letter(character):
    check(DISTRIBUTIONS["letters"](word=character), (0.9, 1.1))


def test_words():
    word = DISTRIBUTIONS["letters"](word="Score sde")
    assert word.mixture.label_names == ("S (1)", "C", "O", "R", "E (5)", "S (6)", "D", "E (8)")
    rows = [word.mixture.where(i).means[:, 1].mean() for i in (0, 6)]
    assert rows[0] > rows[1] + 0.5, "the second word is below the first"
    one, two = (DISTRIBUTIONS["letters"](word=w).mixture.means for w in ("a b", "A B"))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(("word", "match"), [
    ("aébø", "no shape for É Ø"), ("", "1 to 12"), ("  ", "1 to 12"), ("X" * (MAX_LETTERS + 1), "not 13"),
])  # fmt: skip
def test_words_refused(word, match):
    with pytest.raises(ParamError, match=rf"letters\.word .*{match}"):
        DISTRIBUTIONS["letters"](word=word)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=15))
def test_any_text_is_a_word_or_refused(text):
    try:
        assert np.isfinite(DISTRIBUTIONS["letters"](word=text).mixture.means).all()
    except ParamError as error:
        assert str(error).startswith("letters.word")


# --- the user's own -----------------------------------------------------------------------------------------


def test_points_compare_by_content():
    array = np.random.default_rng(0).normal(size=(50, 2))
    a, b = Points(points=array), Points(points=json.loads(json.dumps(array.tolist())))
    assert a == b and hash(a) == hash(b)
    assert a != replace(a, points=array + 1) and a != replace(a, jitter=0.1)
    assert np.array_equal(a.mixture.means, array)
    assert replace(a, labels=[i % 3 for i in range(50)]).mixture.label_names == (
        "class 1",
        "class 2",
        "class 3",
    )


@pytest.mark.parametrize(("given_", "match"), [
    ({"points": []}, r"points\.points must be a list of rows"),
    ({"points": [[1, 2], [3]]}, r"points\.points must be .* of one length"),
    ({"points": [[1, 2, 3]]}, "two columns, not 3"),
    ({"points": [[1, 2], [3, 4]], "labels": ["a"]}, "2 names"),
    ({"points": [[1, float("nan")]]}, r"points\.points\[0\]\[1\] is not a finite number"),
    ({"points": "abc"}, r"points\.points must be"),
    ({"points": None}, r"points\.points"),
    ({"points": {"a": 1}}, r"points\.points"),
    ({"points": np.zeros((MOST + 1, 2))}, "at most 20000 points, not 20001"),
    ({"points": [[1, 2]], "held_out": np.zeros((MOST_HELD_OUT + 1, 2))}, "at most 1536 points, not 1537"),
    ({"points": [[1, 2]], "held_out": [[1], [2]]}, r"points\.held_out must have as many columns"),
    ({"points": [[1, 2]], "shift": [1, 2], "columns": ["a", "b"]}, r"points\.shift and points\.scale"),
    ({"points": [[1, 2]], "shift": [1, 2], "scale": [1], "columns": ["a", "b"]}, r"points\.scale must be 2 numbers"),
    ({"points": [[1, 2]], "shift": [1, 2], "scale": [1, 0], "columns": ["a", "b"]}, r"points\.scale must be greater"),
    ({"points": [[1, 2]], "shift": [1, 2], "scale": [1, 1], "columns": ["a"]}, r"points\.columns must be 2 names"),
    ({"points": [[1, 2], [3, 4]], "labels": [0]}, r"points\.labels must be 2 numbers"),
    ({"points": [[1, 2], [3, 4]], "labels": [0, -1]}, "whole numbers"),
    ({"points": [[1, 2], [3, 4]], "labels": [0, 0.5]}, "whole numbers"),
    ({"points": [[1, 2], [3, 4]], "labels": [0, 10**9]}, "whole numbers"),
    ({"points": [[1, 2]], "labels": [["a"]]}, r"points\.labels"),
    ({"jitter": 0.0}, r"points\.jitter"),
])  # fmt: skip
def test_points_refused(given_, match):
    with pytest.raises(ParamError, match=match):
        Points(**given_)


def test_gaussian_mixture_forms_agree():
    means = [[0, 0], [2, 1]]
    one = GaussianMixture(means=means, scales=0.5, weights=[1, 3])
    forms = [
        {"scales": [0.5, 0.5]},
        {"scales": [[0.5, 0.5]] * 2},
        {"covariances": [[[0.25, 0], [0, 0.25]]] * 2},
    ]
    x = torch.randn(20, 2, dtype=torch.float64)
    for form in forms:
        other = GaussianMixture(means=means, weights=(0.25, 0.75), **form)
        assert torch.allclose(other.mixture.score(x, 0.8, 0.2), one.mixture.score(x, 0.8, 0.2))
    assert one == GaussianMixture(means=np.array(means), scales=0.5, weights=np.array([1.0, 3.0]))
    assert len({one, GaussianMixture(means=means, scales=0.5, weights=[1, 3])}) == 1
    assert GaussianMixture(means=[[0], [1]]).dim == 1 and one.dim == 2


@pytest.mark.parametrize(("given_", "match"), [
    ({"means": []}, r"gaussian_mixture\.means must be"),
    ({"means": [[1, 2], [3]]}, r"gaussian_mixture\.means must be"),
    ({"means": [[1, 2, 3]]}, "1 or 2 coordinates, not 1 rows of 3"),
    ({"means": [["a", "b"]]}, r"gaussian_mixture\.means"),
    ({"means": [[1, float("inf")]]}, r"means\[0\]\[1\] is not a finite"),
    ({"weights": [1]}, r"weights must be 2 numbers.*not 1"),
    ({"weights": [1, -1]}, r"gaussian_mixture\.weights must be 0 or more"),
    ({"weights": [0, 0]}, "not all 0"),
    ({"weights": [1, float("nan")]}, r"weights\[1\] is not a finite"),
    ({"weights": [[1, 1]]}, r"gaussian_mixture\.weights"),
    ({"scales": [0.1] * 3}, r"scales must be one number, 2 numbers or 2 rows of 2, not .*\(3,\)"),
    ({"scales": [0.1, 0.0]}, r"gaussian_mixture\.scales must be at least"),
    ({"scales": -1}, r"gaussian_mixture\.scales must be at least"),
    ({"scales": None}, r"gaussian_mixture\.scales"),
    ({"covariances": [[[1, 0], [0, 1]]]}, "2 matrices of 2 by 2"),
    ({"covariances": [[[1, 0.5], [0, 1]]] * 2}, r"covariances\[0\] must be symmetric"),
    ({"covariances": [[[1, 0], [0, 1]], [[1, 2], [2, 1]]]}, r"covariances\[1\] must be positive definite"),
    ({"covariances": [[[1, 0], [0, float("nan")]]] * 2}, r"covariances\[0\]\[1\]\[1\] is not a finite"),
])  # fmt: skip
def test_gaussian_mixture_refused(given_, match):
    with pytest.raises(ParamError, match=match):
        GaussianMixture(**given_)


any_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@example(value=1.4e154, field="scales")  # its square is no float
@given(
    value=any_json, field=st.sampled_from(["means", "scales", "covariances", "weights", "points", "labels"])
)
def test_any_json_is_taken_or_refused(value, field):
    cls = Points if field in ("points", "labels") else GaussianMixture
    try:
        assert np.isfinite(cls(**{field: value}).mixture.covariance).all()
    except ParamError as error:
        assert str(error).startswith(cls.name)


# --- shapes from curves and areas ---------------------------------------------------------------------------


def test_points_along_a_line_are_even():
    points = along(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]]), 8)
    assert np.allclose(points[:6, 0], np.arange(6) / 2 + 0.25) and np.allclose(points[6:, 1], [0.25, 0.75])


def test_a_filled_square_with_a_hole_has_their_moments():
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    points, weights = filled([square, 0.5 * square], 0.03)
    assert len(points) <= MAX_POINTS
    assert weights.sum() * 2 / round(2 / (points[1, 0] - points[0, 0])) == pytest.approx(3, rel=0.1)
    # the variance of a square is side²/12; the hole takes a quarter of the area away
    variance = np.average(points**2, axis=0, weights=weights)
    assert np.allclose(variance, (4 / 12 - 0.25 / 12) / 0.75, rtol=0.03)


def test_a_comb_has_unit_variance():
    points, part = comb([np.array([[0.0, 0], [9, 0]]), np.array([[0.0, 5], [9, 5]])], 0.05)
    assert np.allclose(points.mean(axis=0), 0) and points.var(axis=0).mean() == pytest.approx(1 - 0.05**2)
    assert set(part) == {0, 1}
