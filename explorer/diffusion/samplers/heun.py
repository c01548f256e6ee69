"""Heun's method: for the reverse SDE with its noise, and for the probability-flow ODE without."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.diffusion.samplers.base import PREDICTORS, SOLVERS, RungeKutta


class _Heun(RungeKutta):
    nodes = (0.0, 1.0)
    matrix = ((), (1.0,))
    weights = (0.5, 0.5)
    nfe_per_step = 2


@PREDICTORS.register("stochastic_heun", title="Stochastic Heun", order=40)
@dataclass(frozen=True)
class StochasticHeun(_Heun):
    """Trapezoidal drift after an Euler-Maruyama trial step: strong order 1, weak order 2."""

    order = 1.0
    stochastic = True
    source = "Kloeden & Platen 1992, section 15.1"
    equation = (
        r"x' = x \drift{- \frac{h}{2}(f + \tilde f)} \quad + "
        r"\score{\frac{h}{2} \frac{1+\eta^2}{2} (g^2 s + \tilde g^2 \tilde s)} "
        r"+ \noise{\eta \bar g \sqrt{h}\, z}"
    )


@SOLVERS.register("heun", title="Heun", order=20)
@dataclass(frozen=True)
class Heun(_Heun):
    """The trapezoidal rule after an Euler trial step, order 2 (Karras et al. 2022, Algorithm 1)."""

    order = 2.0
    stochastic = False
    source = "Karras et al. 2022, Algorithm 1"
    equation = (
        r"x' = x \drift{- \frac{h}{2}(f + \tilde f)} + \score{\frac{h}{4}(g^2 s + \tilde g^2 \tilde s)}"
    )
