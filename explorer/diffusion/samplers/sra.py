"""Rößler's stochastic Runge-Kutta method for additive noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.diffusion.samplers.base import PREDICTORS, Predictor, Step, Terms
from explorer.diffusion.samplers.process import Reverse


@PREDICTORS.register("sra", title="Stochastic Runge–Kutta (SRA1)", order=45)
@dataclass(frozen=True)
class StochasticRungeKutta(Predictor):
    """Two drift evaluations, and with the path's increment ΔW also its integral I: strong order 1.5.

    The reverse SDE's g depends on t alone. Such noise is called additive, and g' (ΔW - I/h) + g I/h meets it
    with g's change over the step. Without noise: order 2.
    """

    order = 1.5
    stochastic = True
    nfe_per_step = 2
    draws = 2
    source = "Rößler 2010, SRA1 (Table 6.3)"
    equation = (
        r"x' = x \drift{- h(\frac{1}{3} f + \frac{2}{3}\tilde f)} \quad + "
        r"\score{h\frac{1+\eta^2}{2}(\frac{1}{3} g^2 s + \frac{2}{3}\tilde g^2 \tilde s)} "
        r"+ \noise{\eta (g' \Delta W + (g - g') \frac{1}{h}\int W)}"
    )

    def terms(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        h = t - t_next
        inside, noise = self._noises(process, x, t, t_next, z)
        f, push = process.drift_terms(x, t)
        between = torch.add(x + inside, f + push, alpha=-0.75 * h)
        f_between, push_between = process.drift_terms(between, t - 0.75 * h)
        return Terms((f + 2 * f_between) * (-h / 3), (push + 2 * push_between) * (-h / 3), noise)

    def step(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        h = t - t_next
        inside, noise = self._noises(process, x, t, t_next, z)
        first = process.drift(x, t)
        second = process.drift(torch.add(x + inside, first, alpha=-0.75 * h), t - 0.75 * h)
        mean = torch.add(x, first, alpha=-h / 3).add_(second, alpha=-2 * h / 3)
        return Step(mean + noise, mean)

    @staticmethod
    def _noises(
        process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What is added in the second stage, and in all."""
        if not process.eta:
            return torch.zeros_like(x), torch.zeros_like(x)
        if z.shape[1:] != x.shape:
            raise ValueError(f"SRA1 takes z of shape {(2, *x.shape)}, not {tuple(z.shape)}: see BrownianArea")
        root = math.sqrt(t - t_next)
        increment = z[0] * root
        integral = (z[0] * 0.5).add_(z[1], alpha=1 / math.sqrt(12)).mul_(root)  # I/h
        g, g_next = process.diffusion(t), process.diffusion(t_next)
        return integral * (1.5 * g_next), (increment * g_next).add_(integral, alpha=g - g_next)
