"""The samplers beside other people's: diffusers and torchsde, step by step with the same network, noise and grid.

Both go their own way from the same start; after every step they may differ by 1e-5 of the size of x.
"""

import math
import warnings
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from explorer.diffusion import grids
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Reverse
from explorer.diffusion.sdes import SDES
from explorer.networks.learned import LearnedScore
from explorer.networks.preconditioned import Denoiser
from explorer.networks.spec import NetworkSpec

N, SHAPE = 20, (50, 2)
VP, VE = SDES["vp"](), SDES["ve"]()
# what the peers do with NumPy 2, and what they think of the first DPM-Solver
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.algorithm_types=dpmsolver. is deprecated:FutureWarning"),
]


@pytest.fixture(scope="module")
def network():
    """The default network with random weights everywhere (a fresh one ends in zeros), in double precision."""
    torch.manual_seed(0)
    net = Denoiser(NetworkSpec(), sigma_data=1.0).eval()
    torch.nn.init.normal_(net.last.weight, std=0.05)
    return net.double().requires_grad_(False)


@pytest.fixture(scope="module")
def diffusers():
    """Its schedulers by name, without "Scheduler" (four seconds to import: only here)."""
    names = ("DDIM", "DPMSolverMultistep", "DPMSolverSinglestep", "EDMDPMSolverMultistep", "HeunDiscrete")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers import schedulers
        from diffusers.schedulers.deprecated.scheduling_karras_ve import KarrasVeScheduler

        found = {name: getattr(schedulers, name + "Scheduler") for name in names}
    return SimpleNamespace(**found, KarrasVe=KarrasVeScheduler)


def draws(n, seed=0):
    """n draws of normal numbers in the shape of x."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, *SHAPE, generator=generator, dtype=torch.float64)


def ours(method, process, x, times, noises):
    """x after each step."""
    walk, out = method.begin(process, times), []
    for t, t_next, z in zip(times, times[1:], noises, strict=False):
        x = walk.step(x, t, t_next, z).x
        out.append(x)
    return out


def alike(mine, theirs):
    assert len(mine) == len(theirs) > 5
    for a, b in zip(mine, theirs, strict=True):
        assert float((a - b).abs().max()) < 1e-5 * max(float(b.abs().max()), 1.0)
    assert float((mine[0] - mine[-1]).abs().max()) > 0.1  # something has moved


def levels(sde, times):
    """The levels sigma/alpha of a grid, as schedulers keep them."""
    return torch.tensor([sde.noise_level(t) for t in times], dtype=torch.float64)


def stepped(scheduler, sde, process, x, times, **options):
    """A multistep or singlestep scheduler over our grid; what it is given is the network's noise, -sigma s."""
    scheduler.set_timesteps(len(times) - 1)
    scheduler.sigmas = levels(sde, times)
    scheduler.set_begin_index(0)
    out = []
    for i, t in enumerate(times[:-1]):
        noise = process.score(x, t) * -sde.marginal(t)[1]
        more = {key: values[i] for key, values in options.items()}
        x = scheduler.step(noise, scheduler.timesteps[i], x, **more).prev_sample
        out.append(x)
    return out


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", ["ddim", "ancestral"])
def test_ddim(diffusers, network, name, eta):
    """On a chain of 1000 of which every 20th is visited."""
    process = Reverse(VP, LearnedScore(network, VP), eta)
    chain = [VP.eps + (VP.T - VP.eps) * k / 999 for k in range(1000)]
    scheduler = diffusers.DDIM(num_train_timesteps=1000, clip_sample=False)
    scheduler.set_timesteps(50)
    scheduler.alphas_cumprod = torch.tensor([VP.marginal(t)[0] ** 2 for t in chain], dtype=torch.float64)
    visited = range(999, 0, -20)
    start, *z = draws(50)
    x, theirs = start, []
    for k, noise in zip(visited[:-1], z, strict=False):
        epsilon = process.score(x, chain[k]) * -VP.marginal(chain[k])[1]
        x = scheduler.step(epsilon, k, x, eta=eta, variance_noise=noise if eta else None).prev_sample
        theirs.append(x)
    times = [chain[k] for k in visited]
    alike(ours(PREDICTORS[name](), process, start, times, z), theirs)
    if not eta:
        alike(ours(SOLVERS["ddim"](), process, start, times, z), theirs)


