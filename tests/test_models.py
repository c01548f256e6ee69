"""Which score an experiment means: exact, pretrained, trained; one network under every SDE."""

import gc
import os
import weakref
from dataclasses import replace

import pytest
import torch

from explorer.base import paths
from explorer.base.params import params
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.images import IMAGES
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.experiment import resolution as models
from explorer.experiment.codec import edited, encode
from explorer.experiment.resolution import ONE_SERVES_ALL, pretrained, pretrained_path, resolve, untrained
from explorer.experiment.schema import Experiment
from explorer.networks.files import Model, ModelFileError, save
from explorer.networks.preconditioned import Denoiser
from explorer.networks.spec import NetworkSpec

SMALL = NetworkSpec(width=16, depth=1, waves=4)
X = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
PAIRS = [(a, b) for a in SDES for b in SDES]


def wanting(source, **sets):
    e = edited(Experiment(), "score.source", source)
    e = replace(e, score=replace(e.score, network=SMALL))
    for name, value in sets.items():
        e = edited(e, name.replace("__", "."), value)
    return e


def random_model(spec=SMALL, dim=2, **facts):
    """A network whose output is not the zero it starts with."""
    weights = Denoiser(spec, dim, 1.0).state_dict()
    random = torch.Generator().manual_seed(3)
    noise = {k: w + 0.3 * torch.randn(w.shape, generator=random) for k, w in weights.items()}
    return Model(spec, noise, dim, 1.0, **facts)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of pretrained networks of our own."""
    monkeypatch.setattr(paths, "pretrained", lambda: tmp_path)
    return tmp_path


def test_the_exact_score_for_every_distribution():
    for name in DISTRIBUTIONS:
        e = wanting("exact", data=name)
        found = resolve(e)
        assert found.exact and found.dim == e.data.dim and found.score == ExactScore(e.data.mixture, e.sde)
        assert found.word


@pytest.mark.parametrize("name", [n for n in DISTRIBUTIONS if DISTRIBUTIONS[n].builtin])
def test_the_pretrained_network_is_of_the_default_parameters(name, shelf):
    """Whatever ships: the file is used for the distribution as it stands in the gallery, and for no other."""
    data = DISTRIBUTIONS[name]()
    assert pretrained_path(data) is None and resolve(wanting("pretrained", data=name)).exact
    save(random_model(dim=data.dim), shelf / f"{name}.safetensors")
    found = resolve(wanting("pretrained", data=name))
    assert not found.exact and found.word == ONE_SERVES_ALL
    assert torch.isfinite(found.score(torch.ones(5, data.dim), 0.5)).all()
    other = {p.name: p.low + 0.37 * (p.high - p.low) for p in params(type(data)) if p.kind == "float"}
    changed = wanting("pretrained", data={"type": name} | other)
    assert changed.data != data and pretrained(changed.data) is None
    found = resolve(changed)
    assert found.exact and "exact score is used" in found.word


def test_the_users_own_data_has_no_pretrained_network(shelf):
    for name in ("points", "gaussian_mixture"):
        save(random_model(), shelf / f"{name}.safetensors")
        assert pretrained(DISTRIBUTIONS[name]()) is None


def test_a_pretrained_file_is_read_once_and_again_when_it_changes(shelf, monkeypatch):
    data, loads = DISTRIBUTIONS["eight_gaussians"](), []
    load = models.load
    monkeypatch.setattr(models, "load", lambda path: loads.append(path) or load(path))
    path = shelf / "eight_gaussians.safetensors"
    save(random_model(), path)
    assert pretrained(data) is pretrained(data) and len(loads) == 1
    save(random_model(NetworkSpec(32, 1)), path)
    os.utime(path, (1, 1))
    assert pretrained(data).network.width == 32 and len(loads) == 2


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(1000)])
def test_a_damaged_pretrained_file_is_refused(shelf, content):
    (shelf / "eight_gaussians.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match="eight_gaussians"):
        resolve(wanting("pretrained"))


def test_what_ships_can_be_used():
    """Every network for points in pretrained/ is near the exact score where the data is (of pictures see
    tests/test_pretrained_pictures.py)."""
    there = sorted(paths.pretrained().glob("*.safetensors"))
    files = [path for path in there if path.name.split(".")[0] not in IMAGES]
    assert files
    for path in files:
        data = DISTRIBUTIONS[path.stem]()
        learned, exact = (
            resolve(wanting("pretrained", data=path.stem)),
            resolve(wanting("exact", data=path.stem)),
        )
        assert not learned.exact
        sde, x0 = exact.score.sde, torch.from_numpy(data.sample(500, 0))
        x = sde.perturb(x0, 0.5, torch.randn(x0.shape, generator=torch.Generator().manual_seed(1)))
        error = (learned.score(x, 0.5) - exact.score(x, 0.5)).square().mean()
        assert error < 0.05 * exact.score(x, 0.5).square().mean(), path.stem


# --- untrained and trained ----------------------------------------------------------------------------------


def test_the_untrained_network_follows_the_seed():
    def weights(seed):
        return untrained(wanting("trained", seed=seed)).weights

    a, again, b = weights(1), weights(1), weights(2)
    assert all(torch.equal(a[k], again[k]) for k in a)
    assert any(not torch.equal(a[k], b[k]) for k in a)


def test_the_untrained_network_is_what_training_starts_from():
    from explorer.training import train

    e = wanting("trained", seed=5, score__training__iterations=1, score__training__learning_rate=1e-8)
    s = e.score
    *_, frame = train(e.data.mixture, e.sde, s.objective, s.network, s.training, e.seed)
    before = untrained(e).weights
    for name, w in frame.weights.items():
        torch.testing.assert_close(w, before[name], atol=1e-6, rtol=1e-5)


def test_a_network_goes_with_its_model():
    """A training makes five a second."""
    model = random_model()
    kept = weakref.ref(resolve(wanting("trained"), model).score.denoiser)
    assert resolve(wanting("trained"), model).score.denoiser is kept()
    del model
    gc.collect()
    assert kept() is None


def test_the_trained_network_is_used_and_its_word_says_where_it_is_wrong():
    e = wanting("trained")
    assert "Not trained yet" in resolve(e).word
    model = random_model(data=encode(e.data))
    found = resolve(e, model)
    expected = model.denoiser().score(X, *e.sde.marginal(0.3), 0.3)
    assert not found.exact and found.word == ONE_SERVES_ALL
    torch.testing.assert_close(found.score(X, 0.3), expected)
    assert "other data" in resolve(edited(e, "data", "spiral"), model).word
    assert "other settings" in resolve(edited(e, "score.network.width", 32), model).word
    other_dim = resolve(edited(e, "data", "two_modes_1d"), model)
    assert "Not trained yet" in other_dim.word and other_dim.dim == 1


@pytest.mark.parametrize("output", ["noise", "score"])
def test_a_native_network_says_so(output):
    spec = replace(SMALL, output=output)
    e = replace(wanting("trained"), score=replace(wanting("trained").score, network=spec))
    model = random_model(spec, sde=encode(e.sde), data=encode(e.data))
    assert "this SDE alone" in resolve(e, model).word
    assert "Train again" in resolve(edited(e, "sde", "ve"), model).word
    word = resolve(edited(e, "sde.beta_max", 10), model).word
    assert "for VP with β_max = 20 alone: under β_max = 10" in word and "Train again" in word
    assert untrained(e).sde == encode(e.sde)


@pytest.mark.parametrize("level", [0.01, 0.3, 5.0])
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_one_network_gives_the_score_of_every_sde(one, other, level):
    """At equal noise level, s_one(alpha_one y) alpha_one = s_other(alpha_other y) alpha_other."""
    model, values = random_model(), []
    for name in (one, other):
        e = wanting("trained", sde=name)
        t = e.sde.time_at(level)
        alpha, sigma = e.sde.marginal(t)
        assert sigma / alpha == pytest.approx(level, rel=0.02)
        y = X * (1 + level)
        ratio = (sigma / alpha) / level  # VE's clock starts at sigma_min: the same level up to rounding
        values.append(resolve(e, model).score(alpha * y, t) * alpha * ratio**2)
    torch.testing.assert_close(values[0], values[1], rtol=2e-3, atol=2e-3 * float(values[0].abs().max()))


def test_a_native_network_does_not():
    spec = replace(SMALL, output="noise")
    e = replace(wanting("trained"), score=replace(wanting("trained").score, network=spec))
    model, values = random_model(spec), []
    for name in ("vp", "ve"):
        under = edited(e, "sde", name)
        t = under.sde.time_at(0.5)
        alpha, _ = under.sde.marginal(t)
        values.append(resolve(under, model).score(alpha * X, t) * alpha)
    assert (values[0] - values[1]).abs().max() > 0.1 * values[0].abs().max()
