"""Inpainting: one coordinate is known."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.params import param
from explorer.diffusion.observation import Known
from explorer.guidance.base import CONTROLS
from explorer.guidance.linear import METHOD_HELP, METHODS, Linear, value_param


@CONTROLS.register("inpaint", title="Inpaint", order=30)
@dataclass(frozen=True)
class Inpaint(Linear):
    """One coordinate is known, the other is filled in."""

    about = "One coordinate is fixed, as the known pixels of an image are; the other is inferred."
    source = "Song et al. 2021, appendix I.2"

    coordinate: str = param(
        "x1", "Known", choices={"x1": "x₁", "x2": "x₂"}, help="The coordinate that is known.",
        equation="y = x₁ or x₂",
    )  # fmt: skip
    value: float = value_param()
    method: str = param("exact", "Method", choices=METHODS, help=METHOD_HELP, equation="[S21] appendix I.2")

    def known(self, dim: int) -> Known:
        first = self.coordinate == "x1" or dim == 1
        return Known(tuple(float(i == (0 if first else 1)) for i in range(dim)), self.value)
