"""The sampler of an experiment: everything a person can set about the simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from explorer.base.params import Validated, param
from explorer.diffusion.grids import GRIDS
from explorer.diffusion.samplers.base import CORRECTORS, PREDICTORS, SOLVERS, Corrector, Predictor
from explorer.diffusion.samplers.mistakes import MISTAKES, Mistake
from explorer.diffusion.samplers.modes import MODES

#: Of a Langevin move.
CONVENTIONS = {"whole": "x + ε s + √(2εT) z", "half": "x + (ε/2) s + √(εT) z"}


def _in(*modes: str) -> Callable[[Sampler], bool]:
    return lambda s: s.mode in modes


def _gridded(s: Sampler) -> bool:
    return s.mode in ("forward", "reverse", "pc") or (s.mode == "ode" and not s.solver.adaptive)


@dataclass(frozen=True)
class Sampler(Validated):
    """Mode, methods and numbers of one simulation. Fields that a mode does not use keep their value."""

    mode: str = param(
        "reverse", "Mode", choices=MODES,
        help="Forward: data to noise. Reverse SDE: noise to data with noise put in. ODE: the probability "
        "flow, no noise. PC: predictor and corrector. Langevin: at one noise level. Annealed: by levels.",
        equation="[S21] eq. 5, 6, 13",
    )  # fmt: skip
    predictor: Predictor = param(
        PREDICTORS["reverse_diffusion"], "Predictor", registry=PREDICTORS, visible=_in("reverse", "pc"),
        help="How one step of the reverse SDE is taken.", equation="[S21] section 4.1",
    )  # fmt: skip
    solver: Predictor = param(
        SOLVERS["heun"], "ODE solver", registry=SOLVERS, visible=_in("ode"),
        help="How one step of the probability-flow ODE is taken.", equation="[S21] section 4.3",
    )  # fmt: skip
    corrector: Corrector = param(
        CORRECTORS["langevin"], "Corrector", registry=CORRECTORS, visible=_in("pc"),
        help="The moves at a fixed noise level after (or before) each predictor step.",
        equation="[S21] Alg. 4, 5",
    )  # fmt: skip
    steps: int = param(
        200, "Steps", symbol="N", low=1, high=1000, minimum=1, maximum=2000, log=True, visible=_gridded,
        help="How many predictor steps from noise to data. Few steps show the error of the method.",
        equation="[S21] Alg. 1–3",
    )  # fmt: skip
    snr: float = param(
        0.16, "Signal to noise", symbol="snr", low=0.01, high=1.0, minimum=0.0, maximum=10.0, log=True,
        visible=_in("pc"),
        help="Sets the corrector's step. 0.05–0.35 is usual, 0.16 was the paper's for CIFAR-10; from 1 on "
        "the annealed rule diverges.",
        equation="[S21] Alg. 4, 5: ε = 2α(snr∥z∥/∥s∥)²",
    )  # fmt: skip
    corrector_steps: int = param(
        1, "Corrector steps", symbol="M", low=0, high=10, minimum=0, maximum=100, visible=_in("pc"),
        help="Langevin moves at each noise level. The cost is N(M+1) evaluations.",
        equation="[S21] Alg. 2, 3",
    )  # fmt: skip
    order: str = param(
        "predictor", "Order", choices={"predictor": "P then C", "corrector": "C then P"}, visible=_in("pc"),
        help="The paper's Algorithms 2 and 3 predict first; the authors' code corrects first.",
        equation="[S21] Alg. 2, 3",
    )  # fmt: skip
    eta: float = param(
        1.0, "Stochasticity", symbol="η", low=0.0, high=2.0, minimum=0.0, maximum=10.0,
        visible=_in("reverse", "pc"),
        help="0 is the probability-flow ODE, 1 the reverse SDE; every value has the same marginals.",
        equation="dx = [f − ½(1+η²)g²s]dt + ηg dw̄",
    )  # fmt: skip
    grid: str = param(
        "uniform", "Time grid", choices={name: title for name, (title, _) in GRIDS.items()}, visible=_gridded,
        help="Where the N steps are put: equal in t, finer towards the data, equal in log-SNR, or EDM's.",
        equation="EDM eq. 5",
    )  # fmt: skip
    denoise: bool = param(
        True, "Denoise at the end", visible=_in("reverse", "pc"),
        help="The last step returns its mean, without the noise.", equation="[S21] appendix C",
    )  # fmt: skip
    langevin_time: float = param(
        0.05, "Noise level", symbol="t", low=0.001, high=1.0, minimum=1e-5, maximum=1.0, log=True,
        visible=_in("langevin"), help="The t whose pₜ is sampled: near 0 it is the data, with its gaps.",
        equation="U = −log pₜ",
    )  # fmt: skip
    langevin_step: float = param(
        0.002, "Step size", symbol="ε", low=1e-5, high=0.1, minimum=1e-8, maximum=10.0, log=True,
        visible=_in("langevin"),
        help="How far a move goes. On a mode of variance v the distribution comes out 1/(1 − ε/2v) too "
        "wide (with the first convention); beyond ε = 2v it diverges.",
        equation="Song & Ermon 2019, eq. 4",
    )  # fmt: skip
    convention: str = param(
        "whole", "Convention", choices=CONVENTIONS, visible=_in("langevin"),
        help="Two ways to write one move: the second takes half of the ε it names. [S21] writes the first, "
        "Song & Ermon the second.",
        equation="dx = s dτ + √2 dw  |  dx = ½ s dτ + dw",
    )  # fmt: skip
    temperature: float = param(
        1.0, "Temperature", symbol="T", low=0.05, high=5.0, minimum=0.0, maximum=1000.0, log=True,
        visible=_in("langevin"),
        help="Of the noise: the particles settle in p^(1/T). 1 is p itself, below it the modes sharpen, 0 climbs to "
        "their tops.",
        equation="dx = −∇U dτ + σ dw, U = −log p, T = σ²/2:  p ∝ e^(−U/T)",
    )  # fmt: skip
    metropolis: bool = param(
        False, "Metropolis adjustment", visible=lambda s: s.mode == "langevin" and s.temperature > 0,
        help="Moves are accepted or refused so that the distribution is right for every ε (MALA). The test uses "
        "the exact density, also where a network proposes the moves.",
        equation="min(1, π(x′)q(x|x′) / π(x)q(x′|x))",
    )  # fmt: skip
    langevin_steps: int = param(
        500, "Steps", symbol="N", low=10, high=2000, minimum=1, maximum=20000, log=True,
        visible=_in("langevin"),
        help="How many Langevin moves.", equation="τ = Nε",
    )  # fmt: skip
    levels: int = param(
        16, "Noise levels", symbol="L", low=2, high=50, minimum=1, maximum=1000, visible=_in("annealed"),
        help="How many noise levels from large to small.", equation="Song & Ermon 2019, Alg. 1",
    )  # fmt: skip
    level_steps: int = param(
        30, "Steps per level", symbol="T", low=1, high=200, minimum=1, maximum=2000, visible=_in("annealed"),
        help="Langevin moves at each level.", equation="Song & Ermon 2019, Alg. 1",
    )  # fmt: skip
    annealed_step: float = param(
        0.5, "Step size", symbol="ε", unit="σ_L²", low=0.005, high=2.0, minimum=1e-6, maximum=100.0, log=True,
        visible=_in("annealed"),
        help="In units of the last level's variance: level i takes steps αᵢ = ε σᵢ²/σ_L². Song & Ermon's "
        "ε = 2·10⁻⁵ with σ_L = 0.01 is 0.2. The variance comes out 1/(1 − ε/4) times too large; from 4 on it diverges.",
        equation="Song & Ermon 2019, Alg. 1: αᵢ = ε σᵢ²/σ_L²",
    )  # fmt: skip
    particles: int = param(
        2000, "Particles", symbol="n", low=100, high=10000, minimum=1, maximum=100000, log=True,
        help="How many points are moved at once.", equation="x₁, …, x_n",
    )  # fmt: skip
    mistake: Mistake = param(
        MISTAKES["none"], "Mistake", registry=MISTAKES, advanced=True,
        help="Breaks the run on purpose, in one well-known way; with Compare A | B, right and wrong side by side.",
        equation="the wrong line stands below the step's equation",
    )  # fmt: skip

    @property
    def method(self) -> Predictor:
        """The predictor or solver that the mode uses."""
        return self.solver if self.mode == "ode" else self.predictor

    @property
    def effective_eta(self) -> float:
        """η of the reverse process: 0 in ODE mode."""
        return 0.0 if self.mode == "ode" else self.eta

    @property
    def corrections(self) -> int:
        """Corrector moves per step: 0 outside PC mode."""
        return self.corrector_steps if self.mode == "pc" else 0

    @property
    def nfe_per_step(self) -> int:
        """Evaluations of the score per step, corrector moves included; of an adaptive solver per step it tries."""
        return self.method.nfe_per_step + self.corrections

    @property
    def langevin_epsilon(self) -> float:
        """What multiplies the score in a Langevin move: ε or ε/2, by the convention."""
        return self.langevin_step if self.convention == "whole" else 0.5 * self.langevin_step

    @property
    def law_temperature(self) -> float:
        """T of the law p^(1/T) that a run is to have: 1 in all modes but Langevin, and where it has no noise."""
        return self.temperature if self.mode == "langevin" and self.temperature else 1.0

    @property
    def adjusted(self) -> bool:
        """Whether Langevin moves are accepted or refused; without noise there is no law to keep."""
        return self.mode == "langevin" and self.metropolis and self.temperature > 0

    @property
    def expected_frames(self) -> int:
        """How many frames a run gives, its start included; 0 where the method decides."""
        if self.mode == "ode" and self.solver.adaptive:
            return 0
        moves = {"langevin": self.langevin_steps, "annealed": self.levels * self.level_steps}
        return 1 + moves.get(self.mode, self.steps * (1 + self.corrections))
