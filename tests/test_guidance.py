"""Guidance towards a class: its two ends are exact, its parts are gradients, its networks near the truth."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.cli import main as command_line
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.metrics import energy_distance, floor
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.migrations import from_dict, to_dict
from explorer.experiment.resolution import exact_score, model_of, prepare, resolve
from explorer.experiment.schema import Experiment, ExperimentError, ScoreSource
from explorer.guidance import CONTROLS, Guided
from explorer.guidance.class_guidance import class_names
from explorer.guidance.classifier import train_classifier
from explorer.guidance.trained_classifiers import CLASSIFIERS
from explorer.networks import NetworkSpec, Training
from explorer.training import train

EXACT = ScoreSource("exact")
POINTS = torch.randn(200, 2, generator=torch.Generator().manual_seed(0)) * 1.5


def guided(data="two_moons", sde="vp", source=EXACT, **control):
    return Experiment(
        data=DISTRIBUTIONS[data](), sde=SDES[sde](), score=source, control=CONTROLS["class_guidance"](**control),
        sampler=Sampler(steps=100, particles=1000),
    )  # fmt: skip


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("t", [1e-3, 0.2, 1.0])
def test_weight_one_is_the_conditional_score_and_weight_zero_the_unconditional(sde, t):
    mixture = DISTRIBUTIONS["two_moons"]().mixture
    one, none = (resolve(guided(sde=sde, label=1, weight=w)).score for w in (1.0, 0.0))
    assert torch.equal(one(POINTS, t), ExactScore(mixture.where(1), SDES[sde]())(POINTS, t))
    assert torch.equal(none(POINTS, t), ExactScore(mixture, SDES[sde]())(POINTS, t))


@pytest.mark.parametrize("weight", [0.5, 3.0, 10.0])
def test_guidance_is_the_gradient_of_the_exact_log_p_y(weight):
    e = guided("rings", label=2, weight=weight)
    score, t, x = resolve(e).score, 0.3, POINTS.double().requires_grad_(True)
    alpha, sigma = e.sde.marginal(t)
    log_p = e.data.mixture.class_probabilities(x, alpha, sigma)[:, 2].log().sum()
    (gradient,) = torch.autograd.grad(log_p, x)
    x = x.detach()
    torch.testing.assert_close(score.push(x, t), weight * gradient, rtol=1e-6, atol=1e-8)
    whole = ExactScore(e.data.mixture, e.sde)(x, t) + weight * gradient
    torch.testing.assert_close(score(x, t), whole, rtol=1e-6, atol=1e-8)


def test_both_conventions_are_one():
    """ω s(x|y) + (1 - ω) s(x) = s(x) + w ∇log p(y|x) for ω = w."""
    s = resolve(guided(label=0, weight=4.0)).score
    x, t = POINTS, 0.2
    torch.testing.assert_close(s(x, t), 4 * s.conditional(x, t) - 3 * s.plain(x, t), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", ["reverse", "ode", "pc"])
def test_samples_are_of_the_class(mode):
    e = guided("pinwheel", label=3)
    e = replace(e, sampler=replace(e.sampler, mode=mode))
    *_, last = simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed)
    level = floor(energy_distance, e.target, 1000, range(6))
    assert energy_distance(last.x, e.sample(1000, 3)) < level.mean + 8 * level.std
    assert energy_distance(last.x, e.data.sample(1000, 3)) > 100 * level.mean


def test_over_guidance_is_neither_the_conditional_nor_a_sharper_law():
    far, spread = [], []
    for weight in (1.0, 5.0):
        e = guided("pinwheel", label=1, weight=weight)
        *_, last = simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed)
        far.append(energy_distance(last.x, e.sample(1000, 3)))
        spread.append(last.x.var(axis=0).sum() / np.trace(e.target.covariance))
    assert far[1] > 10 * far[0] and spread[1] < 0.85 * spread[0]


def test_a_network_keeps_its_own_score_under_the_exact_rule():
    e = guided("eight_gaussians", source=ScoreSource("pretrained"), label=5)
    found, t = resolve(e), 0.3
    alpha, sigma = e.sde.marginal(t)
    gap = e.data.mixture.where(5).score(POINTS, alpha, sigma) - e.data.mixture.score(POINTS, alpha, sigma)
    torch.testing.assert_close(found.score.conditional(POINTS, t), found.plain(POINTS, t) + gap)
    assert not found.exact and isinstance(found.score, Guided)


# --- what is trained --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classifier():
    *_, last = train_classifier(DISTRIBUTIONS["two_moons"]().mixture, 400, 400)
    return last


def test_the_classifier_is_nearly_as_good_as_bayes(classifier):
    assert classifier.loss < classifier.bayes_loss + 0.01
    assert (classifier.bayes - classifier.accuracy).max() < 0.04
    assert classifier.accuracy[0] > 0.98 and abs(classifier.accuracy[-1] - 0.5) < 0.08  # no noise; all noise


def test_its_gradient_is_that_of_its_log_probability_and_near_the_exact_one(classifier):
    data, t = DISTRIBUTIONS["two_moons"](), 0.4
    alpha, sigma = SDES["vp"]().marginal(t)
    x0, _ = data.mixture.sample(400, np.random.default_rng(0))
    z = torch.randn(400, 2, generator=torch.Generator().manual_seed(1))
    x = torch.from_numpy(x0) * alpha + sigma * z
    gradient = classifier.net.gradient(x, alpha, sigma, 1)
    h = 1e-2
    for i in range(2):
        step = torch.zeros(2)
        step[i] = h
        up, down = (classifier.net.log_probabilities(p, alpha, sigma)[:, 1] for p in (x + step, x - step))
        torch.testing.assert_close(gradient[:, i], (up - down) / (2 * h), rtol=0.05, atol=0.05)
    moved = x.double().requires_grad_(True)
    log_p = data.mixture.class_probabilities(moved, alpha, sigma)[:, 1].log().sum()
    (exact,) = torch.autograd.grad(log_p, moved)
    error = (gradient - exact).square().sum(1).mean().sqrt() / exact.square().sum(1).mean().sqrt()
    assert error < 0.4  # 0.30 after 400 iterations


def test_the_rule_falls_back_in_words_until_there_is_a_classifier(classifier, monkeypatch):
    monkeypatch.setattr(CLASSIFIERS, "_kept", {})
    e = guided(rule="classifier", label=1)
    without = resolve(e)
    assert "No classifier" in without.control
    assert torch.equal(without.score(POINTS, 0.3), exact_score(e)(POINTS, 0.3))
    CLASSIFIERS.keep(e.data, classifier.net)
    prepare(e)  # trains nothing: there is one
    score = resolve(e).score
    alpha, sigma = e.sde.marginal(0.3)
    push = classifier.net.gradient(POINTS, alpha, sigma, 1)
    torch.testing.assert_close(score(POINTS, 0.3), score.plain(POINTS, 0.3) + push)
    *_, last = simulate(e.sde, e.sampler, score, e.target, 0)
    shares = e.data.mixture.class_probabilities(torch.from_numpy(last.x))[:, 1].mean()
    assert shares > 0.97


def test_only_a_few_classifiers_are_kept(classifier, monkeypatch):
    monkeypatch.setattr(CLASSIFIERS, "_kept", {})
    before = CLASSIFIERS.changes
    many = [DISTRIBUTIONS["points"](jitter=0.05 + 0.01 * i) for i in range(CLASSIFIERS.MOST + 2)]
    for data in many:
        CLASSIFIERS.keep(data, classifier.net)
    assert CLASSIFIERS.changes == before + len(many)
    assert CLASSIFIERS.of(many[0]) is None and CLASSIFIERS.of(many[-1]) is classifier.net


def test_label_dropout_gives_both_scores():
    """One network: with a label near the conditional score, without one near the unconditional."""
    network = NetworkSpec(width=64, depth=2, classes=2)
    training = Training(seconds=0, iterations=700, batch=1024, device="cpu")
    e = guided("two_modes_1d", rule="classifier_free", label=1)
    e = replace(e, score=ScoreSource("trained", network=network, training=training))
    *_, last = train(e.data.mixture, e.sde, e.score.objective, network, training, 0)
    score = resolve(e, model_of(e, last, last.weights)).score
    assert (
        isinstance(score, Guided)
        and "conditional minus" in resolve(e, model_of(e, last, last.weights)).control
    )
    for t in (0.1, 0.3, 0.6):
        alpha, sigma = e.sde.marginal(t)
        for learned, mixture in ((score.conditional, e.target), (score.plain, e.data.mixture)):
            x0, _ = mixture.sample(1000, np.random.default_rng(0))
            x = alpha * torch.from_numpy(x0) + sigma * torch.randn(
                1000, 1, generator=torch.Generator().manual_seed(2)
            )
            with torch.no_grad():
                error = sigma**2 * (learned(x, t) - mixture.score(x, alpha, sigma)).square().mean()
            assert error < 0.02  # sigma² times the squared score is about 1


def test_a_network_without_labels_says_so():
    found = resolve(guided("eight_gaussians", source=ScoreSource("pretrained"), rule="classifier_free"))
    assert "knows no labels" in found.control and found.labelled is None


# --- where it makes no sense, files, shell ----------------------------------------------------------------


@pytest.mark.parametrize(
    "data, label, words",
    [("heart", 0, "no classes"), ("line", 0, "one class"), ("two_moons", 2, "classes 0 to 1")],
)
def test_where_it_makes_no_sense_it_says_why(data, label, words):
    e = guided(data, label=label)
    found = resolve(e)
    assert words in found.control and words in e.control.refusal(e.data.mixture)
    assert e.target is e.data.mixture and torch.equal(found.score(POINTS, 0.5), exact_score(e)(POINTS, 0.5))


def test_the_classes_have_names():
    assert class_names(DISTRIBUTIONS["two_moons"]().mixture) == {0: "upper moon", 1: "lower moon"}
    assert class_names(DISTRIBUTIONS["heart"]().mixture) == {}


def test_files_with_and_without_a_control():
    e = guided(label=1, weight=2.5)
    value = json.loads(json.dumps(to_dict(e)))
    assert value["control"] == {
        "type": "class_guidance", "rule": "exact", "label": 1, "weight": 2.5, "share": 0.5,
        "below": 200.0, "each": False,
    }  # fmt: skip
    assert from_dict(value) == (e, "")
    del value["control"]
    assert from_dict(value)[0] == e.free and e.free.control == CONTROLS["none"]()
    with pytest.raises(ExperimentError, match=r"control\.weight must be between 0 and 100"):
        edited(e, "control.weight", -1.0)


def test_headings_say_what_is_given():
    from explorer.ui.painting.words import subtitle

    assert subtitle(guided(label=1, weight=2.5)).endswith("lower moon, w = 2.5")
    e = replace(guided(), control=CONTROLS["measurement"](angle=90.0, value=1, std=0.2, method="tweedie"))
    assert subtitle(e).endswith("x₂ = 1 ± 0.2, DPS")
    assert subtitle(guided("heart")) == subtitle(guided("heart").free)


def test_the_exported_script_is_guided_too(tmp_path, monkeypatch, capsys):
    from explorer.export.script import script_of

    monkeypatch.chdir(tmp_path)
    e = guided(label=1, weight=2.0)
    e = replace(e, sampler=Sampler(steps=5, particles=50))
    Path("again.py").write_text(script_of([e], [resolve(e)], ""), encoding="utf-8")
    runpy.run_path("again.py", run_name="__main__")
    *_, last = simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed)
    with np.load("again.npz") as arrays:
        np.testing.assert_array_equal(arrays["x"][-1], last.x)
    assert "prepare" not in script_of([e], [resolve(e)], "")
    assert "    prepare(experiment)\n" in script_of(
        [edited(e, "control.rule", "classifier")], [resolve(e)], ""
    )


def test_from_the_shell(tmp_path, capsys):
    path = tmp_path / "e.json"
    path.write_text(json.dumps(to_dict(Experiment(score=EXACT, sampler=Sampler(steps=40, particles=300)))))
    sets = ["control.type=class_guidance", "control.label=1"]
    assert command_line(["run", str(path), "--metrics", *(v for s in sets for v in ("--set", s))]) == 0
    out = capsys.readouterr()
    metrics = json.loads(out.out)["metrics"]
    assert metrics["class_share"]["value"] > 0.99
    assert metrics["energy_distance"]["value"] < 5 * metrics["energy_distance"]["floor"]
    assert "closed form" in out.err
    assert (
        command_line(["run", str(path), "--set", "control.type=class_guidance", "--set", "control.label=9"])
        == 0
    )
    assert "no class 9" in capsys.readouterr().err
