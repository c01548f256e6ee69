"""Each class in turn: row i of a sheet is of class i mod K, by every rule, in every place that shows one of them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.cli import main
from explorer.data.images import DATA
from explorer.diffusion.scores import ExactScore, InTurn, of_row
from explorer.diffusion.sdes import SDES
from explorer.experiment.defaults import first_sheet, with_data
from explorer.experiment.diagnostics import advice
from explorer.experiment.migrations import from_dict, to_dict
from explorer.experiment.resolution import exact_score, resolve
from explorer.experiment.schema import Experiment
from explorer.guidance import CONTROLS, Sources
from explorer.guidance.base import Guided
from explorer.guidance.class_guidance import EACH_CLASS, ClassGuidance
from explorer.networks.learned import LearnedScore
from explorer.session import document
from explorer.session.document import Document

MNIST = DATA["mnist"]()


def begun(data="mnist", **control):
    e = Document().with_data(DATA[data]()).experiment
    return replace(e, control=replace(e.control, **control)) if control else e


def points(e, n, t=0.5):
    x = e.sample(n, 3)
    alpha, sigma = e.sde.marginal(t)
    return torch.from_numpy(alpha * x) + sigma * torch.randn(
        x.shape, generator=torch.Generator().manual_seed(0)
    )


def test_it_is_what_images_with_classes_show_first():
    for name, count in (("mnist", 10), ("fashion_mnist", 10), ("twemoji", 9)):
        e = begun(name)
        assert e.control == EACH_CLASS and e.control_in_force is e.control and e.pictures.classes == count
    assert Document().with_data(DATA["two_moons"]()).experiment.control.name == "none"
    exact = replace(Experiment(), score=replace(Experiment().score, source="exact"))
    assert Document(exact).with_data(MNIST).experiment.control.name == "none"
    chosen = replace(with_data(Experiment(), MNIST), control=ClassGuidance(label=3))
    assert first_sheet(chosen) == chosen


def test_experiments_of_before_open_as_before():
    e, _ = from_dict({"data": "mnist"})
    assert e.control.name == "none"
    value = to_dict(begun())
    del value["control"]["each"]
    assert from_dict(value)[0].control == replace(EACH_CLASS, each=False)
    assert from_dict(json.loads(json.dumps(to_dict(begun()))))[0] == begun()


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_rows_have_their_own_class_in_one_batch(weight):
    """Against the scores of each class for the whole batch, row by row."""
    e = begun(weight=weight)
    x, t = points(e, 13), 0.5
    score = resolve(e).score
    with torch.no_grad():
        got = score(x, t)
        for row in range(13):
            one = resolve(replace(e, control=replace(e.control, each=False, label=row % 10))).score
            torch.testing.assert_close(got[row], one(x, t)[row], rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(
                of_row(score, row)(x[row : row + 1], t)[0], got[row], rtol=1e-4, atol=1e-4
            )


def test_the_exact_rule_leads_each_row_to_its_class():
    e = replace(begun(rule="exact"), score=replace(Experiment().score, source="exact"))
    x, t = points(e, 12), 0.3
    found = resolve(e)
    assert isinstance(found.score, Guided) and isinstance(found.score.conditional, InTurn)
    for row, s in enumerate(exact_score(e)(x, t)):
        closed = ExactScore(MNIST.mixture.where(row % 10), e.sde)(x[row : row + 1], t)[0]
        torch.testing.assert_close(s, closed, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found.score(x, t)[row], closed, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n", [1, 3, 10, 11, 25])
def test_scores_in_turn(n):
    """Against the definition, for fewer rows than scores and for more."""
    scores = InTurn(tuple((lambda x, t, k=k: x * 0 + k * t) for k in range(4)))
    assert scores(torch.zeros(n, 2), 2.0)[:, 0].tolist() == [2.0 * (i % 4) for i in range(n)]
    assert scores.of_row(6)(torch.zeros(1, 2), 2.0)[0, 0] == 4.0


def test_labels_of_a_network_that_is_asked_for_two_at_once():
    e = begun(weight=3.0)
    score = resolve(e).score
    assert isinstance(score.conditional, LearnedScore) and score.plain.joins(score.conditional)
    x = points(e, 6)
    with torch.no_grad():
        plain, conditional = score.plain.beside(score.conditional, x, 0.5)
        torch.testing.assert_close(plain, score.plain(x, 0.5), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(conditional, score.conditional(x, 0.5), rtol=1e-4, atol=1e-4)


def test_its_law_has_every_class_equally_often():
    for name in ("mnist", "twemoji"):
        mixture = DATA[name]().mixture
        target = EACH_CLASS.target(mixture)
        per_class = np.bincount(target.labels, target.weights)
        np.testing.assert_allclose(per_class, 1 / len(per_class), rtol=1e-9)
        k = mixture.labels == 2  # within a class nothing is changed
        np.testing.assert_allclose(
            target.weights[k] / target.weights[k].sum(), mixture.where(2).weights, rtol=1e-9
        )


def test_it_makes_sense_for_images_with_classes_alone():
    assert "for images" in EACH_CLASS.refusal(DATA["eight_gaussians"]().mixture)
    assert EACH_CLASS.fitted(DATA["two_moons"]()).name == "none"
    assert EACH_CLASS.fitted(DATA["fashion_mnist"]()) is EACH_CLASS
    assert EACH_CLASS.brief(MNIST.mixture).startswith("each class in turn")
    assert CONTROLS["class_guidance"]().each is False
    sources = Sources(ExactScore(MNIST.mixture, SDES["vp"]()), MNIST.mixture, SDES["vp"]())
    score, word = EACH_CLASS.guide(sources)  # a network that knows no labels
    assert "knows no labels" in word and isinstance(score.conditional, InTurn)


def test_new_writes_it_and_a_set_field_wins(tmp_path, capsys):
    for sets, each in (([], True), (["control.each=false"], False), (["control=none"], None)):
        options = [part for s in sets for part in ("--set", s)]
        out = tmp_path / "e.json"
        code = main(["new", "--distribution", "mnist", *options, "--out", str(out)])
        if sets == ["control.each=false"]:  # a field of a control that is not chosen: the type comes with it
            assert code == 2
            assert main(["new", "--distribution", "mnist", "--out", str(out)]) == 0
            assert json.loads(out.read_text())["control"]["each"] is True
            continue
        assert code == 0
        control = document.read(out)[0].experiment.control
        assert getattr(control, "each", None) is each
    assert main(["new", "--distribution", "mnist", "--score", "exact"]) == 0
    assert json.loads(capsys.readouterr().out.strip())["control"]["type"] == "none"


@pytest.mark.parametrize(
    ("data", "sde", "warned"),
    [("mnist", "exponential", True), ("fashion_mnist", "exponential", True), ("twemoji", "exponential", True),
     ("mnist", "ve", False), ("twemoji", "ve", False), ("mnist", "vp", False), ("mnist", "subvp", False)],
)  # fmt: skip
def test_a_sigma_max_too_small_for_images_is_warned_of(data, sde, warned):
    e = replace(begun(data), sde=SDES[sde].suited(True))
    assert any("too small for these images" in text for text in advice(e)) == warned
    assert not any("too small for these images" in text for text in advice(replace(Experiment(), sde=e.sde)))
