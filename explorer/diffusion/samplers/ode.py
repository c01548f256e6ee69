"""Fixed-step solvers of the probability-flow ODE: Euler and the classical Runge-Kutta method."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.diffusion.samplers.base import SOLVERS, RungeKutta


@SOLVERS.register("euler", title="Euler", order=10)
@dataclass(frozen=True)
class Euler(RungeKutta):
    """x - (f - ½ g² s) h, order 1 ([S21] eq. 13)."""

    order = 1.0
    stochastic = False
    source = "Song et al. 2021, eq. 13"
    equation = r"x' = x \drift{- f h} + \score{\frac{1}{2} g^2 s\, h}"
    nodes = (0.0,)
    matrix = ((),)
    weights = (1.0,)


@SOLVERS.register("rk4", title="RK4", order=30)
@dataclass(frozen=True)
class RK4(RungeKutta):
    """The classical Runge-Kutta method, order 4."""

    order = 4.0
    stochastic = False
    nfe_per_step = 4
    source = "Kutta 1901"
    equation = (
        r"x' = x \drift{- \frac{h}{6}(f_1 + 2f_2 + 2f_3 + f_4)} \quad + "
        r"\score{\frac{h}{12}(g_1^2 s_1 + 2 g_2^2 s_2 + 2 g_3^2 s_3 + g_4^2 s_4)}"
    )
    nodes = (0.0, 0.5, 0.5, 1.0)
    matrix = ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0))
    weights = (1 / 6, 1 / 3, 1 / 3, 1 / 6)
