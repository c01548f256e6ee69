"""The laboratories of learning, against closed forms, and the race from the shell."""

import csv
import json
import math

import numpy as np
import pytest
import torch

from explorer.analysis.smoothing import noise_trade
from explorer.cli import main
from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.diffusion.sdes import SDES
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve, untrained
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.figures.figure import Picture, Plot, Table
from explorer.labs import LABS, Context
from explorer.labs.training_microscope import take_apart
from explorer.networks import NetworkSpec
from explorer.training.objectives import OBJECTIVES

EIGHT = DISTRIBUTIONS["eight_gaussians"]
SMALL = NetworkSpec(width=16, depth=1, waves=2)


def experiment(data="eight_gaussians", sde="vp", objective="dsm", network=SMALL, source="trained"):
    score = ScoreSource(source, OBJECTIVES[objective](), network)
    return Experiment(DISTRIBUTIONS[data](), SDES[sde](), score)


def last(lab, e):
    reports = list(lab.reports(Context(e, resolve(e))))
    progress = [r.progress for r in reports]
    assert progress == sorted(progress) and progress[-1] == 1 and all(p < 1 for p in progress[:-1])
    return reports[-1]


# --- one noise level -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2])
def test_variance_and_bias_of_a_gaussian(dim):
    """N(0, s² I): variance d s²/(σ²(s² + σ²)), bias d σ⁴/(s⁴(s² + σ²)), signal d/(s² + σ²)."""
    s, sigmas = 0.6, np.array([0.02, 0.3, 4.0])
    trade = noise_trade(Mixture.of_points(np.zeros((1, dim)), s), sigmas, 40_000, 0)
    total = s**2 + sigmas**2
    for found, error, expected in (
        (trade.variance, trade.variance_error, dim * s**2 / (sigmas**2 * total)),
        (trade.bias, trade.bias_error, dim * sigmas**4 / (s**4 * total)),
    ):
        assert (np.abs(found - expected) < 4 * error).all() and (error < 0.02 * expected).all()
    np.testing.assert_allclose(trade.signal, dim / total, rtol=0.03)


def test_the_mean_of_n_targets_misses_by_variance_over_n_plus_bias():
    """Measured: n targets drawn from the posterior of each x~, averaged, against the exact score of p."""
    mixture, sigma, n, places = EIGHT().mixture, 0.4, 5, 3000
    rng = np.random.default_rng(1)
    x0 = torch.from_numpy(mixture.sample(places, rng)[0]).double()
    x = x0 + sigma * torch.from_numpy(rng.standard_normal(x0.shape))
    k = torch.multinomial(
        mixture.responsibilities(x, 1.0, sigma), n, True, generator=torch.Generator().manual_seed(0)
    )
    s2 = mixture.shared_scale**2
    means = torch.from_numpy(mixture.means)[k]
    centre = (means * sigma**2 + x[:, None] * s2) / (s2 + sigma**2)
    z = torch.from_numpy(rng.standard_normal(centre.shape))
    posterior = centre + z * math.sqrt(s2 * sigma**2 / (s2 + sigma**2))
    target = ((posterior - x[:, None]) / sigma**2).mean(1)
    error = (target - mixture.score(x, 1.0, 0.0)).square().sum(1)
    trade = noise_trade(mixture, [sigma], 20_000, 2)
    spread = float(error.std()) / math.sqrt(places) + float(trade.bias_error[0])
    assert float(error.mean()) == pytest.approx(float(trade.error(n)[0]), abs=4 * spread)
    assert trade.variance[0] / n > 3 * trade.variance_error[0]


@pytest.mark.parametrize("data", ["eight_gaussians", "line", "three_modes_1d"])
def test_the_laboratory_of_one_level(data):
    e = experiment(data)
    report = last(LABS["dsm_sigma"](sigma=0.1, levels=9, draws=300), e)
    variance, bias = report.arrays["variance"], report.arrays["bias"]
    assert (np.diff(variance) < 0).all() and (np.diff(bias) > 0).all()
    d, sigma = e.data.dim, report.arrays["sigma"]
    assert variance[-1] * sigma[-1] ** 4 == pytest.approx(np.trace(e.data.mixture.covariance), rel=0.15)
    assert (variance < 1.1 * d / sigma**2).all()
    assert sum(isinstance(f, Picture) for f in report.figures) == (2 if d == 2 else 0)
    assert "σ = 0.1 " in report.words


