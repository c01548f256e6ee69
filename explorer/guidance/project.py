"""Colourisation: a projection is known."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.params import param
from explorer.diffusion.observation import Known
from explorer.guidance.base import CONTROLS
from explorer.guidance.linear import METHOD_HELP, METHODS, Linear, angle_param, unit, value_param


@CONTROLS.register("project", title="Project", order=40)
@dataclass(frozen=True)
class Project(Linear):
    """A projection is known: colourisation, after an orthogonal change of basis."""

    about = (
        "A projection is fixed, as the grey value of a color pixel is: after an orthogonal change of basis "
        "it is a coordinate."
    )
    source = "Song et al. 2021, appendix I.3"

    angle: float = angle_param()
    value: float = value_param()
    method: str = param("exact", "Method", choices=METHODS, help=METHOD_HELP, equation="[S21] appendix I.3")

    def known(self, dim: int) -> Known:
        return Known(unit(self.angle, dim), self.value)
