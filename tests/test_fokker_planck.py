"""The Fokker-Planck solver: what it keeps exactly, closed forms, orders of convergence; and its laboratory."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import expm

from explorer.analysis.fokker_planck import Forward, Grid, Langevin, Lines, bernoulli
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion.sdes import SDES
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Picture, Plot
from explorer.labs import LABS, Context

LINE = Grid(120, 6.0)
PLANE = Grid(48, 5.0, (0.0, 0.0))


def normal(grid, mean, variance):
    """N(mean, variance I) on a grid, as it is (not scaled to mass 1)."""
    square = ((grid.points() - mean) ** 2).sum(axis=1).reshape(grid.shape)
    return np.exp(-0.5 * square / variance) / (2 * math.pi * variance) ** (grid.dim / 2)


def moments(grid, p):
    """Mean (d,) and covariance (d, d)."""
    x, w = grid.points(), p.ravel() * grid.volume
    mean = w @ x
    return mean, (x - mean).T @ ((x - mean) * w[:, None])


def evolved(grid, potential, temperature, tau, steps, start):
    flow, p = Langevin(grid, potential, temperature, tau / steps), start
    for _ in range(steps):
        p = flow.step(p)
    return p


# --- what holds to rounding ------------------------------------------------------------------------------


def test_bernoulli_is_its_series_and_its_reflection():
    x = np.array([-1e4, -800.0, -3.0, -1e-3, -1e-9, 0.0, 1e-9, 2e-4, 1.0, 30.0, 800.0, 1e4])
    b = bernoulli(x)
    assert (b >= 0).all() and b[5] == 1
    assert bernoulli(-x) == pytest.approx(b + x, rel=1e-12, abs=1e-12)  # B(-x) = B(x) + x
    assert b[8] == pytest.approx(1 / (math.e - 1), rel=1e-14)
    assert b[7] == pytest.approx(1 - 1e-4 + 4e-8 / 12, abs=1e-15)


@pytest.mark.parametrize("rate", [1e-3, 1.0, 1e4])
def test_lines_solve_the_implicit_step(rate):
    """Against a dense solve of (1 - dt A) with A written out cell by cell."""
    rng = np.random.default_rng(0)
    steps, p = 3 * rng.standard_normal((9, 4)), rng.random((10, 4))
    got = Lines(steps, rate).solve(p)
    for j in range(4):
        a = np.zeros((10, 10))
        for i, d in enumerate(steps[:, j]):
            up, down = d / np.expm1(d), -d / np.expm1(-d)
            a[i, i], a[i + 1, i] = a[i, i] - up, a[i + 1, i] + up
            a[i + 1, i + 1], a[i, i + 1] = a[i + 1, i + 1] - down, a[i, i + 1] + down
        assert got[:, j] == pytest.approx(np.linalg.solve(np.eye(10) - rate * a, p[:, j]), rel=1e-9)


@pytest.mark.parametrize("name", ["eight_gaussians", "anisotropic", "fractal_tree", "two_modes_1d"])
@pytest.mark.parametrize("dt", [1e-4, 0.1, 1e3])
@pytest.mark.parametrize("temperature", [0.1, 1.0, 4.0])
def test_mass_is_kept_nothing_is_negative_and_equilibrium_stays(name, dt, temperature):
    mixture = DISTRIBUTIONS[name]().mixture
    grid = Grid(40, 4.0, (0.0,) * mixture.dim)
    flow = Langevin(grid, -grid.log_density(mixture, 0.9, 0.1), temperature, dt)
    p = grid.law(-0.5 * (grid.points() ** 2).sum(axis=1).reshape(grid.shape))
    q = flow.equilibrium
    before = grid.divergence(p, q)
    for _ in range(10):
        p, q = flow.step(p), flow.step(q)
        assert grid.mass(p) == pytest.approx(1, abs=1e-12) and p.min() >= 0
        now = grid.divergence(p, flow.equilibrium)
        assert now <= before + 1e-12  # the free energy never rises
        before = now
    assert grid.total_variation(q, flow.equilibrium) < 1e-12


def test_no_flux_leaves_through_the_edges():
    """A drift that pushes everything against a wall keeps all of it there."""
    grid = Grid(60, 1.0)
    p = evolved(grid, -8 * grid.axis(0), 1.0, 5.0, 50, normal(grid, -0.5, 0.01))
    assert grid.mass(p) == pytest.approx(grid.mass(normal(grid, -0.5, 0.01)), abs=1e-12)
    assert p == pytest.approx(grid.law(8 * grid.axis(0)) * grid.mass(p), rel=1e-6)


# --- closed forms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [LINE, PLANE], ids=["1D", "2D"])
def test_the_heat_kernel(grid):
    """Without a potential a Gaussian stays one, of variance v + 2Tτ."""
    p = evolved(grid, np.zeros(grid.shape), 0.5, 0.5, 100, normal(grid, 0.0, 0.25))
    assert grid.total_variation(p, normal(grid, 0.0, 0.75)) < 0.006
    assert moments(grid, p)[1] == pytest.approx(0.75 * np.eye(grid.dim), rel=2e-3, abs=1e-9)


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_an_ornstein_uhlenbeck_process_in_the_plane(temperature):
    """U = ½ xᵀK x with K tilted: mean and covariance against the matrix exponential."""
    k, tau, start = np.array([[1.5, 0.6], [0.6, 0.8]]), 0.4, np.array([1.0, -0.8])
    e, still = expm(-k * tau), temperature * np.linalg.inv(k)
    wanted = e @ start, still + e @ (0.3 * np.eye(2) - still) @ e
    errors = []
    for grid in (PLANE, Grid(96, 5.0, (0.0, 0.0))):
        x = grid.points()
        potential = 0.5 * np.einsum("ni,ij,nj->n", x, k, x).reshape(grid.shape)
        p = evolved(grid, potential, temperature, tau, 500, normal(grid, start, 0.3))
        errors.append([float(np.abs(a - b).max()) for a, b in zip(moments(grid, p), wanted, strict=True)])
    assert max(errors[0]) < 0.01 and np.array(errors[1]) == pytest.approx(np.array(errors[0]) / 4, rel=0.3)


def _error(cells, steps):
    """Of the OU density after τ = 0.5 from N(1.5, 0.2), in total variation."""
    grid = Grid(cells, 6.0)
    p = evolved(grid, 0.5 * grid.axis(0) ** 2, 1.0, 0.5, steps, normal(grid, 1.5, 0.2))
    e = math.exp(-0.5)
    return grid.total_variation(p, normal(grid, 1.5 * e, 1 + (0.2 - 1) * e**2))


def test_the_order_in_time_is_one():
    errors = [_error(800, steps) for steps in (10, 20, 40)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.15)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.15)


def test_the_order_in_space_is_two():
    errors = [_error(cells, 2000) for cells in (24, 48)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("name", SDES)
@pytest.mark.parametrize("data", ["two_modes_1d", "anisotropic"])
def test_every_forward_sde_follows_its_closed_form(name, data):
    mixture = DISTRIBUTIONS[data]().mixture
    grid = Grid(72, 5.0, (0.0,) * mixture.dim)
    flow = Forward(grid, SDES[name](), mixture)

    def farthest(steps):
        times, far = flow.times(steps), 0.0
        p = flow.exact(times[0])
        for t, t_next in pairwise(times):
            p = flow.step(p, t, t_next)
            assert grid.mass(p) == pytest.approx(1, abs=1e-12) and p.min() >= 0
            far = max(far, grid.total_variation(p, flow.exact(t_next)))
        return far

    coarse, fine = farthest(30), farthest(90)
    assert fine < 0.03 and coarse > 1.4 * fine


def test_a_wrong_diffusion_is_seen():
    """The solver reads f and g, not alpha and sigma: sub-VP without its "1 -" is far from the closed form."""
    mixture = Mixture.of_points(np.array([[-1.0], [1.0]]), 0.2)

    class Wrong(SDES["subvp"]):
        def diffusion(self, t):
            return math.sqrt(self.beta(t))

    grid = Grid(100, 5.0)
    distances = []
    for sde in (SDES["subvp"](), Wrong()):
        flow = Forward(grid, sde, mixture)
        times = [t for t in flow.times(80) if t < 0.4]
        p = flow.exact(times[0])
        for t, t_next in pairwise(times):
            p = flow.step(p, t, t_next)
        distances.append(grid.total_variation(p, flow.exact(times[-1])))
    assert distances[0] < 0.012 and distances[1] > 4 * distances[0]


# --- the grid --------------------------------------------------------------------------------------------


def test_histograms_count_where_the_points_are():
    grid = Grid(4, 2.0, (1.0, 0.0))
    x = np.array([[-0.5, -1.5], [-0.5, -1.4], [2.5, 0.5], [99.0, -99.0]])
    counts = grid.histogram(x) * len(x) * grid.volume
    assert counts[0, 0] == 2 and counts[3, 2] == 1 and counts[3, 0] == 1 and counts.sum() == 4
    assert grid.axis(0) == pytest.approx([-0.5, 0.5, 1.5, 2.5])


def test_wider_cells_hold_the_same_mass():
    p = normal(PLANE, 0.3, 0.5)
    merged = PLANE.merged(p, 4)
    assert merged.shape == (12, 12)
    assert PLANE.coarser(4).mass(merged) == pytest.approx(PLANE.mass(p), abs=1e-12)
    assert merged[2, 5] == pytest.approx(p[8:12, 20:24].mean())


def test_distances_have_their_closed_forms():
    p, q = normal(LINE, 0.0, 0.5), normal(LINE, 0.6, 0.5)
    assert LINE.total_variation(p, q) == pytest.approx(
        math.erf(0.3 / math.sqrt(2 * 0.5)), abs=5e-4
    )  # 2Φ(δ/2σ) - 1
    assert LINE.divergence(p, q) == pytest.approx(0.6**2 / (2 * 0.5), rel=1e-6)
    assert LINE.total_variation(p, p) == 0 and LINE.divergence(p, p) == 0


def test_the_noise_of_counting_is_what_draws_show():
    rng, bins = np.random.default_rng(0), Grid(30, 4.0)
    p = bins.law(-0.5 * bins.axis(0) ** 2)
    found = [bins.total_variation(bins.histogram(rng.standard_normal((500, 1))), p) for _ in range(100)]
    assert np.mean(found) == pytest.approx(bins.sampling_noise(p, 500), rel=0.1)


# --- the laboratory --------------------------------------------------------------------------------------


def last_report(lab, **sets):
    e = edited(Experiment(), "score.source", "exact")
    for path, value in sets.items():
        e = edited(e, path, value)
    assert not lab.refusal(e)
    *_, report = lab.reports(Context(e, resolve(e)))
    assert report.progress == 1
    return report


@pytest.mark.parametrize("dynamics", ["langevin", "forward"])
@pytest.mark.parametrize("data", ["eight_gaussians", "three_modes_1d"])
def test_particles_and_density_are_one_law(dynamics, data):
    """At every moment they differ by the noise of counting; mass is kept to 1e-6 and better."""
    lab = LABS["fokker_planck"](
        dynamics=dynamics, particles=4000, bins=24, step=0.001, moves=200, temperature=0.7
    )
    report = last_report(lab, data=data)
    _, to_target, _, to_density, _, noise, mass = report.arrays["curves"]
    assert mass.max() < 1e-12
    assert (to_density[1:] < 1.6 * noise[1:] + 0.03).all()
    assert to_target[-1] < 0.1 * to_target[0] if dynamics == "langevin" else to_target.max() < 0.02
    kinds = [Picture] * 3 if data == "eight_gaussians" else [Plot]
    assert [type(f) for f in report.figures] == [*kinds, Plot, Plot, Plot]


def test_large_steps_leave_the_density_and_metropolis_brings_them_back():
    common = dict(particles=4000, bins=24, cells=4, step=0.02, moves=200, time=0.02)
    plain, adjusted = (
        last_report(LABS["fokker_planck"](metropolis=m, **common), data="two_modes_1d").arrays["curves"][
            4, -1
        ]
        for m in (False, True)
    )
    assert plain > 1.5 * adjusted


def test_the_moment_chosen_is_shown():
    shown = last_report(LABS["fokker_planck"](moment=0.0, particles=300, bins=16, moves=100)).arrays
    grid = Grid(64, 5.0, (0.0, 0.0))
    start = np.exp(-0.5 * (shown["axis"][:, None] ** 2 + shown["axis"] ** 2))
    assert shown["density"].shape == grid.shape
    assert shown["density"] / shown["density"].max() == pytest.approx(start / start.max(), abs=1e-6)


def test_modes_narrower_than_a_cell_are_said():
    report = last_report(LABS["fokker_planck"].quick(), data="line", sde="ve")
    assert "cells wide" in report.words
    fine = LABS["fokker_planck"](bins=24, cells=4, moves=25, particles=300)
    assert "cells wide" not in last_report(fine).words
