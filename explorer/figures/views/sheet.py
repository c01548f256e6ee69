"""All pictures at the playhead's time."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.experiment.view_settings import Look
from explorer.figures.marks import Mark
from explorer.figures.views import image_parts as parts
from explorer.figures.views.base import VIEWS, Scene, View


@VIEWS.register("sheet", title="Sheet", order=200)
@dataclass(frozen=True)
class Sheet(View):
    """x(t) of every picture, and the noise level in words."""

    of_pictures = True

    def visible(self, look: Look) -> bool:
        return parts.shows(look, "parts", "sheet")

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        return *parts.panel(scene, "now", parts.now(scene, scene.frame)), parts.noise_words(scene)
