"""Model files: what is written comes back, and nothing else is let in."""

import dataclasses
import hashlib
import json
import pickle
import random
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.base import paths
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.experiment.codec import encode
from explorer.networks import NetworkSpec
from explorer.networks import files as model_files
from explorer.networks.files import Model, ModelFileError, decode, load, save
from explorer.networks.files import encode as to_bytes
from explorer.networks.learned import LearnedScore
from explorer.networks.preconditioned import Denoiser

TINY = NetworkSpec(width=2, depth=1, waves=1)
BUILT_IN = [name for name, cls in DISTRIBUTIONS.items() if cls.builtin]


def model(spec=TINY, **other):
    return Model(spec, Denoiser(spec).state_dict(), **other)


numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(facts=st.dictionaries(st.text(), values, max_size=4), scale=st.floats(1e-3, 1e3))
def test_round_trip(facts, scale):
    before = model(facts=facts, sigma_data=scale, data={"type": "rings"}, sde={"type": "ve"})
    after = decode(to_bytes(before))
    same = ("network", "dim", "sigma_data", "data", "sde", "facts")
    assert all(getattr(before, name) == getattr(after, name) for name in same)
    assert all(torch.equal(before.weights[name], w) for name, w in after.weights.items())
    assert to_bytes(after) == to_bytes(before)


@settings(deadline=None, max_examples=20)
@given(
    width=st.integers(1, 9), depth=st.integers(1, 4), waves=st.integers(0, 3), classes=st.integers(0, 3),
    output=st.sampled_from(["edm", "noise", "score", "x0", "v", "flow"]),
)  # fmt: skip
def test_every_network_round_trips(width, depth, waves, classes, output):
    before = model(NetworkSpec(width, depth, waves, output, classes), sde={"type": "vp", "beta_max": 12.0})
    after = decode(to_bytes(before))
    x = torch.ones(3, 2)
    torch.testing.assert_close(
        after.denoiser().score(x, 1.0, 0.5, 0.5), before.denoiser().score(x, 1.0, 0.5, 0.5), rtol=0, atol=0
    )


def test_every_byte_that_is_changed_is_noticed():
    raw, rng = to_bytes(model(facts={"seed": 1})), random.Random(0)
    for i in range(len(raw)):
        spoilt = bytearray(raw)
        spoilt[i] ^= rng.randrange(1, 256)
        with pytest.raises(ModelFileError):
            decode(bytes(spoilt))


@pytest.mark.parametrize("cut", [0, 7, 8, 100, -1])
def test_truncated(cut):
    with pytest.raises(ModelFileError):
        decode(to_bytes(model())[:cut])


def spoilt(**changes):
    return to_bytes(dataclasses.replace(model(), **changes))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not a model file"),
        (b"hello" * 1000, "not a model file"),
        (pickle.dumps({"weights": [1.0]}), "not a model file"),
        (spoilt(network=NetworkSpec(width=4, depth=1, waves=1)), "of shape"),
        (spoilt(network=NetworkSpec(width=2, depth=2, waves=1)), "not those of its network"),
        (spoilt(dim=3), "of shape"),
        (spoilt(dim=10**15), "makes no sense"),
        (spoilt(dim=-1), "makes no sense"),
        (spoilt(sigma_data=0.0), "makes no sense"),
        (spoilt(sigma_data=1e308), "sigma_data = 1e\\+308 is not between"),
        (spoilt(sigma_data=1e16), "is not between"),
        (spoilt(sigma_data=1e-300), "is not between"),
        (spoilt(weights=model().weights | {"last.bias": torch.tensor([1.0, float("nan")])}), "not finite"),
        (spoilt(weights=model().weights | {"last.bias": torch.tensor([1.0, -3e38])}), "beyond 1e"),
        (spoilt(weights=model().weights | {"last.bias": torch.zeros(2, dtype=torch.float64)}), "float64"),
    ],
)
def test_refused_in_one_sentence(raw, words, tmp_path):
    path = tmp_path / "some.safetensors"
    path.write_bytes(raw)
    with pytest.raises(ModelFileError, match=words) as caught:
        load(path)
    assert "some.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spread", model_files.SPREADS)
def test_the_widest_and_the_narrowest_data_that_load_can_be_scored(spread, tmp_path):
    """At the ends of what is taken, float32 still gives numbers."""
    path = tmp_path / "m.safetensors"
    save(dataclasses.replace(model(), sigma_data=spread), path)
    net = load(path).denoiser()
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    for sigma in (1e-3, 1.0):
        score = net.score(spread * x + sigma * x, 1.0, sigma, 0.5)
        assert bool(torch.isfinite(score).all())


def test_newer_format_missing_file_and_size(tmp_path, monkeypatch):
    monkeypatch.setattr(model_files, "FORMAT", 2)
    path = tmp_path / "m.safetensors"
    save(model(), path)
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="newer version"):
        load(path)
    with pytest.raises(ModelFileError, match="cannot be read"):
        load(tmp_path / "none.safetensors")
    monkeypatch.setattr(model_files, "LARGEST", 10)
    with pytest.raises(ModelFileError, match="too large"):
        load(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    save(model(), path)
    before = path.read_bytes()
    monkeypatch.setattr(
        "os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space"):
        save(model(sigma_data=3.0), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", BUILT_IN)
def test_pretrained(name):
    """Every built-in distribution has its network, with a card that is true of it."""
    path = paths.pretrained() / f"{name}.safetensors"
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    data, found = DISTRIBUTIONS[name](), load(path)
    assert path.stat().st_size < 150_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card["sha256"]
    assert found.data == card["data"] == encode(data)
    assert set(card["energy_distance"]) == {"ve", "vp", "subvp"}
    assert all(m["ratio"] < 1.3 for m in card["energy_distance"].values())
    _check_score(found, data)


def _check_score(found, data):
    """The score is right where the samples take shape: the error is a small part of it."""
    z = torch.randn(400, data.dim, generator=torch.Generator().manual_seed(0))
    x0 = torch.from_numpy(data.sample(400, 0))
    for name in ("ve", "vp", "subvp"):
        sde = SDES[name]()
        learned, exact = LearnedScore(found.denoiser(), sde), ExactScore(data.mixture, sde)
        for ratio in (0.2, 1.0, 5.0):
            t = sde.time_at(ratio)
            x = sde.perturb(x0, t, z)
            error, size = learned(x, t) - exact(x, t), exact(x, t)
            assert float(error.norm() / size.norm()) < 0.15


def test_checking_a_network_of_pictures_does_not_load_torchs_compiler():
    """(That would take seconds in which the window starves.)"""
    program = (
        "import sys, torch\n"
        "from explorer.networks.files import Model\n"
        "from explorer.networks.spec import UNetSpec\n"
        "model = Model(UNetSpec(width=8, depth=1), {}, 784, picture=(1, 28, 28), centre=(0.0,))\n"
        "with torch.device('meta'):\n"
        "    model.network_of()\n"
        "print('sympy' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=paths.PACKAGE.parent
    )
    assert ran.stdout.strip() == "False", ran.stderr
