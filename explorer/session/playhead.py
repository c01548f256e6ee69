"""The playhead: where in the run the picture is, and how it moves."""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds for a whole run at speed 1.
DURATION = 6.0
#: Seconds the end of the run is held before it starts again.
HOLD = 1.5


@dataclass
class Playhead:
    """`position` runs from 0 (the start of the run) to 1."""

    position: float = 0.0
    playing: bool = False
    speed: float = 1.0
    direction: int = 1
    loop: bool = True
    _held: float = 0.0

    def advance(self, seconds: float, limit: float = 1.0) -> None:
        """Move on by `seconds` of play; at an end hold a moment, then loop or stop.

        `limit`: how far the run has been computed; it goes no further.
        """
        if not self.playing:
            return
        end = 1.0 if self.direction > 0 else 0.0
        if self.position == end:
            self._held += seconds
            if self._held >= HOLD or not self.loop:
                self._turn_around(end)
            return
        target = self.position + self.direction * self.speed * seconds / DURATION
        self.position = min(max(target, 0.0), 1.0 if limit >= 1.0 else max(limit, self.position))

    def _turn_around(self, end: float) -> None:
        self._held = 0.0
        if self.loop:
            self.position = 1.0 - end
        else:
            self.playing = False

    def toggle(self) -> None:
        """Play or pause; playing from an end starts over."""
        self.playing = not self.playing
        end = 1.0 if self.direction > 0 else 0.0
        if self.playing and self.position == end:
            self.position = 1.0 - end
        self._held = 0.0

    def seek(self, position: float) -> None:
        """Go to a position and stay there."""
        self.position = min(max(position, 0.0), 1.0)
        self._held = 0.0
