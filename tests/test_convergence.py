"""Convergence: shared paths, references, fits and orders, against closed forms on Gaussian data and scipy."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.analysis.convergence import MethodError, Study, curves, declared, names_of, parse, slope, unfit
from explorer.analysis.convergence.averages import Averages
from explorer.analysis.convergence.fit import student
from explorer.analysis.convergence.path import SharedPath
from explorer.analysis.convergence.study import FINER, best_predictor, best_solver, distance, path_steps
from explorer.base.params import ParamError
from explorer.cli import main as command_line
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion import grids, noise
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.labs import LABS, Context
from explorer.labs.table1 import Cell, best
from explorer.labs.toolkit.pace import Pace

MEAN, STD = 0.7, 0.6
GAUSSIAN = Mixture.of_points(np.array([[MEAN, MEAN]]), STD)


@pytest.fixture(params=list(SDES))
def sde(request):
    return SDES[request.param]()


# --- fits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 30])
def test_students_quantile(freedom):
    assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-6)
    assert student(freedom, 0.8) == pytest.approx(stats.t.ppf(0.9, freedom), rel=1e-6)


def test_a_slope_and_its_interval_are_scipys():
    rng = np.random.default_rng(0)
    x = np.geomspace(8, 512, 9)
    y = 3 * x**-1.5 * np.exp(0.1 * rng.standard_normal(9))
    found, theirs = slope(x, y), stats.linregress(np.log(x), np.log(y))
    assert found.value == pytest.approx(theirs.slope) and found.offset == pytest.approx(theirs.intercept)
    assert found.width == pytest.approx(stats.t.ppf(0.975, 7) * theirs.stderr, rel=1e-6)
    assert np.allclose(found.line(x), np.exp(theirs.intercept + theirs.slope * np.log(x)))


def test_the_interval_of_groups_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    x = np.array([16.0, 32, 64, 128])
    tries = [slope(x, x**-1.0 * np.exp(0.2 * rng.standard_normal((4, 4)))) for _ in range(600)]
    share = np.mean([abs(s.value + 1) < s.width for s in tries])
    assert 0.92 < share < 0.98


def test_what_cannot_be_fitted_is_nan():
    assert math.isnan(slope([1, 2, 3], [0.0, 0.0, 1.0]).value)
    assert math.isnan(slope([1, 2], [1.0, 0.5]).width) and slope([1, 2], [1.0, 0.5]).value == -1
    assert str(slope([1, 2], [1.0, 0.5])) == "−1.00"


# --- names -----------------------------------------------------------------------------------------------


def test_every_registered_sampler_can_be_named():
    found = parse(names_of("all"), Sampler())
    assert {type(m.predictor) for m in found} == {
        *(c for c in PREDICTORS.values() if c.order > 0), *SOLVERS.values(),
    }  # fmt: skip
    assert all(m.eta == (0 if m.sampler.mode == "ode" else 1) for m in found)
    assert {m.sampler.mode for m in parse(names_of("pc"), Sampler())} == {"reverse", "pc"}


def test_names_carry_fields():
    text = "ancestral(variance=forward, eta=0.5), rk4, reverse_diffusion(eta=0, snr=0.3) + ald, ode.ddim, sde.ddim"
    a, b, c, d, e = parse(text, Sampler(snr=0.2, mistake=MISTAKES[list(MISTAKES)[-1]]()))
    assert (a.predictor.variance, a.eta, a.sampler.corrections) == ("forward", 0.5, 0)
    assert (b.sampler.mode, b.eta, b.nfe_per_step) == ("ode", 0.0, 4)
    assert (c.sampler.corrector.name, c.sampler.snr, c.eta, c.nfe_per_step) == ("ald", 0.3, 0.0, 2)
    assert (d.sampler.mode, e.sampler.mode) == ("ode", "reverse")
    assert a.title == "Ancestral (variance of the forward step, η = 0.5)" and "probability flow" in c.title
    assert not any(m.sampler.mistake.made for m in (a, b, c, d, e))


@pytest.mark.parametrize("text", [
    "", "nonsense", "rk4 + langevin", "ancestral + nobody", "ancestral(variance=big)", "ancestral(width=1)",
    "ancestral(eta=-1)", "ancestral(eta)", "ode.ancestral", "ancestral; rk4",
])  # fmt: skip
def test_what_names_nothing_is_refused(text):
    with pytest.raises(MethodError):
        parse(text, Sampler())


def test_what_a_measure_says_nothing_of():
    (pc,), (none,) = parse("ancestral + langevin", Sampler()), parse("none", Sampler())
    assert unfit(pc, "strong") and unfit(none, "endpoint") and not unfit(pc, "law") and not unfit(none, "law")
    assert math.isnan(declared(pc, "strong")) and math.isnan(
        declared(parse("dopri5", Sampler())[0], "endpoint")
    )
    assert declared(parse("sra", Sampler())[0], "strong") == 1.5


# --- one path for all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", list(grids.GRIDS))
def test_coarse_grids_read_the_fine_path(grid, sde):
    """Sums of increments, and integrals of W - W(t) over a step by their parts, in the order of travel."""
    path = SharedPath(3, (5, 2), grids.times(grid, 24, sde))
    fine = list(path.increments(24, draws=2))
    for n in (24, 12, 8, 3, 1):
        times = path.grid(n)
        assert np.allclose(times, grids.times(grid, n, sde), rtol=1e-9)
        for k, pair in enumerate(path.increments(n, draws=2)):
            h = times[k] - times[k + 1]
            width = 24 // n
            rise, area = torch.zeros(5, 2).double(), torch.zeros(5, 2).double()
            for i in range(k * width, (k + 1) * width):
                part = path.times[i] - path.times[i + 1]
                z, u = fine[i]
                area += part * rise + part**1.5 * (z / 2 + u / math.sqrt(12))
                rise += math.sqrt(part) * z
            assert torch.allclose(pair[0] * math.sqrt(h), rise, atol=1e-12)
            assert torch.allclose(h**1.5 * (pair[0] / 2 + pair[1] / math.sqrt(12)), area, atol=1e-12)


def test_increments_and_areas_of_coarse_steps_are_normal_and_independent():
    path = SharedPath(0, (40_000,), grids.times("quadratic", 8, SDES["vp"]()))
    pairs = torch.stack(list(path.increments(2, draws=2))).reshape(4, -1).numpy()
    assert np.allclose(np.cov(pairs), np.eye(4), atol=4.5 / math.sqrt(40_000) * math.sqrt(2))
    assert torch.equal(next(path.increments(2)), torch.from_numpy(pairs[0]))


def test_steps_that_do_not_divide_the_path_are_refused():
    with pytest.raises(ValueError, match="7 steps do not divide"):
        SharedPath(0, (3,), grids.times("uniform", 16, SDES["vp"]())).grid(7)
    assert path_steps((10, 20, 50)) == 300 and path_steps((16, 256)) == 256 * FINER
    with pytest.raises(ValueError, match="share no path"):
        study(SDES["vp"](), "ancestral", (7, 11, 13, 17, 19, 23))


# --- errors ----------------------------------------------------------------------------------------------


def study(sde, names, steps, measure="strong", mixture=GAUSSIAN, **options):
    return Study(sde, ExactScore(mixture, sde), mixture, parse(names, Sampler()), steps, measure, **options)


def points(work):
    return [p for p in work.points() if p is not None]


def variance(sde, t):
    alpha, sigma = sde.marginal(t)
    return (alpha * STD) ** 2 + sigma**2


def solution(sde, eta, x, times, z):
    """The exact end of each path for Gaussian data: a linear SDE solved by its integrating factor.

    y = x - alpha m obeys dy = (f + k g²/v) y dt + η g dw̄ with k = ½(1+η²); the factor is v^k alpha^(1-2k).
    """
    k = 0.5 * (1 + eta**2)

    def factor(t):
        return variance(sde, t) ** k * sde.marginal(t)[0] ** (1 - 2 * k)

    y = (x - sde.marginal(times[0])[0] * MEAN) / factor(times[0])
    for (t, u), dz in zip(pairwise(times), z, strict=False):
        middle = 0.5 * (t + u)
        y = y + eta * sde.diffusion(middle) / factor(middle) * math.sqrt(t - u) * dz
    return sde.marginal(times[-1])[0] * MEAN + factor(times[-1]) * y


@pytest.mark.parametrize("eta", [1.0, 0.5])
@pytest.mark.parametrize("name", ["exponential", "vp"])
def test_the_reference_is_the_exact_end_of_the_path(name, eta):
    """The finest SRA1 run against the closed form with the stochastic integral on a far finer grid."""
    sde = SDES[name]()
    work = study(sde, f"euler_maruyama(eta={eta})", (64, 128), particles=50, grid="log_snr")
    (method,) = work.kept
    path = SharedPath(0, work.shape, grids.times("log_snr", work.fine, sde))
    found = _returned(work._reference(method, path))
    x = noise.normal(work.shape, 0, noise.PRIOR).double() * sde.prior_std
    exact = solution(sde, eta, x, path.times, list(path.increments(work.fine)))
    first = _returned(work._walked(method.predictor, 128, path, eta)).x
    assert distance(found, exact.numpy()) < 0.15 * distance(first, exact.numpy())


def _returned(generator):
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("name", ["ve", "vp"])
def test_the_ode_reference_is_the_closed_form(name):
    """x_eps = m alpha_eps + (x_T - m alpha_T) sqrt(v_eps/v_T), and the doubt bounds what is left."""
    sde = SDES[name]()
    work = study(sde, "heun", (16,), "endpoint", particles=50)
    path = SharedPath(0, work.shape, grids.times("uniform", 64, sde))
    found = _returned(work._reference(work.kept[0], path))
    x = noise.normal(work.shape, 0, noise.PRIOR).double().numpy() * sde.prior_std
    (a_T, _), (a, _) = sde.marginal(1.0), sde.marginal(sde.eps)
    exact = MEAN * a + (x - MEAN * a_T) * math.sqrt(variance(sde, sde.eps) / variance(sde, 1.0))
    assert distance(found, exact) < 3 * max(work.doubts[0], 1e-10) < 1e-7


STRONG = [name for name in PREDICTORS if PREDICTORS[name].order > 0]


@pytest.mark.parametrize("name", ["subvp"])
def test_strong_orders_are_those_declared(name):
    """Of every registered predictor, its own interval and what is left of lower powers of h allowed for."""
    sde = SDES[name]()
    work = study(sde, ", ".join(STRONG), (16, 32, 64), particles=100, grid="log_snr")
    for curve in curves(work, points(work)):
        fall, order = curve.slope(), declared(curve.method, "strong")
        # an error with a large deterministic part of order 2 falls faster than the order promises
        assert fall.value < -order + 0.2, curve.method.title
        if order == 1:
            assert fall.value > -2.3, curve.method.title


@pytest.mark.parametrize("name", ["vp"])
def test_endpoint_orders_are_those_declared(name):
    solvers = [f"ode.{n}" for n in SOLVERS if not SOLVERS[n].adaptive]
    work = study(SDES[name](), ", ".join(solvers), (32, 64, 128), "endpoint", particles=20, grid="log_snr")
    for curve in curves(work, points(work)):
        order = declared(curve.method, "endpoint")
        assert -curve.slope().value == pytest.approx(order, abs=0.08 * order + 0.1), curve.method.title


def test_a_tighter_adaptive_solver_costs_more_and_errs_less():
    work = study(SDES["vp"](), "dopri5", (1, 2, 3), "endpoint", particles=30)
    (curve,) = curves(work, points(work))
    assert (np.diff(curve.nfe) > 0).all() and (np.diff(curve.error) < 0).all() and curve.error[-1] < 1e-4


def test_the_same_path_makes_the_strong_error_far_smaller_than_another_would():
    sde = SDES["vp"]()
    work = study(sde, "euler_maruyama", (128,), particles=80, grid="log_snr")
    (curve,) = curves(work, points(work))
    ends = [
        _returned(work._reference(work.kept[0], SharedPath(s, work.shape, grids.times("log_snr", 512, sde))))
        for s in (0, 1)
    ]
    assert curve.error[0] < 0.05 * distance(*ends)


@pytest.mark.parametrize("name", ["ve"])
def test_weak_errors_are_those_of_the_known_law(name):
    """Gaussian data and a linear step: the law after N steps is known, hence the error of every average."""
    sde, n, names = SDES[name](), 8, "ancestral"
    work = study(sde, names, (n,), "weak", particles=1500, seeds=(0, 1, 2), grid="log_snr")
    found = np.mean([p.errors for p in points(work)], axis=0)
    spread = np.std([p.errors for p in points(work)], axis=0, ddof=1) / math.sqrt(3)
    mean, var = (sde.marginal(1.0)[0] * MEAN, variance(sde, 1.0))
    for t, u in pairwise(grids.times("log_snr", n, sde)):
        a, b, c = PREDICTORS[names]().coefficients(_process(sde), t, u)
        alpha, v = sde.marginal(t)[0], variance(sde, t)
        mean, var = (a - b / v) * mean + b * alpha * MEAN / v, (a - b / v) ** 2 * var + c**2
    shift, scale = (mean - work.averages.mean[0]) / work.averages.std, var / work.averages.std**2
    expected = work.averages.expected
    cosines = [math.cos(shift * w.sum()) * math.exp(-0.5 * scale * (w @ w)) for w in work.averages.waves]
    exact = np.array([shift, shift, scale + shift**2, shift**2, scale + shift**2, *cosines]) - expected
    assert (abs(found - exact) < 6 * spread + 0.003).all()
    assert np.abs(exact).max() > 0.01  # there is an error to see


def _process(sde):
    from explorer.diffusion.samplers import Reverse

    return Reverse(sde, lambda x, t: x)


@pytest.mark.parametrize("data", ["anisotropic", "unequal_modes", "three_modes_1d", "spiral"])
def test_the_expected_averages_are_those_of_many_draws(data, sde):
    mixture = DISTRIBUTIONS[data]().mixture
    alpha, sigma = sde.marginal(0.2)
    averages, rng = Averages(mixture, alpha, sigma), np.random.default_rng(0)
    x, _ = mixture.sample(100_000, rng)
    found = averages.of(alpha * x + sigma * rng.standard_normal(x.shape))
    assert np.allclose(found, averages.expected, atol=0.02)
    assert len(found) == (3 if mixture.dim == 1 else 8)


def test_signed_errors_cancel_over_seeds_and_chance_is_taken_off():
    from explorer.analysis.convergence.curves import _joined

    pure = np.random.default_rng(0).standard_normal((50, 8))
    error, chance = _joined(pure, signed=True)
    assert math.isnan(error) or error < 2 * chance
    error, chance = _joined(pure * 0.1 + 3, signed=True)
    assert error == pytest.approx(3, rel=0.01) and chance == pytest.approx(0.1 / math.sqrt(50), rel=0.2)
    assert math.isnan(_joined(pure[:1], signed=True)[1])


def test_the_median_is_not_ruled_by_a_few():
    a, b = np.zeros((100, 2)), np.full((100, 2), 0.01)
    b[:5] = 3.0
    assert distance(a, b) == pytest.approx(0.01 * math.sqrt(2))
    assert distance(a, b, "rms") > 0.9


def test_pc_has_a_distance_to_the_data_and_pays_for_its_corrector():
    work = study(SDES["vp"](), "ancestral, ancestral + langevin", (4, 40), "law", particles=300)
    plain, pc = curves(work, points(work))
    assert plain.nfe.tolist() == [4, 40] and pc.nfe.tolist() == [8, 80]
    assert plain.error[1] < plain.error[0] and plain.error[1] < 5 * work.floor.mean


def test_the_references_are_the_registries_best():
    assert best_predictor().order == max(c.order for c in PREDICTORS.values())
    assert best_solver().name == "rk4"


# --- laboratories and command ----------------------------------------------------------------------------


def context(sde="vp", data="eight_gaussians", source="exact"):
    e = Experiment(data=DISTRIBUTIONS[data](), sde=SDES[sde]())
    return Context(*((e := replace(e, score=replace(e.score, source=source))), resolve(e)), 1.0)


def last(lab, at):
    *_, report = lab.reports(at)
    assert report.progress == 1 and "nan" not in report.words
    return report


@pytest.mark.parametrize("name", ["convergence", "table1"])
def test_the_labs_work_with_networks_on_the_line(name, sde):
    report = last(LABS[name].quick(), context(sde.name, "two_modes_1d", "pretrained"))
    assert report.words and len(report.figures) >= 2


@pytest.mark.parametrize("measure", ["weak", "endpoint", "law"])
def test_every_measure_has_its_figures(measure):
    lab = replace(LABS["convergence"].quick(), measure=measure, named="ancestral, heun", axis="nfe")
    plot, *tables = last(lab, context()).figures
    assert plot.log_x and plot.log_y and len(plot.series) == (3 if measure == "law" else 2)
    rows = tables[-1].rows
    assert [row[:3] for row in rows if row[0] == "Heun"] == [("Heun", n, 2 * n) for n in (8, 16, 32)]


def test_points_appear_as_they_come(monkeypatch):
    monkeypatch.setattr("explorer.labs.convergence.Pace", lambda seconds: Pace(0.0))
    reports = list(LABS["convergence"].quick().reports(context()))
    done = [r.progress for r in reports]
    assert len(reports) > 2 * 3 and done == sorted(done)
    assert np.isnan(reports[0].arrays["errors"]).sum() > np.isnan(reports[-1].arrays["errors"]).sum() == 0


@pytest.mark.parametrize("wrong", [
    {"steps": "a, b"}, {"steps": ""}, {"steps": "0, 5"}, {"steps": "16, 5000"}, {"steps": "7,11,13,17,19,23"},
    {"which": "named", "named": "nobody"},
])  # fmt: skip
def test_wrong_settings_are_refused_by_name(wrong):
    with pytest.raises(ParamError, match=r"convergence\.(steps|named)"):
        LABS["convergence"](**wrong)


def test_a_set_of_which_nothing_can_be_said_is_refused():
    lab = LABS["convergence"](which="named", named="ancestral + langevin")
    assert "Choose another" in lab.refusal(context().experiment)
    assert not replace(lab, measure="law").refusal(context().experiment)


def test_table_1_costs_the_same_everywhere():
    lab = LABS["table1"].quick()
    (ancestral, flow), base = lab.methods(Sampler()), Sampler()
    for way, steps in (("P", 8), ("PC", 4)):
        assert lab._sampler(ancestral, base, way).steps == steps
        assert lab._sampler(flow, base, way).eta == 0
    alone = lab._sampler(None, base, "C")
    assert (alone.steps, alone.method.name, alone.corrections) == (8, "none", 1)


def test_table_1_has_every_sde_and_predictor_with_mean_and_deviation():
    report = last(LABS["table1"].quick(), context())
    table = report.figures[0]
    assert [row[0] for row in table.rows[::2]] == [
        SDES[n].title for n in ("vp", *(n for n in SDES if n != "vp"))
    ]
    values = report.arrays["distance"]  # (rows, ways, seeds)
    assert np.allclose([row[2] for row in table.rows], values[:, 0].mean(axis=1))
    assert np.allclose([row[7] for row in table.rows], values[:, 2].std(axis=1, ddof=1))
    with pytest.raises(ParamError, match=r"table1\.predictors"):
        LABS["table1"](predictors="rk4")


def cell(*values):
    return Cell(tuple(values), 10)


def test_the_best_way_is_named_with_those_that_are_not_resolved():
    # differences of 1, 2 and 3 have mean 2 and standard error 1/√3; Student's t for 2 degrees of freedom is 4.303
    p, pc = cell(1.0, 1.0, 1.0), cell(2.0, 3.0, 4.0)
    gap, half = pc.above(p)
    assert gap == 2 and half == pytest.approx(4.3027 / 3**0.5, rel=1e-3)
    assert p.above(pc)[0] == -2
    assert best({"P": p, "PC": pc}) == ["P", "PC"]  # 2 ± 2.48
    assert best({"P": p, "C": cell(9.0, 9.1, 9.2), "PC": pc}) == ["P", "PC"]
    assert best({"P": cell(5.0, 6.0, 7.0), "PC": cell(1.0, 2.1, 3.0)}) == ["PC"]  # paired: about 4 each time
    assert best({"P": cell(1.0), "PC": cell(2.0)}) == ["P", "PC"]  # one seed tells nothing


def test_table_1_tells_what_it_does_not_resolve():
    report = last(LABS["table1"].quick(), context())
    values = report.arrays["distance"]
    gaps = values[:, 2] - values[:, 0]
    open_rows = abs(gaps.mean(1)) <= 12.706 * gaps.std(1, ddof=1) / 2**0.5
    rows = report.figures[0].rows
    unresolved = [f"{row[1]} under {row[0]}" for row, is_open in zip(rows, open_rows, strict=True) if is_open]
    if len(unresolved) > 4:
        assert f"the other {len(unresolved)} rows" in report.words
    else:
        assert all(name in report.words for name in unresolved)
    assert f"better than its predictor alone in {((gaps.mean(1) < 0) & ~open_rows).sum()} of" in report.words


def test_a_native_network_is_measured_under_its_own_sde_alone():
    e = context().experiment
    native = replace(e.score, source="trained", network=replace(e.score.network, output="noise"))
    e = replace(e, score=native)
    report = last(LABS["table1"].quick(), Context(e, resolve(e), 1.0))
    assert {row[0] for row in report.figures[0].rows} == {"VP"}


def test_the_command(tmp_path, capsys):
    (tmp_path / "e.json").write_text('{"score": {"source": "exact"}}')
    out = tmp_path / "c.csv"
    code = command_line([
        "convergence", str(tmp_path / "e.json"), "--samplers", "ancestral, heun", "--measure", "endpoint",
        "--steps", "8,16,32", "--seeds", "1", "--particles", "20", "--out", str(out),
    ])  # fmt: skip
    said = capsys.readouterr()
    assert code == 0 and out.read_text(encoding="utf-8").count("Heun") >= 4
    assert json.loads(said.out)["settings"]["named"] == "ancestral, heun"
    assert command_line(["convergence", str(tmp_path / "e.json"), "--samplers", "nobody"]) != 0
    assert "there are" in capsys.readouterr().err