def test_more_targets_allow_a_smaller_level():
    trade = noise_trade(EIGHT().mixture, np.geomspace(0.01, 3, 20), 500, 0)
    best = [trade.sigma[trade.error(n).argmin()] for n in (1, 100, 10_000)]
    assert best[0] > best[1] > best[2]


# --- one training step -----------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["edm", "noise"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_numbers_of_a_draw_belong_together(objective, output):
    e = experiment(objective=objective, network=NetworkSpec(width=16, depth=1, waves=2, output=output))
    net = untrained(e).denoiser().requires_grad_(True)
    with torch.no_grad():
        net.last.weight.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
    s = take_apart(e, net, 3)
    np.testing.assert_allclose(s.x, s.alpha * s.x0 + s.sigma * s.z, rtol=1e-5, atol=1e-6)
    assert sum(s.terms.values()) == pytest.approx(s.each, rel=1e-4, abs=1e-5)
    if s.target is not None:
        assert s.each == pytest.approx(float(np.square(s.prediction - s.target).sum()), rel=1e-4, abs=1e-6)
    if objective.startswith("dsm"):
        np.testing.assert_array_equal(s.target, -s.z)
    assert (s.target is None) == (objective in ("ism", "ssm", "ssm_vr"))
    assert s.gradient_norm > 0 and -1 <= s.cosine <= 1
    if output == "noise":
        assert (s.alpha, s.sigma) == pytest.approx(e.sde.marginal(s.t), rel=1e-4)
        assert e.sde.time_at(s.sigma / s.alpha) == pytest.approx(s.t, rel=1e-3)


def test_the_gradient_norm_in_closed_form():
    """A fresh network has F = 0, so only F = W h + b has a gradient: 2 λ c (σ s − target) (h, 1), c = d(σ s)/dF."""
    e = experiment()
    net = untrained(e).denoiser().requires_grad_(True)
    seen = []
    net.last.register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0].detach()))
    s = take_apart(e, net, 1)
    features = seen[0].flatten().double().numpy()  # the draw itself comes before its batch
    assert s.weight == pytest.approx(1 + (s.sigma / net.sigma_data) ** 2, rel=1e-5)
    c = net.sigma_data / math.hypot(s.sigma, net.sigma_data)
    by_bias = 2 * s.weight * c * np.linalg.norm(s.prediction - s.target)
    assert s.gradient_norm == pytest.approx(by_bias * math.sqrt(1 + features @ features), rel=1e-4)


def test_draws_differ_and_repeat():
    e = experiment()
    lab = LABS["training_microscope"]
    first, again, other = (last(lab(draw=i), e) for i in (0, 0, 1))
    np.testing.assert_array_equal(first.arrays["x"], again.arrays["x"])
    assert not np.allclose(first.arrays["x"], other.arrays["x"])
    assert first.words == again.words != other.words


def test_the_target_leads_back_to_the_point_that_was_noised():
    e = experiment()
    report = last(LABS["training_microscope"](draw=2), e)
    picture = next(f for f in report.figures if isinstance(f, Picture))
    (target,) = (m for m in picture.marks if getattr(m, "color", "") == "noise")
    np.testing.assert_allclose((target.xy + target.uv)[0], report.arrays["x0"], atol=1e-4)


def test_a_network_in_use_is_looked_at_and_left_alone():
    e = experiment(source="pretrained")
    resolved = resolve(e)
    before = {k: v.clone() for k, v in resolved.score.denoiser.state_dict().items()}
    report = last(LABS["training_microscope"](draw=4), e)
    assert "before its first step" not in report.words
    assert all(torch.equal(v, before[k]) for k, v in resolved.score.denoiser.state_dict().items())
    assert not any(p.requires_grad for p in resolved.score.denoiser.parameters())
    assert "before its first step" in last(LABS["training_microscope"](), experiment(source="exact")).words


# --- the race --------------------------------------------------------------------------------------------


