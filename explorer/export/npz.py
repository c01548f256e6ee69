"""NPZ of trajectories: an archive of arrays, streamed frame by frame and the same bytes for the same run."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from explorer.data.distributions.units import Units
from explorer.data.images import to_pixels
from explorer.diffusion.frames import Frame
from explorer.export.base import EXPORTERS, Exporter, Outline, Progress, expect, units_param
from explorer.export.page import Renderer
from explorer.export.replay import Replay, Track
from explorer.session.document import Document, dumps

#: Zip files carry dates; one for all, so that the bytes depend on the run alone. (Zip begins in 1980.)
_DATE = (1980, 1, 1, 0, 0, 0)
#: What the arrays of the second run have after their names.
_BESIDE = "_b"
#: About what the headers of the archive and its arrays take.
_HEADERS = 1500


@EXPORTERS.register("npz", title="NumPy arrays", order=70)
@dataclass(frozen=True)
class Npz(Exporter):
    """t (frames,), x (frames, particles, d), nfe (frames,), the experiment as JSON text, and in `score` which score
    was used; of B with _b.

    Of pictures also `pictures` (n, h, w, c), uint8: those of the last frame. In the units of a file of points (float64)
    also `columns`, `shift` and `scale` (d,): x = scale * (x in standard units) + shift.
    """

    suffix: ClassVar[str] = ".npz"
    kind: ClassVar[str] = "data"
    captioned: ClassVar[bool] = False
    about: ClassVar[str] = "Every position of every particle, for numpy.load: t, x, nfe and the experiment."

    units: str = units_param()

    def outline(self, replay: Replay) -> Outline:
        return Outline(0, 0, sum(len(track.recording) for track in replay.tracks))

    def produce(self, replay: Replay, path: Path, renderer: Renderer) -> Iterator[Progress]:
        total, done = self.outline(replay).frames, 0
        with zipfile.ZipFile(path, "w") as archive:
            for track, suffix in zip(replay.tracks, ("", _BESIDE), strict=False):
                frames = track.recording.frames
                said = _experiment_of(track, replay), track.resolved.named
                data = track.experiment.data
                units = data.units_in(self.units)
                for _ in write_run(archive, frames, len(frames), *said, suffix, data.picture, units):
                    done += 1
                    yield Progress(done, total)

    def check(self, path: Path, replay: Replay) -> None:
        with zipfile.ZipFile(path) as archive:
            expect(archive.testzip(), None, "a damaged array")
            for track, suffix in zip(replay.tracks, ("", _BESIDE), strict=False):
                due = (len(track.recording), *track.recording[0].x.shape)
                expect(_shape_of(archive, f"x{suffix}.npy"), due, "shape")

    def size(self, replay: Replay, renderer: Renderer) -> int:
        frames = [frame for track in replay.tracks for frame in track.recording.frames]
        words = sum(
            4 * len(_experiment_of(track, replay)) for track in replay.tracks
        )  # NumPy's text has 4 bytes a sign
        pictures = sum(t.recording[-1].x.size for t in replay.tracks if t.experiment.pictures)
        wide = 2 if replay.tracks[0].experiment.data.units_in(self.units) else 1
        return sum(wide * f.x.nbytes + 16 for f in frames) + pictures + words + _HEADERS * len(replay.tracks)


def _experiment_of(track: Track, replay: Replay) -> str:
    return dumps(Document(track.experiment, None, replay.look))


def write_run(
    archive: zipfile.ZipFile,
    frames: Iterable[Frame],
    count: int,
    experiment: str,
    score: str,
    suffix: str = "",
    picture: tuple[int, int, int] | None = None,
    units: Units | None = None,
) -> Iterator[Frame]:
    """Put the arrays of a run of `count` frames into an archive, handing each frame on as it goes in; `experiment`
    (JSON) and `score` (which one was used) as text.

    Where the data are pictures (c, h, w), those of the last frame are put in as such too. With `units` positions are in
    those of the file, and what they are is put in beside them.
    """

    def positions(frame: Frame) -> np.ndarray[Any, Any]:
        return units.to_file(frame.x) if units else frame.x

    times, nfe = [], []
    source = iter(frames)
    first = next(source)
    with archive.open(_member(f"x{suffix}.npy"), "w", force_zip64=True) as stream:
        stream.write(_header((count, *first.x.shape), positions(first).dtype))
        frame = first
        for frame in _chain(first, source):
            stream.write(np.ascontiguousarray(positions(frame)).data)
            times.append(frame.t)
            nfe.append(frame.nfe)
            yield frame
    expect(len(times), count, "frames")
    rest: dict[str, np.ndarray[Any, Any]] = {
        "t": np.array(times),
        "nfe": np.array(nfe, np.int64),
        "experiment": np.array(experiment),
        "score": np.array(score),
    }
    if units is not None:
        rest |= {
            "columns": np.array(units.columns),
            "shift": np.array(units.shift),
            "scale": np.array(units.scale),
        }
    if picture is not None:
        rest["pictures"] = to_pixels(frame.x, picture)
    for name, array in rest.items():
        out = BytesIO()
        np.save(out, array)
        archive.writestr(_member(f"{name}{suffix}.npy"), out.getvalue())


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, _DATE)


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    out = BytesIO()
    what = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, what)
    return out.getvalue()


def _shape_of(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    with archive.open(name) as stream:
        np.lib.format.read_magic(stream)
        return np.lib.format.read_array_header_1_0(stream)[0]