@pytest.mark.parametrize("grid", ["uniform", "log_snr"])
@pytest.mark.parametrize("n", [10, N])
@pytest.mark.parametrize("noisy", [False, True], ids=["ode", "sde"])
def test_dpm_solver_pp_2m(diffusers, network, n, grid, noisy):
    """With 10 steps both end in order 1."""
    process = Reverse(VP, LearnedScore(network, VP), float(noisy))
    kind = "sde-dpmsolver++" if noisy else "dpmsolver++"
    scheduler = diffusers.DPMSolverMultistep(algorithm_type=kind, final_sigmas_type="sigma_min")
    start, *z = draws(n + 1)
    times = grids.times(grid, n, VP)
    theirs = stepped(scheduler, VP, process, start, times, **({"variance_noise": z} if noisy else {}))
    method = PREDICTORS["sde_dpm_solver_pp_2m"]() if noisy else SOLVERS["dpm_solver_pp_2m"]()
    alike(ours(method, process, start, times, z), theirs)


def test_dpm_solver_pp_2m_of_edm(diffusers, network):
    """The same method for VE, where the scheduler asks for the raw output of a preconditioned network."""
    process = Reverse(VE, LearnedScore(network, VE), 0.0)
    scheduler = diffusers.EDMDPMSolverMultistep(sigma_data=0.5, final_sigmas_type="sigma_min")
    times = grids.times("edm", N, VE)
    scheduler.set_timesteps(N)
    scheduler.sigmas = levels(VE, times)
    scheduler.set_begin_index(0)
    start = draws(1)[0] * VE.prior_std
    x, theirs = start, []
    for i, t in enumerate(times[:-1]):
        v = VE.noise_level(t)
        skip, out = 0.25 / (v**2 + 0.25), 0.5 * v / math.sqrt(v**2 + 0.25)
        raw = (process.denoised(x, t) - skip * x) / out
        x = scheduler.step(raw, scheduler.timesteps[i], x).prev_sample
        theirs.append(x)
    alike(ours(SOLVERS["dpm_solver_pp_2m"](), process, start, times, draws(N)), theirs)


def test_dpm_solver_2(diffusers, network):
    """Their two calls, at the start and in the middle in log-SNR, are one step of ours."""
    process = Reverse(VP, LearnedScore(network, VP), 0.0)
    options = dict(algorithm_type="dpmsolver", lower_order_final=False, final_sigmas_type="sigma_min")
    scheduler = diffusers.DPMSolverSinglestep(solver_order=2, **options)
    times = grids.times("log_snr", 2 * N, VP)
    start = draws(1)[0]
    theirs = stepped(scheduler, VP, process, start, times)[1::2]
    alike(ours(SOLVERS["dpm_solver_2"](), process, start, times[::2], draws(N)), theirs)


@pytest.mark.parametrize("sde", [VP, VE], ids=["vp", "ve"])
def test_edm_heun_without_churn(diffusers, network, sde):
    """In y = x/alpha; their two calls are one step of ours."""
    process = Reverse(sde, LearnedScore(network, sde), 0.0)
    times = grids.times("edm", N, sde)
    scheduler = diffusers.HeunDiscrete(num_train_timesteps=1000)
    scheduler.set_timesteps(N)
    scheduler.sigmas = levels(sde, times).repeat_interleave(2)[1:-1]
    scheduler.set_begin_index(0)
    start = draws(1)[0] * sde.prior_std
    y, theirs = start / sde.marginal(1.0)[0], []
    for i, (t, t_next) in enumerate(pairwise(times)):
        for at in (t, t_next):
            alpha, sigma = sde.marginal(at)
            y = scheduler.step(
                process.score(alpha * y, at) * -sigma, scheduler.timesteps[2 * i], y
            ).prev_sample
        theirs.append(y * sde.marginal(t_next)[0])
    alike(ours(PREDICTORS["edm_churn"](), process, start, times, draws(N)), theirs)


