"""Log-likelihood by the probability-flow ODE, against exact densities, the prior's own mismatch, and statistics."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.analysis.likelihood import (
    START,
    Estimate,
    Exact,
    Flow,
    Hutchinson,
    end_log_density,
    hutchinson,
    log_likelihood,
    on_points,
    probes,
    within,
)
from explorer.cli import main as command_line
from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.diffusion import noise
from explorer.diffusion.samplers import SOLVERS
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.experiment.resolution import pretrained, resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.figures.figure import Table
from explorer.labs import LABS, Context
from explorer.networks import NetworkSpec
from explorer.networks.learned import LearnedScore
from explorer.networks.preconditioned import Denoiser

#: Points, chosen to be away from the tails.
N = 16
NAMES = ("spiral", "anisotropic", "three_modes_1d")
by_sde = pytest.mark.parametrize("sde", SDES)


def data_at(mixture, sde, t=START, n=N, seed=0):
    """n points x_t (n, d) in float64 whose standard normal draws stay below 2."""
    rng = np.random.default_rng(seed)
    x0, _ = mixture.sample(n, rng)
    alpha, sigma = sde.marginal(t)
    return torch.from_numpy(alpha * x0 + sigma * np.clip(rng.standard_normal(x0.shape), -2, 2)).double()


def exact_flow(name, sde, **settings):
    mixture, process = DISTRIBUTIONS[name]().mixture, SDES[sde]()
    return mixture, process, Flow(process, ExactScore(mixture, process), **settings)


def learned_flow(name, sde, **settings):
    data, process = DISTRIBUTIONS[name](), SDES[sde]()
    return (
        data.mixture,
        process,
        Flow(process, LearnedScore(pretrained(data).denoiser(), process), **settings),
    )


def autograd_only(score):
    """The same score as a plain function, whose divergence is found by backward passes."""
    return lambda x, t: score(x, t)


@by_sde
@pytest.mark.parametrize("name", NAMES)
def test_exact_score_and_end_give_the_exact_log_density(name, sde):
    mixture, process, flow = exact_flow(name, sde)
    x = data_at(mixture, process)
    found = log_likelihood(flow, x, exact_end=mixture)
    truth = mixture.log_density(x, *process.marginal(START))
    assert (found.values - truth).abs().max() < 1e-3


@by_sde
@pytest.mark.parametrize("t", [0.05, 0.4])
def test_the_density_of_any_time(sde, t):
    mixture, process, flow = exact_flow("two_moons", sde)
    x = data_at(mixture, process, t)
    found = log_likelihood(flow, x, t, exact_end=mixture)
    assert (found.values - mixture.log_density(x, *process.marginal(t))).abs().max() < 1e-3


@by_sde
def test_at_the_end_the_density_is_the_ends_own(sde):
    mixture, process, flow = exact_flow("two_moons", sde)
    x = data_at(mixture, process, 1.0)
    found = log_likelihood(flow, x, process.T)
    assert torch.equal(found.values, end_log_density(process, x)) and found.nfe == 0


@by_sde
def test_with_the_prior_the_difference_is_the_priors_own_mismatch(sde):
    mixture, process, flow = exact_flow("eight_gaussians", sde)
    x = data_at(mixture, process, n=120)
    truth = mixture.log_density(x, *process.marginal(START))
    found = log_likelihood(flow, x)
    # found - truth = log prior(x_T) - log p_T(x_T): for prior and p_T about N(0, a²) and N(0, b²)
    var = process.marginal(1.0)[0] ** 2 * mixture.std**2 + process.marginal(1.0)[1] ** 2
    a = process.prior_std**2
    square = found.code.square().sum(1)
    gaussian = math.log(var / a) - 0.5 * square * (1 / a - 1 / var)
    assert (found.values - truth - gaussian).abs().max() < 2e-3
    # the central nine tenths of the codes
    central = (found.values - truth)[square < square.quantile(0.9)].abs().max()
    assert central < {"ve": 0.03, "exponential": 0.035}.get(sde, 0.006)
    assert central > (0.002 if sde in ("ve", "exponential") else 0)


def test_the_mismatch_of_a_gaussian_is_the_kl_divergence():
    """The mean of log p_T - log prior over p_T is KL(p_T | prior), closed for Gaussians."""
    mixture, process = Mixture.of_points(np.zeros((1, 2)), 1.0), SDES["ve"]()
    code = noise.normal((40_000, 2), 3, 1).double() * math.sqrt(1 + process.sigma_max**2)
    gap = end_log_density(process, code, mixture) - end_log_density(process, code)
    ratio = 1 + 1 / process.sigma_max**2
    assert float(gap.mean()) == pytest.approx(ratio - 1 - math.log(ratio), abs=4 * float(gap.std()) / 200)


@by_sde
def test_closed_form_of_a_gaussian(sde):
    """One Gaussian N(0, s²): the code is x std(T)/std(t), the log-density the normal law's."""
    s, process = 0.7, SDES[sde]()
    mixture = Mixture.of_points(np.zeros((1, 3)), s)
    x = data_at(mixture, process)
    std = [math.hypot(a * s, b) for a, b in (process.marginal(START), process.marginal(1.0))]
    found = log_likelihood(Flow(process, ExactScore(mixture, process)), x, exact_end=mixture)
    assert torch.allclose(found.code, x * std[1] / std[0], rtol=1e-4)
    law = torch.distributions.Normal(0.0, std[0]).log_prob(x).sum(1)
    assert (found.values - law).abs().max() < 1e-4