def racing(*names, **settings):
    lab = LABS["race"].quick()
    chosen = type(lab.objectives)(**{n: n in names for n in OBJECTIVES})
    return LABS["race"](objectives=chosen, **{"iterations": 12, "batch": 64, "batches": 4} | settings)


def test_the_race_shows_what_it_measured():
    report = last(racing("esm", "dsm", "stable_targets"), experiment())
    plots = [f for f in report.figures if isinstance(f, Plot)]
    assert [len(p.series) for p in plots] == [3, 3, 3, 3]
    (table,) = (f for f in report.figures if isinstance(f, Table))
    assert [row[0] for row in table.rows] == [OBJECTIVES[n].title for n in ("dsm", "esm", "stable_targets")]
    assert table.rows[0][1] == report.arrays["dsm.fisher"][-1]
    assert table.rows[0][4] == pytest.approx(report.arrays["dsm.gradient_variance"].mean())
    for name in ("esm", "dsm", "stable_targets"):
        assert report.arrays[f"{name}.iterations"][-1] == 12
        assert (np.diff(report.arrays[f"{name}.seconds"]) > 0).all()
    ratio = report.arrays["stable_targets.gradient_variance"] / report.arrays["dsm.gradient_variance"]
    assert ratio.min() < 0.8 and f"{ratio.min():.2g} times the variance" in report.words


@pytest.mark.parametrize("data, sde, output", [("two_modes_1d", "ve", "edm"), ("spiral", "subvp", "noise")])
def test_any_data_sde_and_network_can_race(data, sde, output):
    network = NetworkSpec(width=16, depth=1, waves=2, output=output, classes=3)
    report = last(racing("ism", "ssm", batches=3), experiment(data, sde, network=network))
    assert np.isfinite(report.arrays["ism.fisher"]).all() and np.isfinite(report.arrays["ssm.by_level"]).all()


def test_the_experiments_own_objective_keeps_its_parameters():
    e = edited(experiment(objective="dsm_single"), "score.objective.sigma", 2.0)
    assert [o.sigma for o in racing("dsm_single")._runners(e)] == [2.0]
    assert [o.sigma for o in racing("dsm_single")._runners(experiment())] == [0.3]


def test_a_race_of_nobody_is_refused():
    assert "at least one" in racing().refusal(experiment())


def test_every_objective_has_a_switch_and_a_short_name():
    chosen = LABS["race"].quick().objectives
    assert set(vars(chosen)) == set(OBJECTIVES)
    shorts = [cls.short for cls in OBJECTIVES.values()]
    assert all(shorts) and len(set(shorts)) == len(shorts)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "e.json"
    path.write_text(json.dumps({"format": "score-explorer", "score": {"network": {"width": 16, "depth": 1}}}))
    return str(path)


def test_the_command_races(file, tmp_path, capsys):
    out, arrays = tmp_path / "race.csv", tmp_path / "race.npz"
    argv = [
        "race",
        file,
        "--objectives",
        "esm, ism",
        "--iterations",
        "8",
        "--set",
        "batch=64",
        "--set",
        "batches=3",
    ]
    assert main([*argv, "--out", str(out), "--out", str(arrays)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["settings"]["iterations"] == 8
    assert [n for n, on in said["settings"]["objectives"].items() if on] == ["esm", "ism"]
    with np.load(arrays) as z:
        assert any("ism.fisher" in name for name in z.files)
    with out.open(encoding="utf-8") as lines:
        text = [row for row in csv.reader(lines)]
    assert any("Implicit (exact trace)" in row for row in text)


@pytest.mark.parametrize("names", ["", "dsm,nobody"])
def test_the_command_names_what_it_does_not_know(file, capsys, names):
    assert main(["race", file, "--objectives", names]) == 2
    assert "stable_targets" in capsys.readouterr().err


@pytest.mark.parametrize("name", [n for n in OBJECTIVES if n not in ("dsm", "dsm_sigma2", "dsm_likelihood")])
def test_the_train_command_reaches_every_objective(file, tmp_path, capsys, name):
    out = tmp_path / "net.safetensors"
    argv = ["train", file, "--out", str(out), "--iterations", "3", "--device", "cpu"]
    assert main([*argv, "--set", f"score.objective.type={name}", "--set", "score.training.batch=64"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["iterations"] == 3 and math.isfinite(said["excess"]) and out.exists()