@pytest.mark.parametrize("limits", [(0.0, 1000.0, 1.0), (0.1, 2.0, 1.007)], ids=["all", "between"])
def test_edm_heun_with_churn(diffusers, network, limits):
    """Karras et al. 2022, Algorithm 2, from the second step on: they go past VE's highest level in the first."""
    low, high, factor = limits
    process = Reverse(VE, LearnedScore(network, VE), 1.0)
    scheduler = diffusers.KarrasVe(s_churn=3.0, s_min=low, s_max=high, s_noise=factor)
    scheduler.num_inference_steps = N
    times = grids.times("edm", N, VE)
    seeded = [torch.Generator().manual_seed(i) for i in range(N)]
    z = [torch.randn(SHAPE, generator=torch.Generator().manual_seed(i)).double() for i in range(N)]
    start = draws(1)[0] * VE.prior_std
    mine, theirs = ours(method_of(limits), process, start, times, z), []
    y = mine[0]
    for t, t_next, generator in zip(times[1:], times[2:], seeded[1:], strict=False):
        v, v_next = VE.noise_level(t), VE.noise_level(t_next)
        noise, hat = scheduler.add_noise_to_input(torch.zeros(SHAPE), v, generator=generator)
        up = y + noise
        # what they call the model's output is sigma times the score
        first = scheduler.step(hat * process.score(up, VE.time_at(hat)), hat, v_next, up)
        again = v_next * process.score(first.prev_sample, t_next)
        args = (again, hat, v_next, up, first.prev_sample, first.derivative)
        y = scheduler.step_correct(*args).prev_sample
        theirs.append(y)
    alike(mine[1:], theirs)
    quiet = ours(method_of(limits), Reverse(VE, process.score_function, 0.0), start, times, z)
    assert float((quiet[-1] - mine[-1]).abs().max()) > 0.01


def method_of(limits):
    low, high, factor = limits
    return PREDICTORS["edm_churn"](s_churn=3.0, s_tmin=low, s_tmax=high, s_noise=factor)


# --- torchsde --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "theirs"), [("euler_maruyama", "euler"), ("sra", "srk")])
@pytest.mark.parametrize("sde", [VP, VE], ids=["vp", "ve"])
@pytest.mark.parametrize("eta", [0.6, 1.0])
def test_torchsde(network, sde, name, theirs, eta):
    """Its clock runs up, so tau = 1 - t; our noise is read from its Brownian motion, areas included."""
    import torchsde

    process = Reverse(sde, LearnedScore(network, sde), eta)
    steps, h = 32, 2.0**-6  # so that no time is rounded

    class Upwards(torch.nn.Module):
        noise_type, sde_type = "additive", "ito"

        def f(self, tau, x):
            return -process.drift(x, 1 - float(tau))

        def g(self, tau, x):
            return process.diffusion(1 - float(tau)) * torch.eye(2, dtype=x.dtype).expand(len(x), 2, 2)

    tau = torch.arange(steps + 1, dtype=torch.float64) * h
    path = torchsde.BrownianInterval(
        0.0, steps * h, size=SHAPE, dtype=torch.float64, entropy=7, levy_area_approximation="space-time"
    )
    start = draws(1)[0] * sde.prior_std
    out = torchsde.sdeint(Upwards(), start, tau, bm=path, method=theirs, dt=h)
    noises = []
    for a, b in pairwise(tau):
        rise, integral = path(a, b, return_U=True)
        z = rise / math.sqrt(h)
        u = (integral / h**1.5 - 0.5 * z) * math.sqrt(12)
        noises.append(torch.stack([z, u]) if name == "sra" else z)
    times = [1 - float(t) for t in tau]
    alike(ours(PREDICTORS[name](), process, start, times, noises), list(out[1:]))
