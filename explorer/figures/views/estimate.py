"""The clean pictures that the score expects."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.experiment.view_settings import Look
from explorer.figures.marks import Mark
from explorer.figures.views import image_parts as parts
from explorer.figures.views.base import VIEWS, Scene, View


@VIEWS.register("estimate", title="Denoised estimate", order=210)
@dataclass(frozen=True)
class Estimate(View):
    """E[x_0 | x_t] of every picture, by Tweedie's formula."""

    of_pictures = True

    def visible(self, look: Look) -> bool:
        return parts.shows(look, "parts")

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        assert scene.pictures is not None
        return parts.panel(
            scene, "estimate", parts.rgb(parts.estimate_of(scene, scene.frame), scene.pictures)
        )
