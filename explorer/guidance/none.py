"""No control."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.data.distributions.mixture import Mixture
from explorer.diffusion.scores import Score
from explorer.guidance.base import CONTROLS, Control, Sources


@CONTROLS.register("none", title="None", order=10)
@dataclass(frozen=True)
class NoControl(Control):
    """Samples of the whole data."""

    about = "Nothing is asked of the samples but that they are like the data."
    for_pictures = True

    def target(self, mixture: Mixture) -> Mixture:
        return mixture

    def guide(self, sources: Sources) -> tuple[Score, str]:
        return sources.plain, ""