@pytest.mark.parametrize("name", [*NAMES, "line"])
def test_divergence_of_the_exact_score(name):
    """The closed form against backward passes through the score, and against finite differences."""
    mixture, process, _ = exact_flow(name, "vp")
    score = ExactScore(mixture, process)
    for t in (0.01, 0.1, 0.6):
        x = data_at(mixture, process, t)
        s, closed = Exact()(score, x, t, slice(None))
        _, backward = Exact()(autograd_only(score), x, t, slice(None))
        assert torch.allclose(s, score(x, t), rtol=1e-9, atol=1e-9)
        assert torch.allclose(closed, backward, rtol=1e-7, atol=1e-6)
        h = 1e-5
        steps = h * torch.eye(mixture.dim, dtype=torch.float64)
        ahead = sum((score(x + e, t) - score(x - e, t)) @ e / (2 * h * h) for e in steps)
        assert torch.allclose(closed[:, 0], ahead, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("dim, classes, waves", [(1, 0, 4), (2, 0, 4), (2, 3, 4), (2, 0, 0)])
def test_tangents_are_the_backward_passes_near_and_far(dim, classes, waves):
    """Also beyond the reach of the network, where its input is held."""
    random = torch.Generator().manual_seed(0)
    net = (
        Denoiser(NetworkSpec(16, 2, waves, classes=classes), dim, 0.8, random).double().requires_grad_(False)
    )
    net.last.weight.normal_(generator=random)
    score = LearnedScore(net, SDES["vp"](), 1 if classes else None)
    x = torch.randn(40, dim, generator=random, dtype=torch.float64) * torch.linspace(0.1, 20, 40)[:, None]
    for t in (1e-5, 0.05, 0.4, 1.0):
        s, trace = Exact()(score, x, t, slice(None))
        wanted, backward = Exact()(autograd_only(score), x, t, slice(None))
        torch.testing.assert_close(s, wanted, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(trace, backward, rtol=1e-6, atol=1e-6)


def test_divergence_of_a_network_against_finite_differences():
    mixture, process, flow = learned_flow("spiral", "vp")
    flow.score.denoiser.double()
    try:
        x = data_at(mixture, process, 0.05)
        s, trace = Exact()(flow.score, x, 0.05, slice(None))
        h = 1e-5
        steps = h * torch.eye(2, dtype=torch.float64)
        with torch.no_grad():
            ahead = sum((flow.score(x + e, 0.05) - flow.score(x - e, 0.05)) @ e / (2 * h * h) for e in steps)
        assert torch.allclose(trace[:, 0], ahead, rtol=1e-5, atol=1e-4)
        assert not s.requires_grad and not trace.requires_grad
    finally:
        flow.score.denoiser.float()


@pytest.mark.parametrize("kind", ["rademacher", "gaussian"])
def test_hutchinson_is_unbiased_and_its_error_bar_honest(kind):
    """A linear score -Ax: the divergence is constant, so estimates and their spread are known."""
    matrix = torch.tensor([[2.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
    v = probes(kind, 2000, (5, 2), seed=1)
    _, columns = Hutchinson(v)(lambda x, t: -x @ matrix, torch.zeros(5, 2).double(), 0.5, slice(None))
    off, diagonal = 2 * float(matrix[0, 1]) ** 2 * 2, 2 * float((matrix.diagonal() ** 2).sum())
    variance = off if kind == "rademacher" else off + diagonal  # Hutchinson 1990; Avron & Toledo 2011
    assert columns.shape == (5, 2000)
    assert float(columns.mean()) == pytest.approx(-3.0, abs=4 * math.sqrt(variance / columns.numel()))
    assert float(columns.var()) == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize("kind", ["rademacher", "gaussian"])
def test_hutchinson_along_the_ode(kind):
    mixture, process, flow = learned_flow("eight_gaussians", "vp", solver=SOLVERS["dopri5"]())
    x = data_at(mixture, process, n=60)
    exact = log_likelihood(flow, x)
    k = 10
    found = log_likelihood(flow, x, divergence=Hutchinson(probes(kind, k, x.shape, 0)))
    z = (found.values - exact.values) / found.error
    # Student's t with k - 1 degrees of freedom: mean 0, variance (k-1)/(k-3); Rademacher's law is two-valued
    assert abs(float(z.mean())) < 0.5 and 0.6 < float(z.std()) < 1.8
    value, error = found.mean()
    assert abs(value - exact.mean()[0]) < 4 * error and exact.mean()[1] == 0 and exact.error is None
    assert error == pytest.approx(float(found.each.std(1).mean()) / math.sqrt(k * len(x)), rel=0.3)


@pytest.mark.parametrize("k", [2, 3, 8])
def test_a_pair_of_rademacher_probes_is_exact_in_the_plane(k):
    """Whatever the Jacobian is, symmetric or not, and along the whole ODE."""
    matrix = torch.tensor([[1.0, -3.0], [5.0, 0.25]], dtype=torch.float64)
    pair = hutchinson("rademacher", k, (5, 2), 1)
    _, found = pair(lambda x, t: x @ matrix.T, torch.zeros(5, 2).double(), 0.5, slice(None))
    assert pair.columns == 1 and found == pytest.approx(1.25) and found.shape == (5, 1)
    mixture, sde, flow = exact_flow("anisotropic", "vp", solver=within(1e-5))
    x = data_at(mixture, sde)
    exact, some = (
        log_likelihood(flow, x, divergence=d) for d in (None, hutchinson("rademacher", k, x.shape, 0))
    )
    assert some.values == pytest.approx(exact.values, abs=2e-4) and some.error is None and some.mean()[1] == 0
    few = hutchinson("gaussian", k, x.shape, 0), hutchinson("rademacher", k, (N, 3), 0)
    assert all(d.columns == k for d in few) and hutchinson("rademacher", 1, x.shape, 0).columns == 1


@pytest.mark.parametrize("k", [1, 2, 8])
def test_one_rademacher_probe_is_exact_on_a_line(k):
    """v² = 1: the estimate is the derivative itself, and no error is claimed of it."""
    mixture = DISTRIBUTIONS["three_modes_1d"]().mixture
    score = ExactScore(mixture, SDES["vp"]())
    x = torch.from_numpy(mixture.sample(50, np.random.default_rng(0))[0])
    one = hutchinson("rademacher", k, x.shape, 0)
    assert one.columns == 1
    for found, exact in zip(
        one(score, x, 0.3, slice(None)), Exact()(score, x, 0.3, slice(None)), strict=True
    ):
        assert torch.allclose(found, exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "k", "least"), [("rademacher", 8, 0.87), ("rademacher", 16, 0.91), ("gaussian", 8, 0.8)]
)
@pytest.mark.parametrize("d", [3, 10])
def test_errors_of_probes_cover_the_exact_trace(kind, k, least, d):
    """Two standard errors at single points, of random symmetric matrices."""
    rng = np.random.default_rng(d)
    a = rng.standard_normal((4000, d, d))
    a = torch.from_numpy(a + a.transpose(0, 2, 1))
    v = probes(kind, k, (4000, d), 7).double()
    each = torch.einsum("kni,nij,knj->nk", v, a, v)
    found, exact = Estimate(each, torch.zeros(4000, d), 0), torch.einsum("nii->n", a)
    covered = float(((found.values - exact).abs() < 2 * found.error).double().mean())
    assert least < covered < 0.97
    few = Estimate(each[:, :7], torch.zeros(4000, d), 0)
    assert few.error is None
    mean, error = few.mean()  # pooled over the points it is honest all the same
    assert abs(mean - float(exact.mean())) < 4 * error


def test_probes_follow_from_the_seed():
    assert torch.equal(probes("rademacher", 2, (5, 2), 1), probes("rademacher", 2, (5, 2), 1))
    assert not torch.equal(probes("gaussian", 2, (5, 2), 1), probes("gaussian", 2, (5, 2), 2))
    assert set(probes("rademacher", 3, (50, 2), 0).unique().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("rk4", 4)])
def test_fixed_steps_have_their_order(solver, order):
    mixture, process, _ = exact_flow("unequal_modes", "ve")
    x = data_at(mixture, process)
    truth = mixture.log_density(x, *process.marginal(START))
    errors = []
    for steps in (50, 100):
        flow = Flow(process, ExactScore(mixture, process), SOLVERS[solver](), steps)
        found = log_likelihood(flow, x, exact_end=mixture)
        errors.append(float((found.values - truth).abs().mean()))
        assert found.nfe == steps * SOLVERS[solver].nfe_per_step
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)


def test_tighter_is_better_and_costs_more():
    mixture, process, _ = exact_flow("two_moons", "vp")
    x = data_at(mixture, process)
    truth, found = mixture.log_density(x, *process.marginal(START)), []
    for tolerance in (1e-3, 1e-5, 1e-7):
        solver = SOLVERS["dopri5"](rtol=tolerance, atol=tolerance)
        found.append(
            log_likelihood(Flow(process, ExactScore(mixture, process), solver), x, exact_end=mixture)
        )
    errors = [float((f.values - truth).abs().mean()) for f in found]
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    assert found[0].nfe < found[1].nfe < found[2].nfe


@by_sde
def test_a_pretrained_network_is_near_the_truth(sde):
    mixture, process, flow = learned_flow("two_modes_1d", sde, solver=SOLVERS["dopri5"]())
    x = data_at(mixture, process, n=100)
    found = log_likelihood(flow, x)
    assert (found.values - mixture.log_density(x, *process.marginal(START))).abs().mean() < 0.05


def test_points_in_any_shape_and_in_chunks(monkeypatch):
    """Pictures (n, 1, 2, 2) as rows of four numbers; chunks give the same as one piece."""
    process = SDES["vp"]()
    mixture = Mixture.of_points(np.random.default_rng(0).standard_normal((5, 4)), 0.3)
    flat = ExactScore(mixture, process)

    def score(x, t):
        return flat(x.flatten(1), t).view_as(x)

    x = data_at(mixture, process, n=7)
    solver = SOLVERS["dopri5"]()
    rows = log_likelihood(Flow(process, flat, solver), x)
    shaped = log_likelihood(Flow(process, score, solver), x.view(7, 1, 2, 2))
    assert shaped.code.shape == (7, 1, 2, 2)
    assert torch.allclose(rows.values, shaped.values, atol=1e-6)
    v = Hutchinson(probes("rademacher", 2, (7, 1, 2, 2), 0))
    whole = log_likelihood(Flow(process, score, solver), x.view(7, 1, 2, 2), divergence=v)
    monkeypatch.setattr("explorer.analysis.likelihood.flow.CHUNK", 3)
    pieces = log_likelihood(Flow(process, score, solver), x.view(7, 1, 2, 2), divergence=v)
    assert torch.allclose(whole.each, pieces.each, atol=1e-9)


def test_many_points_roughly_then_well():
    """The two passes agree with a tight solve wherever there is density, and say how far they are."""
    mixture, process, flow = learned_flow("eight_gaussians", "vp", solver=within(1e-5))
    edges = np.linspace(-2.4, 2.4, 15)
    x = torch.from_numpy(np.stack(np.meshgrid(edges, edges), -1).reshape(-1, 2))
    found = list(on_points(flow, x, 0.05, lambda _: Exact()))
    shown = [values for _, values in found if values is not None]
    exact = mixture.log_density(x, *process.marginal(0.05))
    near = exact > exact.max() - 4
    truth = log_likelihood(replace(flow, solver=within(1e-6)), x[near], 0.05).values
    assert len(shown) == 2 and found[-1][0] == 1.0
    assert [p for p, _ in found] == sorted(p for p, _ in found)
    rough, well = (float((values[near] - truth).abs().mean()) for values in shown)
    assert well < min(rough / 2, 1e-3)
    total = float(shown[1].exp().sum()) * (edges[1] - edges[0]) ** 2
    assert total == pytest.approx(1.0, abs=0.02)


# --- the laboratory and the command ------------------------------------------------------------------------


def context_of(**what):
    e = Experiment(**what)
    return Context(e, resolve(e))


def last_report(lab, context):
    return list(lab.reports(context))[-1]


def row_of(report, quantity):
    (table,) = (f for f in report.figures if isinstance(f, Table))
    return next(row for row in table.rows if str(row[0]).startswith(quantity))


@pytest.mark.parametrize("name", ["unequal_modes", "two_modes_1d"])
def test_the_laboratory_with_the_exact_score_finds_the_exact_density(name):
    lab = LABS["likelihood"](cells=30, points=20, end="exact")
    report = last_report(lab, context_of(data=DISTRIBUTIONS[name](), score=ScoreSource("exact")))
    _, found, _, exact = row_of(report, "integral")
    assert found == pytest.approx(1.0, abs=5e-3) and found == pytest.approx(exact, abs=2e-3)
    assert row_of(report, "mean absolute error")[1] < 5e-3
    seen = report.arrays["exact"] > report.arrays["exact"].max() - 6
    assert np.abs(report.arrays["log_density"] - report.arrays["exact"])[seen].max() < 0.05


def test_the_laboratory_has_error_bars_with_probes_alone():
    context = context_of(score=ScoreSource("exact"))
    for divergence, probe, barred in (
        ("exact", "gaussian", False),
        ("hutchinson", "rademacher", False),
        ("hutchinson", "gaussian", True),
    ):
        lab = LABS["likelihood"](cells=6, points=20, tolerance=1e-3, divergence=divergence, probe=probe)
        report = last_report(lab, context)
        scatter = next(f for f in report.figures if f.title == "Data points")
        assert (scatter.series[1].error is not None) == barred
        assert ("(probes)" in report.words) == barred


def test_the_laboratory_shows_the_priors_mismatch():
    """Under VE the prior forgets the data's own spread; the exact end repairs just that."""
    found = {}
    for end in ("prior", "exact"):
        lab = LABS["likelihood"](cells=4, points=200, end=end, tolerance=1e-6)
        found[end] = last_report(lab, context_of(sde=SDES["ve"](), score=ScoreSource("exact")))
    errors = {end: row_of(report, "mean absolute error")[1] for end, report in found.items()}
    assert errors["exact"] < 1e-3 < 3e-3 < errors["prior"]
    shift = row_of(found["prior"], "mean log p")[1] - row_of(found["exact"], "mean log p")[1]
    assert shift == pytest.approx(row_of(found["prior"], "mean of log prior")[1], abs=1e-9)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "e.json").write_text(json.dumps({"data": "unequal_modes", "score": {"source": "exact"}}))
    (tmp_path / "p.csv").write_text("x,y\n0.9,0.1\n-0.5,0.2\n")
    return str(tmp_path / "e.json"), str(tmp_path / "p.csv")


def test_the_command_at_points(files, capsys):
    e, points = files
    argv = ["likelihood", e, "--points", points, "--end", "exact", "--tolerance", "1e-6"]
    assert command_line(argv) == 0
    out = capsys.readouterr()
    head, *rows = csv.reader(out.out.splitlines())
    assert head == ["x", "y", "exact", "found", "error"] and "evaluations of the score" in out.err
    assert len(rows) == 2 and all(row[4] == "" for row in rows)
    x = torch.tensor([[float(v) for v in row[:2]] for row in rows]).double()
    mixture = DISTRIBUTIONS["unequal_modes"]().mixture
    exact = mixture.log_density(x, *SDES["vp"]().marginal(START)).tolist()
    assert [float(row[2]) for row in rows] == pytest.approx(exact)
    assert [float(row[3]) for row in rows] == pytest.approx(exact, abs=1e-3)


def probed(files, capsys, *options):
    argv = ["likelihood", files[0], "--samples", "50", "--divergence", "hutchinson", "--json", *options]
    assert command_line(argv) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_with_probes_as_json(files, capsys):
    found = probed(files, capsys, "--probes", "8", "--probe", "gaussian")
    assert found["points"] == len(found["rows"]) == 50 and found["nfe"] > 50
    assert all(row["error"] > 0 for row in found["rows"])
    assert abs(found["mean"] - found["exact"]) < 5 * found["probe_error"]
    few = probed(files, capsys, "--probes", "4", "--probe", "gaussian")
    assert all(row["error"] is None for row in few["rows"]) and few["probe_error"] > 0


def test_the_command_with_two_rademacher_probes_is_exact(files, capsys):
    found = probed(files, capsys, "--probes", "2", "--end", "exact")
    assert all(row["found"] == pytest.approx(row["exact"], abs=2e-3) for row in found["rows"])
    assert all(row["error"] is None for row in found["rows"]) and found["probe_error"] is None


@pytest.mark.parametrize("end", ["prior", "exact"])
def test_a_mismatch_of_the_prior_is_told_where_the_prior_was_used(files, capsys, end):
    assert command_line(["likelihood", files[0], "--samples", "20", "--end", end]) == 0
    assert ("prior in place of p_T" in capsys.readouterr().out) == (end == "prior")


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--probes", "0"], "--probes"), (["--t", "2"], "--t"), (["--samples", "1"], "--samples")],
)
def test_the_command_refuses_in_a_sentence(files, capsys, options, word):
    assert command_line(["likelihood", files[0], *options]) == 2
    assert word in capsys.readouterr().err


def test_score_has_the_learned_log_density(files, capsys, tmp_path):
    argv = ["score", files[0], "--points", files[1], "--t", "0.2", "--set", "score.source=pretrained"]
    assert command_line(argv) == 0
    head, *rows = csv.reader(capsys.readouterr().out.splitlines())
    exact, learned = (
        [float(row[head.index(name)]) for row in rows] for name in ("log_density", "learned_log_density")
    )
    assert learned == pytest.approx(exact, abs=0.15) and learned != exact
