"""The measures of pictures against what is known in closed form, and their classifier."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from explorer.analysis.image_quality import Features, copies, drawn, nearest, train_features
from explorer.analysis.image_quality.frechet import Moments, distance, floor, frechet
from explorer.analysis.image_quality.measure import (
    QUICK,
    STOCHASTIC,
    Subject,
    measure_bits,
    measure_copies,
    measure_samples,
)
from explorer.analysis.image_quality.samples import on_levels
from explorer.analysis.image_quality.table1 import table1, ways
from explorer.analysis.likelihood import Flow, Hutchinson, log_likelihood, probes
from explorer.data.images import IMAGES, from_pixels
from explorer.diffusion.samplers import SOLVERS
from explorer.diffusion.sdes import SDES
from explorer.experiment import checkpoint
from explorer.networks import files as model_files
from explorer.networks.files import Model, ModelFileError
from explorer.networks.image_classifier import load_classifier
from explorer.networks.learned import LearnedScore
from explorer.networks.spec import UNetSpec

RNG = np.random.default_rng(0)
MNIST = IMAGES["mnist"]()


def covariance(d, rng):
    a = rng.standard_normal((d, d))
    return a @ a.T / d


# --- Fréchet distance --------------------------------------------------------------------------------------


def test_the_distance_of_two_gaussians_in_closed_form():
    """Diagonal covariances commute: |m - m'|² + Σ (s - s')²."""
    m, s = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 0.5]]), np.array([[1.0, 0.5, 2.0], [0.2, 3.0, 2.0]])
    a, b = (Moments(mean, np.diag(std**2)) for mean, std in zip(m, s, strict=True))
    expected = np.square(m[0] - m[1]).sum() + np.square(s[0] - s[1]).sum()
    assert frechet(a, b) == pytest.approx(expected, rel=1e-12)
    assert frechet(b, a) == pytest.approx(expected, rel=1e-12)


def test_the_root_is_that_of_scipy():
    a, b = (Moments(RNG.standard_normal(20), covariance(20, RNG)) for _ in range(2))
    root = np.real(sqrtm(a.covariance @ b.covariance))
    expected = np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet(a, b) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [10, 500])
def test_a_set_is_at_no_distance_from_itself(n):
    """Also where fewer pictures than features leave the covariance without full rank."""
    own = Moments.of(RNG.standard_normal((n, 64)) @ covariance(64, RNG))
    assert 0 <= frechet(own, own) < 1e-6 * np.trace(own.covariance)


def test_a_shift_is_its_square_and_small_sets_are_far_from_their_own_law():
    x = RNG.standard_normal((4000, 8))
    assert distance(x + 1, x, draws=2).mean == pytest.approx(8, rel=0.02)
    low, high = (floor(x[:2000], x[2000:], n).mean for n in (2000, 100))
    assert low < high / 4
    samples = RNG.standard_normal((100, 8))
    assert distance(samples, x).mean == pytest.approx(high, rel=0.5)
    assert distance(samples, x).std > 0


# --- nearest pictures and copies ---------------------------------------------------------------------------


def test_the_nearest_are_those_that_all_distances_give():
    pool, x = RNG.standard_normal((300, 12)).astype(np.float32), RNG.standard_normal((40, 12))
    away = np.sqrt(np.square(x[:, None] - pool).mean(-1))
    found = nearest(x, pool, 3)
    np.testing.assert_array_equal(found.rows, np.argsort(away, 1)[:, :3])
    np.testing.assert_allclose(found.distance, np.sort(away, 1)[:, :3], rtol=1e-4)
    assert nearest(pool[:5], pool).distance[:, 0].max() < 1e-6


def test_a_mirror_image_is_as_near_as_the_picture_itself():
    pool = RNG.standard_normal((60, 3, 4, 5)).astype(np.float32)
    turned, x = pool[..., ::-1].reshape(60, -1), pool.reshape(60, -1)
    found = nearest(turned, x, picture=(3, 4, 5))
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(60))
    both = np.minimum(*(np.sqrt(np.square(turned[:, None] - v).mean(-1)) for v in (x, turned)))
    np.testing.assert_allclose(found.distance[:, 1], np.sort(both, 1)[:, 1], rtol=1e-4)


def test_a_set_that_is_mirrored_in_training_is_searched_mirrored_too():
    for name, found_out in (("twemoji", True), ("mnist", False)):
        data = IMAGES[name]()
        x = from_pixels(data.train.images[[5, 60], ..., ::-1])
        rows, away = data.neighbours(x)
        assert ((rows == [5, 60]).all() and away.max() == 0) == found_out


def test_copies_of_symmetric_pictures_are_found_where_training_mirrors(monkeypatch):
    """Each is nearly its own mirror image, which must not stand as the second nearest."""
    data = IMAGES["twemoji"]()
    train, test = data.train.images.astype(int), data.held_out.take(slice(0, 200))
    skew = np.abs(train - train[..., ::-1]).mean((1, 2, 3))
    rows = np.argsort(skew)[:40]
    planted = train[rows]
    planted[::2] = planted[::2, ..., ::-1]
    noise = np.random.default_rng(0).integers(-6, 7, planted.shape)
    x = from_pixels(np.clip(planted + noise, 0, 255).astype(np.uint8))
    monkeypatch.setattr(Subject, "sample", lambda self, way, n, weight, seed: (x, np.zeros(n, int)))
    found = measure_copies(Subject(None, data, data.train, test, None), QUICK, len(x))
    assert found["rate"] > 0.8 and found["held_out_rate"] < 0.05 and found["against"] == len(train)


def test_copies_are_found_and_fresh_draws_are_none():
    train, held, fresh = (RNG.standard_normal((n, 50)).astype(np.float32) for n in (400, 200, 200))
    given_back = train[:50] + 0.01 * RNG.standard_normal((50, 50)).astype(np.float32)
    found = copies(np.concatenate([given_back, fresh[:150]]), train, held)
    assert found.rate == 0.25 and found.held_rate == 0 and 0.25 <= found.close < 0.36
    assert found.error == pytest.approx(math.sqrt(0.25 * 0.75 / 200))
    none = copies(fresh, train, held)
    assert none.rate == 0 and none.close < 0.12
    assert none.distance == pytest.approx(none.held_distance, rel=0.05)


# --- the classifier ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def features():
    """A classifier of digits after a minute part of its training."""
    *_, last = train_features(MNIST.train.take(slice(0, 4000)), 10, iterations=60)
    return Features(MNIST.size, 10, last.weights, facts={"seed": 0})


def test_a_short_training_tells_most_digits_apart(features):
    assert features.accuracy(MNIST.held_out.take(slice(0, 500))) > 0.75


def test_the_training_follows_from_its_seed():
    some = MNIST.train.take(slice(0, 500))
    a, b, c = (list(train_features(some, 10, iterations=1, seed=s))[-1].weights for s in (1, 1, 2))
    assert all(torch.equal(a[k], b[k]) for k in a) and any(not torch.equal(a[k], c[k]) for k in a)


def test_features_are_the_input_of_the_last_layer(features):
    x = from_pixels(MNIST.held_out.images[:20])
    f, found = features.both(x)
    logits = f @ features.weights["last.weight"].double().numpy().T + features.weights["last.bias"].numpy()
    np.testing.assert_array_equal(found, logits.argmax(1))
    np.testing.assert_array_equal(f, features.of(x))
    assert f.shape == (20, 64)


def test_a_classifier_from_its_file_says_the_same_and_is_small(features, tmp_path):
    path = tmp_path / "f.safetensors"
    features.save(path)
    again = Features.load(path)
    assert path.stat().st_size <= 400_000 and again.facts == {"seed": 0}
    x = from_pixels(MNIST.held_out.images[:400])
    assert (features.classify(x) == again.classify(x)).mean() > 0.995
    np.testing.assert_allclose(features.of(x), again.of(x), atol=0.05)


@pytest.mark.parametrize(
    "harm", [lambda b: b[:-9], lambda b: b.replace(b"features", b"featured", 1), lambda b: b""]
)
def test_a_damaged_classifier_is_refused_with_a_sentence(features, tmp_path, harm):
    path = tmp_path / "f.safetensors"
    features.save(path)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(ModelFileError, match=r"^f\.safetensors cannot be used as a classifier: .*\.$"):
        Features.load(path)


@pytest.mark.parametrize("picture", [(2, 28, 28), (1, 4, 28), (1, 27, 27), (1, 28, 512)])
def test_a_classifier_of_impossible_pictures_is_refused(features, tmp_path, picture):
    replace(features, picture=picture).save(tmp_path / "f.safetensors")
    with pytest.raises(ModelFileError, match=r"^f\.safetensors cannot be used as a classifier: .*images of"):
        Features.load(tmp_path / "f.safetensors")


@pytest.mark.parametrize(
    ("module", "load", "what"),
    [
        ("explorer.networks.files", model_files.load, "model"),
        ("explorer.analysis.image_quality.features", Features.load, "classifier"),
        ("explorer.networks.image_classifier", load_classifier, "classifier"),
        ("explorer.experiment.checkpoint", checkpoint.load, "checkpoint"),
    ],
)
def test_too_large_files_are_not_read(tmp_path, monkeypatch, module, load, what):
    monkeypatch.setattr(f"{module}.LARGEST", 9)
    path = tmp_path / "f.safetensors"
    path.write_bytes(bytes(10))
    monkeypatch.setattr(Path, "read_bytes", None)
    with pytest.raises(
        ValueError, match=rf"^f\.safetensors cannot be used as a {what}: it is too large for a {what}"
    ):
        load(path)


def test_a_disk_that_is_full_leaves_what_was_there(features, tmp_path, monkeypatch):
    path = tmp_path / "f.safetensors"
    features.save(path)
    before, write = path.read_bytes(), Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda self, raw: write(self, raw[:100]))
    with pytest.raises(OSError, match="only a part"):
        features.save(path)
    assert path.read_bytes() == before


def test_a_network_of_another_kind_is_refused(tmp_path):
    from explorer.networks.files import save

    net = Model(UNetSpec(16, 1, 0, 0), {}, 784, 1.0, picture=(1, 28, 28), centre=(0.0,))
    save(replace(net, weights=net.network_of().state_dict()), tmp_path / "m.safetensors")
    with pytest.raises(ModelFileError, match="makes no sense"):
        Features.load(tmp_path / "m.safetensors")


# --- a network measured ------------------------------------------------------------------------------------


class Remembering:
    """A stand-in for a network that knows the pictures by heart: the exact denoiser of some of them."""

    def __init__(self, pixels, labels=True):
        from explorer.data.distributions.mixture import Mixture

        x = from_pixels(pixels.images)
        self.whole = Mixture.of_points(x, 1e-3, pixels.labels.astype(int), MNIST.label_names)
        self.parts = [self.whole.where(k) for k in range(10)]
        self.spec, self.reduced = UNetSpec(), False

    def score(self, x, alpha, sigma, t, label=None, known=None):
        return (self.whole if label is None else self.parts[label]).score(x, alpha, sigma)

    def embedded(self, marginals):
        return {}


@pytest.fixture(scope="module")
def subject(features):
    some = MNIST.train.take(slice(0, 200))
    return Subject(Remembering(some), MNIST, some, MNIST.held_out.take(slice(0, 400)), features)


def test_samples_are_of_the_class_that_is_asked(subject):
    labels = np.array([3, 1, 3, -1, 1])
    x, found = drawn(subject.net, MNIST, QUICK.sde, QUICK.sampler, labels, seed=1)
    assert found.tolist() == [-1, 1, 1, 3, 3] and x.shape == (5, 784)
    np.testing.assert_array_equal(x, on_levels(x))
    train = from_pixels(subject.train.images)
    of = subject.train.labels[nearest(x, train).rows[:, 0]]
    assert of[1:].tolist() == [1, 1, 3, 3]
    again, _ = drawn(subject.net, MNIST, QUICK.sde, QUICK.sampler, labels, seed=1)
    np.testing.assert_array_equal(x, again)


def test_a_network_that_gives_pictures_back_is_found_out(subject):
    found = measure_copies(subject, QUICK, 60)
    assert found["rate"] > 0.9 and found["held_out_rate"] < 0.05 and found["close"] > 0.9
    assert found["n"] == 60 and found["against"] == 200


def test_samples_of_a_perfect_memory_are_near_the_floor_and_of_their_class(subject):
    found = measure_samples(subject, QUICK, 200)
    assert found["evaluations"] == 12 and found["n"] == 200
    assert found["ratio"] == pytest.approx(found["frechet"]["mean"] / found["floor"]["mean"], rel=1e-3)
    truth = subject.features.accuracy(subject.train)
    assert found["accuracy"] == pytest.approx(truth, abs=0.1)
    assert found["ratio"] < 4
    noise = np.clip(RNG.standard_normal((200, 784)), -1, 1)
    assert distance(subject.features.of(noise), subject.test_features).mean > 10 * found["frechet"]["mean"]


def test_the_ways_of_the_table_cost_the_same():
    for sde in SDES:
        alone, both = ways(SDES[sde](), 100).values()
        assert alone.nfe == both.nfe == 100 and both.sampler.corrections == 1
    assert QUICK.nfe == 12 and STOCHASTIC.nfe <= 50


def test_the_table_has_a_row_for_each_sde_and_method(subject):
    rows = list(table1(subject, 20, 2, costs=(4,), sdes=(SDES["vp"](), SDES["subvp"]())))
    assert [(r.way.sde.name, r.method) for r in rows] == [
        (sde, method) for sde in ("vp", "subvp") for method in ("predictor", "predictor-corrector")
    ]
    for row in rows:
        assert len(row.each) == 2 and row.distance.mean == pytest.approx(np.mean(row.each))
        assert row.distance.std == pytest.approx(np.std(row.each, ddof=1)) and row.floor.mean > 0


def test_bits_are_measured_in_float32_whatever_the_network_is_set_to(subject):
    from explorer.networks.unet import PictureDenoiser

    net = PictureDenoiser(UNetSpec(16, 1, 0, 0), (1, 28, 28), (-0.74,), 0.6)
    with torch.no_grad():
        net.body.last.weight.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    at = LearnedScore(net, SDES["vp"]())
    x = torch.randn(2, 784, generator=torch.Generator().manual_seed(1))
    found, plain = [], []
    for net.reduced in (False, True):
        flow = Flow(SDES["vp"](), at, SOLVERS["rk4"](), 4)
        found.append(
            log_likelihood(flow, x, divergence=Hutchinson(probes("rademacher", 1, (2, 784), 0))).each
        )
        plain.append(at(x, 0.5))
    assert torch.equal(*found) and not torch.equal(*plain)
    bits = measure_bits(replace(subject, net=net), SDES["vp"](), n=2, steps=4)
    assert net.reduced and bits["n"] == 2 and bits["evaluations"] > 4
    assert math.isfinite(bits["mean"]) and bits["error"] > 0
