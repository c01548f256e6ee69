"""The score of every picture, as a picture."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.experiment.view_settings import Look
from explorer.figures.marks import Mark
from explorer.figures.views import image_parts as parts
from explorer.figures.views.base import VIEWS, Scene, View


@VIEWS.register("score_sheet", title="Score as an image", order=220)
@dataclass(frozen=True)
class ScoreSheet(View):
    """sigma s: which pixels are to become lighter, which darker. For sets in colour, as colours around grey."""

    of_pictures = True

    def visible(self, look: Look) -> bool:
        return parts.shows(look, "parts")

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        assert scene.pictures is not None
        score = parts.scaled_score(scene, scene.frame)
        return parts.panel(scene, "score", parts.noise_like(score, scene.pictures))
