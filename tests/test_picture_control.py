"""Control of pictures: what is known stays, what is not is free; the transforms are orthonormal; guidance is exact."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from leaks import closed

from explorer.base.params import ParamError
from explorer.data.distributions.mixture import Mixture
from explorer.data.images import IMAGES, from_pixels
from explorer.diffusion.observation import GroupMeans, Replaced
from explorer.diffusion.samplers import SOLVERS, Sampler
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.defaults import PICTURE_SAMPLER
from explorer.experiment.migrations import from_dict, to_dict
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ExperimentError, ScoreSource
from explorer.guidance import CONTROLS, Guided, Sources, masks
from explorer.guidance.base import Mixed, Sum
from explorer.guidance.classifier import ClassifierGradient
from explorer.guidance.image_classifier import shipped, train_picture_classifier
from explorer.guidance.tweedie import TweedieGuided
from explorer.networks.files import ModelFileError
from explorer.networks.image_classifier import load_classifier, save_classifier
from explorer.networks.learned import LearnedScore
from explorer.networks.spec import UNetSpec
from explorer.networks.unet import PictureDenoiser

EXACT = ScoreSource("exact")
FEW = replace(PICTURE_SAMPLER, steps=6, particles=4)
PROBLEMS = {
    "inpaint_picture": dict(mask="left", picture=7),
    "colourise": dict(picture=7),
    "super_resolve": dict(factor="4", picture=7),
}


@pytest.fixture(scope="module")
def mnist():
    return IMAGES["mnist"]()


@pytest.fixture(scope="module")
def twemoji():
    return IMAGES["twemoji"]()


@pytest.fixture(scope="module")
def network(mnist):
    """An untrained network whose last layers are not zero, so that labels matter."""
    random = torch.Generator().manual_seed(0)
    net = PictureDenoiser(UNetSpec(width=16, depth=1), mnist.size, mnist.centre, mnist.sigma_data, random)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=random) * 0.05)
    return net.requires_grad_(False).eval()


def noisy(n=6, dim=784, seed=0):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def asked(data, name, sampler=FEW, **fields):
    method = {"method": "replacement"} if name in PROBLEMS else {}
    control = CONTROLS[name](**(method | PROBLEMS.get(name, {}) | fields))
    return Experiment(data=data, score=EXACT, control=control, sampler=sampler)


def last_of(e):
    *_, last = simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed)
    return last


# --- the change of basis ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, data", [("inpaint_picture", "mnist"), ("colourise", "twemoji"), ("super_resolve", "twemoji")]
)
def test_the_rows_are_orthonormal_and_the_rest_stays(name, data, request):
    data = request.getfixturevalue(data)
    known = asked(data, name).control.known(data.mixture)
    y = noisy(3, len(known.y), 1)
    torch.testing.assert_close(known.seen(known.placed(y)), y, rtol=1e-6, atol=1e-6)
    x, z = noisy(3, data.dim), noisy(3, len(known.y), 2)
    torch.testing.assert_close(known.placed(y).square().sum(1), y.square().sum(1), rtol=1e-5, atol=1e-4)
    new = known.put_in(x, 0.6, 0.5, z, torch.zeros_like(z))
    torch.testing.assert_close(known.seen(new), 0.6 * known.observed(x) + 0.5 * z, rtol=1e-5, atol=1e-5)
    rest = [v - known.placed(known.seen(v)) for v in (x, new)]
    torch.testing.assert_close(*rest, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close((rest[0] * known.placed(y)).sum(1), torch.zeros(3), atol=1e-3, rtol=0)


def test_grey_and_block_means_are_those_of_the_picture(mnist, twemoji):
    x = from_pixels(twemoji.held_out.images[7:8])[0].reshape(3, 32, 32)
    grey = asked(twemoji, "colourise").control.known(twemoji.mixture)
    np.testing.assert_allclose(grey.y, x.sum(0).ravel() / math.sqrt(3), atol=1e-6)
    blocks = asked(twemoji, "super_resolve", factor="2").control.known(twemoji.mixture)
    means = x.reshape(3, 16, 2, 16, 2).mean((2, 4))
    np.testing.assert_allclose(blocks.means.reshape(3, 16, 16), means, atol=1e-6)
    np.testing.assert_allclose(blocks.y, 2 * means.ravel(), atol=1e-6)
    assert len(asked(mnist, "super_resolve").control.known(mnist.mixture).y) == 49


# --- what is known stays ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["reverse", "ode", "pc"])
@pytest.mark.parametrize("sde", ["ve", "vp", "subvp"])
def test_known_pixels_stay_to_the_last_bit_and_the_others_are_free(mnist, sde, mode):
    sampler = replace(FEW, mode=mode, corrector_steps=1)
    e = edited(asked(mnist, "inpaint_picture", sampler), "sde", SDES[sde]().name)
    x = last_of(e).x.reshape(4, 28, 28)
    given = from_pixels(mnist.held_out.images[7:8])[0].reshape(28, 28)
    assert (x[:, :, 14:] == given[:, 14:]).all()
    assert (x[:, :, :14] != given[:, :14]).mean() > 0.9 and x[:, :, :14].std(0).max() > 0.1


@pytest.mark.parametrize("name", ["colourise", "super_resolve"])
@pytest.mark.parametrize("method", ["replacement", "tweedie"])
def test_grey_and_low_resolution_stay(twemoji, name, method):
    e = asked(twemoji, name, replace(FEW, steps=3), method=method)
    known, x = e.control.known(twemoji.mixture), torch.from_numpy(last_of(e).x)
    torch.testing.assert_close(known.seen(x), known.observed(x).expand(4, -1), rtol=1e-5, atol=1e-5)
    rest = x - known.placed(known.seen(x))
    assert float(rest.std(0).max()) > 0.01


def test_the_same_seed_fills_in_the_same(mnist):
    e = asked(mnist, "inpaint_picture", replace(FEW, mode="pc", corrector_steps=1, steps=3))
    first, again, other = (last_of(replace(e, seed=s)).x for s in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def test_nothing_painted_out_gives_the_picture_and_all_painted_out_asks_for_nothing(mnist):
    given = from_pixels(mnist.held_out.images[7:8])
    assert (last_of(asked(mnist, "inpaint_picture", mask="none")).x == given).all()
    everything = asked(mnist, "inpaint_picture", mask=masks.encoded(np.ones((28, 28), bool)))
    free = last_of(everything.free)
    np.testing.assert_array_equal(last_of(everything).x, free.x)


# --- against closed forms ---------------------------------------------------------------------------------


def gaussian(dim=16, scale=0.5):
    """Pictures of 1 x 4 x 4: independent pixels of one variance."""
    mean = np.random.default_rng(0).normal(size=dim)
    return Mixture.of_points(mean[None], scale)


SOME = GroupMeans(16, np.arange(16).reshape(4, 4), np.array([0.5, -0.3, 0.1, 0.8]))


def conditional(mixture, known):
    """Mean (d,) and covariance (d, d) of N(m, s² I) given the means of groups: the projection of both."""
    b = known.placed(torch.eye(len(known.y), dtype=torch.float64)).numpy()
    m, s = mixture.means[0], mixture.scales[0, 0]
    return m + b.T @ (known.y - b @ m), s**2 * (np.eye(len(m)) - b.T @ b)


@pytest.mark.parametrize("mode", ["reverse", "ode"])
@pytest.mark.parametrize("method", ["replacement", "tweedie"])
def test_on_a_gaussian_the_samples_are_of_the_conditional_law(mode, method):
    mixture, sde = gaussian(), SDES["vp"]()
    plain = ExactScore(mixture, sde)
    score = TweedieGuided(plain, sde, SOME, 0.5) if method == "tweedie" else plain
    sampler = Sampler(mode=mode, steps=60 if mode == "ode" else 250, particles=2500, grid="edm")
    *_, last = simulate(sde, sampler, Replaced(score, SOME), mixture, 0)
    mean, covariance = conditional(mixture, SOME)
    np.testing.assert_allclose(last.x.mean(0), mean, atol=0.04)
    np.testing.assert_allclose(np.cov(last.x.T), covariance, atol=0.035)


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("t", [0.05, 0.4, 0.9])
def test_guidance_on_tweedies_mean_is_exact_on_a_gaussian(sde, t):
    """p_t(x | y) of N(m, s² I) is N(alpha m', alpha² S' + sigma² I), m' and S' those of the conditional law."""
    mixture, sde = gaussian(), SDES[sde]()
    alpha, sigma = sde.marginal(t)
    mean, covariance = conditional(mixture, SOME)
    x = torch.randn(5, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    precision = np.linalg.inv(alpha**2 * covariance + sigma**2 * np.eye(16))
    exact = (alpha * mean - x.numpy()) @ precision
    guided = TweedieGuided(ExactScore(mixture, sde), sde, SOME, 0.5)(x, t).numpy()
    np.testing.assert_allclose(guided, exact, rtol=1e-6, atol=1e-8 * np.abs(exact).max())


def test_the_target_is_the_stored_picture_that_fits_best(mnist):
    levels = mnist.train.images[5]
    e = asked(mnist, "inpaint_picture", own=tuple(levels.ravel().tolist()), mask="right")
    whole = from_pixels(levels[None])[0]
    assert e.control.refusal(mnist.mixture) == ""
    best = e.target.means[e.target.weights.argmax()]
    np.testing.assert_allclose(best, whole, atol=1e-6)
    assert len(e.target.weights) == 1  # it can only remember it


# --- a class of pictures ----------------------------------------------------------------------------------


def scores(network, sde="vp", label=3):
    sde = SDES[sde]()
    return LearnedScore(network, sde), LearnedScore(network, sde, label)


@pytest.mark.parametrize("t", [1e-3, 0.3, 1.0])
def test_weight_one_is_the_conditional_score_and_weight_zero_the_plain_one(network, t):
    plain, labelled = scores(network)
    x = noisy()
    assert torch.equal(Guided(plain, labelled, 1.0)(x, t), labelled(x, t))
    assert torch.equal(Guided(plain, labelled, 0.0)(x, t), plain(x, t))
    assert not torch.equal(plain(x, t), labelled(x, t))


@pytest.mark.parametrize("sde", ["ve", "vp", "subvp"])
@pytest.mark.parametrize("t", [0.01, 0.5, 1.0])
def test_both_parts_in_one_batch_are_two_calls(network, sde, t):
    plain, labelled = scores(network, sde)
    x = noisy() * SDES[sde]().marginal(t)[1]
    for one, two in zip(plain.beside(labelled, x, t), (plain(x, t), labelled(x, t)), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5 * float(two.abs().max()))
    w = 4.0
    expected = w * labelled(x, t) - (w - 1) * plain(x, t)
    torch.testing.assert_close(
        Guided(plain, labelled, w)(x, t), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max())
    )


def test_what_two_labels_share_is_computed_once(network, monkeypatch):
    plain, labelled = scores(network)
    rows = []
    first = network.body.first.forward
    monkeypatch.setattr(network.body.first, "forward", lambda v: rows.append(len(v)) or first(v))
    plain.beside(labelled, noisy(), 0.3)
    assert rows == [6]


def test_evaluations_are_those_of_the_network(network, mnist):
    plain, labelled = scores(network)
    gradient = Sum(plain, plain)
    mixed = Mixed(plain, labelled, plain, 0.5)
    for conditional, counts in ((labelled, [1, 1, 2]), (gradient, [1, 1, 1]), (mixed, [1, 2, 2])):
        assert [Guided(plain, conditional, w).evaluations_at(0.5) for w in (0.0, 1.0, 3.0)] == counts
    sampler = replace(FEW, steps=4, particles=2)
    nfe = []
    for score in (plain, Guided(plain, labelled, 3.0)):
        *_, last = simulate(SDES["vp"](), sampler, score, mnist.mixture, 0)
        nfe.append(last.nfe)
    assert nfe == [4, 8]


def test_above_a_noise_level_the_weight_is_at_most_one(network, mnist):
    plain, labelled = scores(network)
    sde, x = SDES["vp"](), noisy()
    high, low = sde.time_at(30.0), sde.time_at(3.0)
    for weight, far in ((4.0, labelled), (0.0, plain), (1.0, labelled)):
        guided = Guided(plain, labelled, weight, sde, 10.0)
        assert torch.equal(guided(x, high), far(x, high))
        assert torch.equal(guided(x, low), Guided(plain, labelled, weight)(x, low))
    guided = Guided(plain, labelled, 4.0, sde, 10.0)
    assert [guided.evaluations_at(t) for t in (high, low)] == [1, 2]
    *_, last = simulate(sde, PICTURE_SAMPLER, guided, mnist.mixture, 0)
    assert 12 < last.nfe <= 19


# --- the classifier ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classifier(mnist):
    return list(train_picture_classifier(mnist, 40, every=20))


def test_the_classifier_learns(classifier):
    first, last = classifier[0], classifier[-1]
    assert last.progress == 1 and last.loss < first.loss < math.log(10) + 0.1
    assert last.accuracy[:3].mean() > 0.4 and last.accuracy[-1] < 0.35  # no noise; all noise
    assert math.isnan(last.bayes_loss)


def test_it_is_the_same_for_the_same_seed(mnist):
    nets = [list(train_picture_classifier(mnist, 3, seed=s, every=9))[-1].net for s in (0, 0, 1)]
    weights = [torch.cat([p.flatten() for p in net.parameters()]) for net in nets]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_it_is_small(classifier):
    assert sum(p.numel() for p in classifier[-1].net.parameters()) * 4 <= 600_000


def test_its_gradient_is_that_of_its_log_probability(classifier):
    net, (alpha, sigma) = classifier[-1].net, SDES["vp"]().marginal(0.4)
    net = type(net)(net.spec).double()
    net.load_state_dict(classifier[-1].net.state_dict())
    x, way = noisy(4).double(), noisy(4, seed=5).double()
    gradient = net.gradient(x, alpha, sigma, 3)
    h = 1e-5
    up, down = (net.log_probabilities(x + s * h * way, alpha, sigma)[:, 3] for s in (1, -1))
    torch.testing.assert_close((gradient * way).sum(1), (up - down) / (2 * h), rtol=1e-5, atol=1e-7)


def test_mixing_is_the_sum_of_both_parts(network, classifier):
    plain, labelled = scores(network)
    gradient = ClassifierGradient(classifier[-1].net, SDES["vp"](), 3)
    x, t = noisy(), 0.4
    mixed = Guided(plain, Mixed(plain, labelled, gradient, 0.25), 2.0)
    expected = plain(x, t) + 2.0 * (0.25 * (labelled(x, t) - plain(x, t)) + 0.75 * gradient(x, t))
    torch.testing.assert_close(mixed(x, t), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_every_rule_is_resolved_or_says_what_is_missing(mnist, network, classifier):
    sources = Sources(
        LearnedScore(network, SDES["vp"]()), mnist.mixture, SDES["vp"](), False,
        lambda label: LearnedScore(network, SDES["vp"](), label), classifier[-1].net,
    )  # fmt: skip
    words = {"exact": "stored", "classifier": "gradient", "classifier_free": "conditional", "mixed": "50%"}
    for rule, word in words.items():
        control = CONTROLS["class_guidance"](rule=rule, label=3, weight=2.0)
        assert word in control.guide(sources)[1]
    bare = replace(sources, labelled=None, classifier=None)
    assert "no labels" in CONTROLS["class_guidance"](rule="mixed").guide(bare)[1]
    assert "No classifier" in CONTROLS["class_guidance"](rule="classifier").guide(bare)[1]


def test_its_file_keeps_it_and_damage_is_refused(classifier, tmp_path):
    path = tmp_path / "c.safetensors"
    save_classifier(classifier[-1].net, path, {"type": "mnist"}, {"iterations": 60})
    x = noisy()
    torch.testing.assert_close(
        load_classifier(path).log_probabilities(x, 0.7, 0.7),
        classifier[-1].net.log_probabilities(x, 0.7, 0.7),
    )
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ModelFileError, match="damaged"):
        load_classifier(path)
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="not a model file"):
        load_classifier(path)


def test_a_classifier_that_comes_with_the_program_is_used(classifier, tmp_path, monkeypatch, mnist):
    monkeypatch.setattr("explorer.base.paths.pretrained", lambda: tmp_path)
    assert shipped(mnist) is None
    path = tmp_path / "mnist.classifier.safetensors"
    save_classifier(classifier[-1].net, path, {}, {})
    monkeypatch.setattr("explorer.guidance.trained_classifiers.CLASSIFIERS._kept", {})
    e = replace(
        asked(mnist, "class_guidance"), control=CONTROLS["class_guidance"](rule="classifier", label=3)
    )
    assert "gradient of the classifier" in resolve(e).control
    path.write_bytes(b"no model")
    found = resolve(e)
    assert "cannot be used" in found.control and "exact rule" in found.control


# --- where it makes no sense, files -----------------------------------------------------------------------


def test_controls_of_points_and_of_pictures_refuse_the_other(mnist):
    points = Experiment()
    for name, cls in CONTROLS.items():
        assert bool(cls().refusal(mnist.mixture)) == (not cls.for_pictures or name == "colourise"), name
        assert bool(cls().refusal(points.data.mixture)) == (not cls.for_points), name
    e = replace(points, control=CONTROLS["inpaint_picture"]())
    assert "control for images" in resolve(e).control and e.target is e.data.mixture
    assert "control for points" in resolve(asked(mnist, "inpaint")).control


def test_why_a_picture_problem_makes_no_sense(mnist):
    told = [
        (dict(picture=10**6), "There is no image"),
        (dict(own=(0,) * 12), "another size"),
        (dict(mask="00"), "paint it anew"),
    ]
    for fields, words in told:
        assert words in resolve(asked(mnist, "inpaint_picture", **fields)).control
    assert "grey" in resolve(asked(mnist, "colourise")).control


@pytest.mark.parametrize(
    "fields", [dict(mask="half"), dict(own=(1, 2, 256)), dict(own=(1.5,)), dict(own="1234")]
)
def test_bad_values_are_refused_when_made(fields):
    with pytest.raises(ParamError):
        CONTROLS["inpaint_picture"](**fields)


def test_masks_in_words_and_in_bits():
    for name in masks.PRESETS:
        out = masks.hidden(name, 28, 28)
        assert (masks.hidden(masks.encoded(out), 28, 28) == out).all()
    assert masks.hidden("left", 4, 4).tolist() == [[True, True, False, False]] * 4
    assert masks.hidden("lower", 4, 4).tolist() == [[False] * 4] * 2 + [[True] * 4] * 2
    assert masks.hidden("middle", 28, 28).sum() == 14 * 14


def test_files(mnist):
    own = tuple(mnist.held_out.images[3].ravel().tolist())
    e = asked(mnist, "inpaint_picture", own=own, mask=masks.encoded(masks.hidden("middle", 28, 28)))
    assert from_dict(json.loads(json.dumps(to_dict(e)))) == (e, "")
    with pytest.raises(ExperimentError, match="control"):
        edited(e, "control.own", [0, 300])
    assert e.control.refusal(mnist.mixture) == "" and "own image" in e.control.brief(mnist.mixture)


def test_an_adaptive_solver_keeps_what_is_known(mnist):
    sampler = replace(FEW, solver=SOLVERS["dopri5"](rtol=1e-1, atol=1e-1), particles=2)
    x = last_of(asked(mnist, "inpaint_picture", sampler)).x.reshape(2, 28, 28)
    given = from_pixels(mnist.held_out.images[7:8])[0].reshape(28, 28)
    assert (x[:, :, 14:] == given[:, 14:]).all()


def test_it_is_trained_in_the_background_and_kept(mnist, monkeypatch):
    from explorer.guidance.trained_classifiers import CLASSIFIERS
    from explorer.session.classifying import ClassifierTrainer

    monkeypatch.setattr("explorer.guidance.image_classifier.ITERATIONS", 2)
    monkeypatch.setattr("explorer.guidance.image_classifier.HELD", 5)
    monkeypatch.setattr("explorer.base.paths.pretrained", lambda: Path("nowhere"))
    monkeypatch.setattr(CLASSIFIERS, "_kept", {})
    trainer = ClassifierTrainer()
    assert CLASSIFIERS.of(mnist) is None
    trainer.start(mnist)
    trainer._slot.job.join(60)
    assert trainer.drain() and trainer.error is None
    assert CLASSIFIERS.of(mnist) is trainer.frame.net and trainer.words == ""
    assert closed(trainer)
