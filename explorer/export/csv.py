"""CSV of trajectories in the long format: one row for each particle of each frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from explorer.base.params import param
from explorer.base.printable import printable
from explorer.data.distributions.units import Units, axis_names, header
from explorer.diffusion.frames import Frame
from explorer.export.base import EXPORTERS, Exporter, Outline, Progress, expect, units_param
from explorer.export.page import Renderer
from explorer.export.replay import Replay, Track


@EXPORTERS.register("csv", title="Table", order=80)
@dataclass(frozen=True)
class Csv(Exporter):
    """Columns frame, t, particle, x, y (of pictures x1, x2, ...); where two runs are compared, stage before them.

    With a caption, a line above them that begins with # says what was run, and with which score.
    """

    suffix: ClassVar[str] = ".csv"
    kind: ClassVar[str] = "data"
    about: ClassVar[str] = "Every position of every particle as rows of text, for spreadsheets and R."

    every: int = param(
        1, "Every", unit="frames", low=1, high=50, minimum=1, maximum=10_000, log=True,
        help="Only every so many frames are written, and always the last.",
    )  # fmt: skip
    units: str = units_param()

    def outline(self, replay: Replay) -> Outline:
        return Outline(0, 0, len(self._rows(replay)))

    def _rows(self, replay: Replay) -> list[tuple[str, int, Frame]]:
        """(stage, number, frame) of the frames that are written."""
        rows = []
        for track, stage in zip(replay.tracks, ("A", "B"), strict=False):
            last = len(track.recording) - 1
            kept = [i for i in range(last + 1) if i % self.every == 0 or i == last]
            rows += [(stage if len(replay.tracks) > 1 else "", i, track.recording[i]) for i in kept]
        return rows

    def produce(self, replay: Replay, path: Path, renderer: Renderer) -> Iterator[Progress]:
        rows = self._rows(replay)
        with path.open("w", encoding="utf-8", newline="") as file:
            units = self._units(replay)
            file.write(_comment(replay) + _header(replay.tracks, units))
            for done, row in enumerate(rows, start=1):
                file.write(_text(*row, units))
                yield Progress(done, len(rows))

    def _units(self, replay: Replay) -> Units | None:
        """Those of both runs, which are on the same data."""
        return replay.tracks[0].experiment.data.units_in(self.units)

    def check(self, path: Path, replay: Replay) -> None:
        due = 1 + bool(_comment(replay)) + sum(len(frame.x) for _, _, frame in self._rows(replay))
        with path.open("rb") as file:
            found = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        expect(found, due, "rows")

    def size(self, replay: Replay, renderer: Renderer) -> int:
        rows = self._rows(replay)
        sample = rows[:: max(1, len(rows) // 4)]
        units = self._units(replay)
        written = sum(len(_text(*row, units)) for row in sample) / sum(len(frame.x) for _, _, frame in sample)
        return round(written * sum(len(frame.x) for _, _, frame in rows)) + 30 + len(_comment(replay))


def _comment(replay: Replay) -> str:
    """The caption as a comment of pandas (comment="#") and R (comment.char = "#"); none where it is switched off."""
    headings = [text for track in replay.tracks for text in (track.title, track.subtitle)]
    said = " · ".join(filter(None, (*headings, replay.caption)))
    return f"# {' '.join(printable(said).split())}\n" if replay.caption else ""


def _header(tracks: tuple[Track, ...], units: Units | None) -> str:
    names = [
        "frame",
        "t",
        "particle",
        *axis_names(units.columns if units else (), tracks[0].experiment.data.dim),
    ]
    return header([*(["stage"] if len(tracks) > 1 else []), *names])


def _text(stage: str, number: int, frame: Frame, units: Units | None) -> str:
    """The rows of one frame; nine digits are a float32 exactly."""
    start = f"{stage},{number},{frame.t:.9g}" if stage else f"{number},{frame.t:.9g}"
    row = start + ",%d" + ",%.9g" * frame.x.shape[1] + "\n"
    x = units.to_file(frame.x) if units else frame.x
    return "".join([row % (i, *point) for i, point in enumerate(x.tolist())])
