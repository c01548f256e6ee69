"""Movies: the run from beginning to end in pictures of equal distance, streamed into an encoder."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from explorer.base.params import param
from explorer.export.base import Exporter, ExportError, Outline, Progress, expect
from explorer.export.page import Pixels, Renderer
from explorer.export.replay import Replay

if TYPE_CHECKING:
    import av

#: A picture as the encoder takes it.
Framer: TypeAlias = "Callable[[Pixels], av.VideoFrame]"
#: Where in the movie the size of a file is sampled, and how many neighbouring pictures there.
SAMPLES, NEIGHBOURS = (0.15, 0.5, 0.85), 4
#: Pictures that may wait for the encoder: a 4K one has 33 MB.
AHEAD = 2


@dataclass(frozen=True)
class Movie(Exporter):
    """A movie. Subclasses say how a picture becomes a frame and what the encoder is told."""

    kind: ClassVar[str] = "movie"
    #: Names that FFmpeg knows: of the file format, the encoder and its pixels.
    container: ClassVar[str]
    codec: ClassVar[str]
    pixel_format: ClassVar[str]

    width: int = param(1280, "Width", unit="px", low=320, high=3840, minimum=16, maximum=7680)
    height: int = param(720, "Height", unit="px", low=240, high=2160, minimum=16, maximum=4320)
    fps: int = param(30, "Frame rate", low=5, high=60, minimum=1, maximum=120)
    seconds: float = param(
        8.0,
        "Length",
        unit="s",
        low=2.0,
        high=30.0,
        minimum=0.1,
        maximum=600.0,
        help="How long the run plays.",
    )
    hold: float = param(
        1.0,
        "Hold last frame",
        unit="s",
        low=0.0,
        high=5.0,
        maximum=60.0,
        help="How long the last image stays.",
    )

    @abstractmethod
    def options(self) -> Mapping[str, str]:
        """What the encoder is told."""

    def container_options(self) -> Mapping[str, str]:
        """What the writer of the file format is told."""
        return {}

    def framer(self, stream: av.VideoStream, samples: Sequence[Pixels]) -> Framer:
        """Tell the encoder the rest, and say how pictures, such as `samples`, become frames."""
        return plain_frame

    @property
    def pixel_size(self) -> tuple[int, int]:
        """Width and height of the file."""
        return self.width, self.height

    @property
    def moving(self) -> int:
        """How many pictures the run is shown in, without those that hold the end."""
        return max(2, round(self.seconds * self.fps))

    def outline(self, replay: Replay) -> Outline:
        frames = self.moving + round(self.hold * self.fps)
        return Outline(*self.pixel_size, frames, frames / self.fps)

    def shots(self, replay: Replay) -> list[tuple[int, ...]]:
        """The frame of each track in every picture."""
        count = self.outline(replay).frames
        positions = (min(k / (self.moving - 1), 1.0) for k in range(count))
        return [replay.indices(position) for position in positions]

    def produce(self, replay: Replay, path: Path, renderer: Renderer) -> Iterator[Progress]:
        shots = self.shots(replay)
        # what all frames share, a palette say, must suit the whole run
        samples = [self._draw(replay, shots[i], renderer) for i in self.sampled(len(shots))]
        with _encoder_errors(), _Encoder(self, path, samples, replay.caption) as encoder:
            before, pixels = None, None
            for done, shot in enumerate(shots, start=1):
                if shot != before or pixels is None:
                    before, pixels = shot, self._draw(replay, shot, renderer)
                encoder.add(pixels)
                yield Progress(done, len(shots))

    def sampled(self, count: int) -> list[int]:
        """Which of `count` pictures `framer` is to see; none where it needs none."""
        return []

    def _draw(self, replay: Replay, shot: tuple[int, ...], renderer: Renderer) -> Pixels:
        return renderer.pixels(replay.page(shot, *self.pixel_size, renderer, moving=True))

    def check(self, path: Path, replay: Replay) -> None:
        import av

        outline = self.outline(replay)
        with _encoder_errors(), av.open(str(path)) as file:
            (stream,) = file.streams.video
            expect((stream.width, stream.height), self.pixel_size, "size")
            expect(sum(1 for p in file.demux(stream) if p.size), outline.frames, "frames")

    def size(self, replay: Replay, renderer: Renderer) -> int:
        shots = self.shots(replay)
        distinct = list(dict.fromkeys(shots))
        first, each = 0.0, 0.0
        for place in SAMPLES:
            start = max(0, min(round(place * len(distinct)), len(distinct) - NEIGHBOURS))
            pictures = [self._draw(replay, s, renderer) for s in distinct[start : start + NEIGHBOURS]]
            alone, together = self._encoded(pictures[:1]), self._encoded(pictures)
            first += alone / len(SAMPLES)
            each += (together - alone) / max(len(pictures) - 1, 1) / len(SAMPLES)
        return round(first + each * (len(distinct) - 1))

    def _encoded(self, pictures: Sequence[Pixels]) -> int:
        """Bytes of a movie of these pictures."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"sample{self.suffix}"
            with _encoder_errors(), _Encoder(self, path, pictures, "") as encoder:
                for pixels in pictures:
                    encoder.add(pixels)
            return path.stat().st_size


def plain_frame(pixels: Pixels) -> av.VideoFrame:
    """A picture as it is."""
    import av

    return av.VideoFrame.from_ndarray(pixels, format="bgra")


class _Encoder:
    """Pictures in, a file out, in a thread of its own: it encodes while the next picture is drawn.

    After an exception the file is left unfinished: it is about to be removed.
    """

    def __init__(self, movie: Movie, path: Path, samples: Sequence[Pixels], title: str) -> None:
        import av

        self._count, self._tick = 0, Fraction(1, movie.fps)
        options = dict(movie.container_options())
        self._file = av.open(str(path), "w", format=movie.container, options=options)
        if title:
            self._file.metadata["title"] = title
        stream = self._file.add_stream(movie.codec, rate=movie.fps, options=dict(movie.options()))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = movie.pixel_size
        stream.pix_fmt = movie.pixel_format
        stream.codec_context.time_base = self._tick
        self._stream, self._framed = stream, movie.framer(stream, samples)
        self._thread = ThreadPoolExecutor(1, "encode")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> _Encoder:
        return self

    def add(self, pixels: Pixels) -> None:
        """Take the next picture, which nobody may change any more; waits while `AHEAD` are not encoded yet."""
        self._waiting.append(self._thread.submit(self._encode, pixels, self._count))
        self._count += 1
        while len(self._waiting) > AHEAD:
            self._waiting.popleft().result()

    def _encode(self, pixels: Pixels, number: int) -> None:
        frame = self._framed(pixels)
        frame.pts, frame.time_base = number, self._tick
        self._file.mux(self._stream.encode(frame))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(cancel_futures=kind is not None)
        if kind is None:
            try:
                self._finish()
                return
            except BaseException:
                self._abandon()
                raise
        self._abandon()

    def _finish(self) -> None:
        for picture in self._waiting:
            picture.result()
        self._file.mux(self._stream.encode(None))
        self._file.close()

    def _abandon(self) -> None:
        with suppress(Exception):  # the first error is the one to tell
            self._file.close()


@contextmanager
def _encoder_errors() -> Iterator[None]:
    """FFmpeg's own errors, those that are no OSError, as an ExportError."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise ExportError(f"the encoder failed ({error.strerror or error})") from error
