"""Codes: encoding is invertible, independent of the network, and what lies between two of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.analysis.likelihood import (
    START,
    Exact,
    Flow,
    agreement,
    final,
    linear,
    prior_log_density,
    spherical,
)
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.samplers import SOLVERS
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.experiment.resolution import pretrained, resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.figures.figure import Picture, Plot, Table
from explorer.labs import LABS, Context
from explorer.labs import unique_latents as two_networks
from explorer.networks.learned import LearnedScore

by_sde = pytest.mark.parametrize("sde", SDES)


def flows(name, sde, **settings):
    data, process = DISTRIBUTIONS[name](), SDES[sde]()
    learned = LearnedScore(pretrained(data).denoiser(), process)
    return data, [Flow(process, score, **settings) for score in (ExactScore(data.mixture, process), learned)]


@pytest.mark.parametrize(("name", "sde"), [*(("two_moons", sde) for sde in SDES), ("three_modes_1d", "vp")])
def test_decoding_gives_back_what_was_encoded(name, sde):
    data, both = flows(name, sde)
    x = torch.from_numpy(data.sample(12, 1)).double()
    for flow in both:
        code = final(flow.encode(x)).x
        assert code.std() == pytest.approx(flow.sde.prior_std, rel=0.5)
        assert torch.allclose(final(flow.decode(code)).x, x, atol=5e-4)


@by_sde
def test_codes_of_data_are_draws_of_the_prior(sde):
    data, (flow, _) = flows("rings", sde, solver=SOLVERS["dopri5"]())
    code = final(flow.encode(torch.from_numpy(data.sample(500, 2)).double())).x / flow.sde.prior_std
    square = code.square().sum(1).sort().values
    shares = 1 - torch.exp(-square / 2)  # of the chi-squared law with two degrees of freedom
    uniform = (torch.arange(500) + 0.5) / 500
    assert (shares - uniform).abs().max() < 1.63 / math.sqrt(500) + 0.01  # Kolmogorov-Smirnov, one in 100


@by_sde
def test_the_path_starts_at_the_point_and_moves_on(sde):
    data, (flow, _) = flows("two_moons", sde)
    x = torch.from_numpy(data.sample(3, 0)).double()
    moments = list(flow.encode(x, divergence=Exact()))
    assert torch.equal(moments[0].x, x) and not moments[0].divergence.any()
    assert (moments[0].t, moments[-1].t) == (START, flow.sde.T)
    for name in ("t", "progress", "nfe"):
        values = [getattr(m, name) for m in moments]
        assert values == sorted(values)
    # on its way log p_t(x_t) = log p_0(x_0) minus what has been gathered
    density = data.mixture.log_density
    begin = density(x, *flow.sde.marginal(START))
    for m in moments[:: len(moments) // 4]:
        on_the_way = density(m.x, *flow.sde.marginal(m.t))
        assert torch.allclose(begin - m.divergence[:, 0], on_the_way, atol=2e-3)


def test_back_and_forth_gather_the_same_divergence():
    data, (flow, _) = flows("two_moons", "vp")
    there = final(flow.encode(torch.from_numpy(data.sample(20, 0)).double(), divergence=Exact()))
    back = final(flow.decode(there.x, divergence=Exact()))
    assert torch.allclose(back.divergence, -there.divergence, atol=2e-3)


def test_two_networks_agree_and_strangers_do_not():
    data, (exact, learned) = flows("two_moons", "vp", solver=SOLVERS["dopri5"]())
    x = torch.from_numpy(data.sample(120, 0)).double()
    a, b = (final(flow.encode(x)).x for flow in (exact, learned))
    near, far = (
        agreement(a, b),
        agreement(a, b[torch.randperm(120, generator=torch.Generator().manual_seed(0))]),
    )
    assert near.difference < 0.1 and near.correlation > 0.99
    assert far.difference == pytest.approx(math.sqrt(2), abs=0.25) and abs(far.correlation) < 0.25
    assert agreement(a, a) == (0.0, pytest.approx(1.0))


def test_agreement_of_known_numbers():
    a = torch.tensor([[1.0], [-1.0]])
    assert agreement(a, a + 1) == (pytest.approx(1.0), pytest.approx(1.0))
    assert agreement(a, -a) == (pytest.approx(2.0), pytest.approx(-1.0))


def test_between_two_codes():
    a, b = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.0, 2.0]).double()
    arc, line = spherical(a, b, 5), linear(a, b, 5)
    for way in (arc, line):
        assert torch.allclose(way[0], a) and torch.allclose(way[-1], b, atol=1e-12)
    assert torch.allclose(line[2], (a + b) / 2)
    assert torch.allclose(arc[2], (a + b) * math.sin(math.pi / 4))
    turned = spherical(a, b / 2, 9)
    assert torch.allclose(turned.norm(dim=1), torch.ones(9).double())
    angle = torch.atan2(turned[:, 1], turned[:, 0])
    assert torch.allclose(angle, torch.linspace(0, math.pi / 2, 9).double())


@pytest.mark.parametrize("b", [[2.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_where_there_is_no_arc_it_is_the_line(b):
    a, b = torch.tensor([1.0, 0.0]).double(), torch.tensor(b).double()
    assert torch.equal(spherical(a, b, 4), linear(a, b, 4))


def test_the_prior_integrates_to_one():
    process = SDES["ve"]()
    edges = np.linspace(-80, 80, 401)
    grid = torch.from_numpy(np.stack(np.meshgrid(edges, edges), -1).reshape(-1, 2))
    total = prior_log_density(process, grid).exp().sum() * (edges[1] - edges[0]) ** 2
    assert float(total) == pytest.approx(1.0, abs=1e-6)


# --- the laboratories --------------------------------------------------------------------------------------


def context_of(**what):
    e = Experiment(**what)
    return Context(e, resolve(e))


def last_report(lab, context):
    return list(lab.reports(context))[-1]


def figure(report, kind, title):
    return next(f for f in report.figures if isinstance(f, kind) and f.title.startswith(title))


@pytest.mark.parametrize(
    ("name", "sde"), [*(("eight_gaussians", sde) for sde in SDES), ("two_modes_1d", "vp")]
)
def test_a_dragged_point(name, sde):
    context = context_of(data=DISTRIBUTIONS[name](), sde=SDES[sde](), score=ScoreSource("exact"))
    lab = LABS["codes"](x=1.1, y=0.8, others=30)
    report = last_report(lab, context)
    (handle,) = figure(report, Picture, "From the point").handles
    written = dict(zip(handle.fields, handle.xy, strict=True))
    assert written.pop("x") == 1.1
    assert written in ({"y": 0.8}, {"": 0.0})
    found, exact, gathered = (s.y for s in figure(report, Plot, "Log-density along").series)
    assert np.abs(found - exact).max() < 0.07  # the prior's mismatch included
    assert np.allclose(found + gathered, found[0])
    rows = figure(report, Table, "There and back").rows
    assert all(abs(row[1] - row[3]) < 2e-3 for row in rows[: context.experiment.data.dim])


@pytest.mark.parametrize("data", ["two_moons", "two_modes_1d"])
def test_the_path_is_drawn_while_the_divergence_gathers(data):
    """Report by report the path grows and the sum with it; what has been drawn stays as it was."""
    context = context_of(data=DISTRIBUTIONS[data](), score=ScoreSource("exact"))
    reports = list(LABS["codes"](x=0.31, others=0).reports(context))
    lengths = [len(r.arrays["t"]) for r in reports]
    assert len(reports) > 4 and lengths == sorted(lengths) and len(set(lengths)) > 4
    assert all(r.progress < 1 for r in reports[:-1]) and reports[-1].progress == 1
    last = reports[-1].arrays
    for r in reports:
        n = len(r.arrays["t"])
        assert np.array_equal(r.arrays["divergence"], last["divergence"][:n])
        assert np.array_equal(r.arrays["path"], last["path"][:n])
        assert f"{r.arrays['divergence'][-1]:+.3f}" in r.words


@pytest.mark.parametrize("t", [0.0, 0.3, 0.77])
def test_the_path_and_the_sum_are_cut_at_the_moment(t):
    """What has gathered until t is log p_0 - log p_t there, whatever the steps of the solver."""
    context = context_of(data=DISTRIBUTIONS["two_moons"](), score=ScoreSource("exact"))
    whole = last_report(LABS["codes"](x=0.5, y=0.4, others=0), context)
    report = last_report(LABS["codes"](x=0.5, y=0.4, others=0, moment=t), context)
    at, sums = report.arrays["t"], report.arrays["divergence"]
    assert at[-1] == max(t, START) and sums[-1] == pytest.approx(
        report.arrays["exact"][0] - report.arrays["exact"][-1], abs=2e-3
    )
    assert figure(report, Plot, "Log-density along").series[-1].x[-1] == at[-1]
    assert figure(report, Table, "There and back").rows[0] == figure(whole, Table, "There and back").rows[0]


def test_codes_on_a_line_are_normal_quantiles():
    context = context_of(data=DISTRIBUTIONS["three_modes_1d"](), score=ScoreSource("exact"))
    quantile, codes, _ = figure(last_report(LABS["codes"](others=40), context), Plot, "Codes").series
    assert np.abs(np.interp(codes.x, quantile.x, quantile.y) - codes.y).max() < 0.02


def test_interpolation_through_codes_stays_where_data_is():
    context = context_of(data=DISTRIBUTIONS["eight_gaussians"](), score=ScoreSource("exact"))
    lab = LABS["interpolation"](places=9)
    report = last_report(lab, context)
    lowest = {row[0]: row[2] for row in figure(report, Table, "On the way").rows}
    assert lowest["straight line"] < lowest["codes, spherical"] - 2
    for name in ("straight", "linear", "spherical"):
        ends = report.arrays[f"{name}_points"][[0, -1]]
        assert np.allclose(ends, [[lab.x1, lab.y1], [lab.x2, lab.y2]], atol=5e-3)
    assert {f for h in report.figures[0].handles for f in h.fields} == {"x1", "y1", "x2", "y2"}


def test_interpolation_on_a_line_has_no_arc():
    context = context_of(data=DISTRIBUTIONS["two_modes_1d"](), score=ScoreSource("exact"))
    report = last_report(LABS["interpolation"](places=5), context)
    assert "spherical_points" not in report.arrays and "straight_points" in report.arrays
    assert [h.fields for h in report.figures[0].handles] == [("", "x1"), ("", "x2")]


def test_temperature_of_one_gaussian():
    """q_τ is then N(0, τ² s²): its entropy and the mean of log p_0 under it are closed."""
    s, tau = 0.5, 0.6
    data = DISTRIBUTIONS["gaussian_mixture"](means=[[0.0, 0.0]], scales=[s], weights=[1.0])
    context = context_of(data=data, score=ScoreSource("exact"), sde=SDES["vp"]())
    report = last_report(LABS["temperature"](temperature=tau, particles=800), context)
    i = list(report.arrays["temperature"]).index(tau)
    entropy = 1 + math.log(2 * math.pi) + 2 * math.log(tau * s)
    log_p = -math.log(2 * math.pi) - 2 * math.log(s) - tau**2
    assert report.arrays["entropy"][i] == pytest.approx(entropy, abs=4 / math.sqrt(800))
    assert report.arrays["mean_log_density"][i] == pytest.approx(log_p, abs=4 * tau**2 / math.sqrt(800))
    assert report.arrays["samples"].std() == pytest.approx(tau * s, rel=0.1)


def test_two_networks_give_nearer_codes_the_longer_they_train():
    context = context_of(data=DISTRIBUTIONS["two_modes_1d"](), sde=SDES["ve"]())
    differences = []
    for iterations in (5, 150):
        rows = figure(
            last_report(LABS["two_networks"](iterations=iterations, points=60), context), Table, "Agreement"
        ).rows
        differences.append(rows[0][1])
    table = {row[0]: row[1] for row in rows}
    assert differences[1] < 0.35 * differences[0]
    assert differences[1] < 0.35 * table["first and an untrained network"]
    assert table["first and second, points shuffled"] > 1


def test_the_second_network_is_kept():
    context, lab = context_of(), LABS["two_networks"](iterations=7, points=20)
    first = last_report(lab, context)
    kept = dict(two_networks._kept)
    again = last_report(
        replace(lab, points=21), replace(context, experiment=replace(context.experiment, sde=SDES["ve"]()))
    )
    assert dict(two_networks._kept) == kept and len(kept) <= two_networks.MOST_KEPT
    assert len(first.arrays["code_second"]) == 20 and len(again.arrays["code_second"]) == 21
