"""The sub-steps of predictor-corrector sampling as arrows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.diffusion.frames import Frame
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Arrows, Entry, Legend, Mark
from explorer.figures.views.base import VIEWS, Scene, View

#: How many particles show their moves.
SHOWN = 40


@VIEWS.register("moves", title="Predictor-corrector steps", order=70)
@dataclass(frozen=True)
class Moves(View):
    """In PC mode, what the current step has done so far: the predictor, then each corrector step; and what is which."""

    def visible(self, look: Look) -> bool:
        return look.moves

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        if scene.experiment.sampler.mode != "pc" or scene.flat:
            return ()
        now = scene.frame.t
        arrows = [
            Arrows(
                start := scene.to_view(a.x[:SHOWN], now),
                scene.to_view(b.x[:SHOWN], now) - start,
                _color(b),
                1.8,
            )
            for a, b in moves_of_step(scene.frames)
        ]
        return *arrows, LEGEND


#: Of both, whatever the step has done so far: a legend that changed with every sub-step would flicker.
LEGEND = Legend((Entry("predictor", "drift", arrow=True), Entry("corrector", "corrector", arrow=True)))


def _color(frame: Frame) -> str:
    return "drift" if frame.part == "predict" else "corrector"


def moves_of_step(frames: Sequence[Frame]) -> list[tuple[Frame, Frame]]:
    """(before, after) of each move of the step that the last frame belongs to; none where frames were thinned out."""
    moves = []
    for before, after in zip(frames[-2::-1], frames[:0:-1], strict=False):
        if after.step != frames[-1].step or after.part == "start":
            break
        if after.step - before.step > 1:
            return []
        moves.append((before, after))
    return moves[::-1]
