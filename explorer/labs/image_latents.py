"""From one picture to another through their codes, beside the pixelwise way."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explorer.analysis.likelihood import linear, spherical
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion import noise
from explorer.diffusion.frames import Frame
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.guidance.images import checked_levels, own_param
from explorer.labs.base import LABS, Context, Lab, OwnPicture, Report
from explorer.labs.toolkit.density_parts import watched
from explorer.labs.toolkit.image_parts import (
    Row,
    as_far,
    flow,
    held_out,
    last_frame,
    levels,
    own_image,
    pictures_of,
    points,
    rms,
    seen,
    strip,
)

#: Places on a way to choose one from.
FINE = 1001
SOURCES = {"held_out": "Held out", "sheet": "The sheet", "own": "Your own"}
WAYS = {
    "pixels": ("pixels", "noise"),
    "linear": ("codes, line", "accent"),
    "spherical": ("codes, arc", "score"),
}


@LABS.register("picture_codes", title="Between two images", order=310)
@dataclass(frozen=True)
class PictureCodes(Lab):
    """Two pictures encoded by the ODE, what lies between their codes decoded, and the pixelwise mean beside it."""

    section = "pictures"
    for_points, for_pictures = False, True
    about = (
        "The probability-flow ODE takes two images to their codes. Points between the codes, on the line and on the "
        "arc, are decoded to images; between the images themselves lie only double exposures."
    )
    equation = (
        r"z_\lambda = (1 - \lambda) z_0 + \lambda z_1, \qquad "
        r"z_\lambda = \frac{\sin((1 - \lambda)\theta)\, z_0 + \sin(\lambda\theta)\, z_1}{\sin\theta}"
    )
    source = "Song et al. 2021, section 4.3 and appendix D.2; Shoemake 1985"

    own_pictures: ClassVar = {
        "own_0": OwnPicture("Open the first", {"source_0": "own"}),
        "own_1": OwnPicture("Open the second", {"source_1": "own"}),
    }

    place: float = param(
        0.5, "Place", symbol="λ", low=0.0, high=1.0, minimum=0.0, maximum=1.0,
        help="Where between the two the large images are.", equation="z(λ)",
    )  # fmt: skip
    source_0: str = param(
        "held_out", "First from", choices=SOURCES, help="Where the first image is taken from.",
        equation="a = x_{i₀}",
    )  # fmt: skip
    own_0: tuple[int, ...] = own_param()
    first: int = param(
        1, "First", symbol="i₀", low=1, high=100, minimum=1, maximum=10**6, visible=lambda s: s.source_0 != "own",
        help="Its number there, counted round where there are fewer.",
        equation="a = x_{i₀}",
    )  # fmt: skip
    source_1: str = param(
        "held_out", "Second from", choices=SOURCES, help="Where the second image is taken from.",
        equation="b = x_{i₁}",
    )  # fmt: skip
    own_1: tuple[int, ...] = own_param()
    second: int = param(
        2, "Second", symbol="i₁", low=1, high=100, minimum=1, maximum=10**6, visible=lambda s: s.source_1 != "own",
        help="Its number there, counted round where there are fewer.",
        equation="b = x_{i₁}",
    )  # fmt: skip
    places: int = param(
        7, "Places", symbol="n", low=3, high=13, minimum=3, maximum=25, help="Images on each way.",
        equation="u = 0, 1/(n − 1), …, 1",
    )  # fmt: skip
    steps: int = param(
        16, "Steps", symbol="N", low=4, high=64, minimum=1, maximum=500, log=True,
        help="RK4 steps each way, equal in log σ/α. With few the way there and back does not end where it began.",
        equation="N steps, 4N evaluations",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.own_pictures:
            object.__setattr__(self, name, checked_levels(getattr(self, name), f"picture_codes.{name}"))

    @classmethod
    def quick(cls) -> PictureCodes:
        return cls(places=3, steps=2)

    def unfit(self, experiment: Experiment) -> str:
        ends = {"first": (self.source_0, self.own_0), "second": (self.source_1, self.own_1)}
        for name, (source, own) in ends.items():
            if source == "own" and len(own) != experiment.data.dim:
                return f"There is no {name} image of your own of this size yet: open one."
        return ""

    def reports(self, context: Context) -> Iterator[Report]:
        ends = yield from self._ends(context)
        way = flow(context, self.steps)
        begun = _between(self, context, ends)
        yield as_far(begun, 0.1)
        codes = (yield from watched(way.encode(self._roughened(context, ends, way.start)), begun, 0.1, 0.3)).x
        kinds = {"linear": linear, "spherical": spherical}
        at = {name: _at(between(codes[0], codes[1], self.places), between(codes[0], codes[1], FINE), self.place)
              for name, between in kinds.items()}  # fmt: skip
        last = yield from watched(way.decode(torch.cat([*at.values(), codes])), begun, 0.3, 0.99)
        *found, back = last.x.split([self.places + 1] * 2 + [2])
        yield _Ways(self, context, ends, at, dict(zip(at, found, strict=True)), back, way.steps).report()

    def _roughened(self, context: Context, ends: torch.Tensor, start: float) -> torch.Tensor:
        """The pictures with the noise of the time where the flow starts, half a grey level.

        Without it an empty margin would be emptier than any x_t, and its code of length 0.
        """
        z = noise.normal(tuple(ends.shape), context.experiment.seed, noise.DATA, 3).double()
        return context.experiment.sde.perturb(ends, start, z)

    def _ends(self, context: Context) -> Generator[Report, None, torch.Tensor]:
        """The two pictures (2, d)."""
        data, frame = pictures_of(context.experiment), None
        chosen = []
        ends = ((self.source_0, self.first, self.own_0), (self.source_1, self.second, self.own_1))
        for source, number, own in ends:
            if source == "sheet":
                frame = (yield from _sheet(context)) if frame is None else frame
                chosen.append(_of(frame, number))
            else:
                chosen.append(points(held_out(data, number - 1) if source != "own" else own_image(own, data)))
        return torch.cat(chosen)


def _sheet(context: Context) -> Generator[Report, None, Frame]:
    empty = Figures(())
    return (yield from last_frame(context, context.experiment.sampler, lambda p: Report(empty, 0.1 * p)))


Figures = tuple[Figure, ...]


def _of(frame: Frame | None, number: int) -> torch.Tensor:
    assert frame is not None
    row = (number - 1) % len(frame.x)
    return torch.from_numpy(frame.x[row : row + 1]).double()


def _at(few: torch.Tensor, many: torch.Tensor, place: float) -> torch.Tensor:
    """The places of the strip, and last the one at λ."""
    return torch.cat([few, many[round(place * (len(many) - 1))][None]])


def _straight(lab: PictureCodes, ends: torch.Tensor) -> torch.Tensor:
    a, b = ends
    return _at(linear(a, b, lab.places), linear(a, b, FINE), lab.place)


def _between(lab: PictureCodes, context: Context, ends: torch.Tensor) -> Report:
    """The pixelwise way alone, which is there at once."""
    data = pictures_of(context.experiment)
    row = Row(WAYS["pixels"][0], seen(_straight(lab, ends)[:-1], data))
    return Report((strip("Between the two", (row,)),), 0.1, "Encoding the two images.")


@dataclass(frozen=True, eq=False)
class _Ways:
    """What was found: codes and pictures on both ways (places + 1, d), and both ends there and back (2, d)."""

    lab: PictureCodes
    context: Context
    ends: torch.Tensor
    codes: dict[str, torch.Tensor]
    found: dict[str, torch.Tensor]
    back: torch.Tensor
    steps: int

    @property
    def w(self) -> np.ndarray:
        return np.linspace(0, 1, self.lab.places)

    @property
    def ways(self) -> dict[str, torch.Tensor]:
        return {"pixels": _straight(self.lab, self.ends)} | self.found

    @property
    def lost(self) -> np.ndarray:
        """RMS difference of each end there and back (2,)."""
        return rms(self.back - self.ends)

    def report(self) -> Report:
        figures = (self._here(), self._strip(), self._norms(), self._table())
        arrays = {name: x.numpy() for name, x in self.ways.items()} | {"w": self.w, "lost": self.lost}
        return Report(figures, 1.0, self._words(), arrays)

    def _here(self) -> Picture:
        data = pictures_of(self.context.experiment)
        ways = self.ways
        x = torch.cat([self.ends[:1], *(v[-1:] for v in ways.values()), self.ends[1:]])
        under = ["first", *(WAYS[name][0] for name in ways), "second"]
        return strip(f"At λ = {self.lab.place:.2f}", (Row("", seen(x, data), under),))

    def _strip(self) -> Picture:
        data = pictures_of(self.context.experiment)
        nearest = int(np.abs(self.w - self.lab.place).argmin())
        shown = {name: seen(x[:-1], data) for name, x in self.ways.items()}
        rows = [Row(WAYS[name][0], pixels, marked=nearest) for name, pixels in shown.items()]
        rows[-1] = Row(rows[-1].word, rows[-1].pictures, [f"{w:.2f}" for w in self.w], nearest)
        return strip("Between the two", rows)

    def _norms(self) -> Plot:
        prior = self.context.experiment.sde.prior_std
        series = tuple(
            Series(WAYS[name][0], self.w, rms(z[:-1]) / prior, WAYS[name][1])
            for name, z in self.codes.items()
        )
        return Plot(
            "Length of the codes", "λ", "|z| / (σ_prior √d)", series,
            about="Nearly all of the prior lies at 1: the line cuts through where no code is.",
        )  # fmt: skip

    def _table(self) -> Table:
        rows = tuple(
            (word, levels(lost), float(rms(code[None])[0]) / self.context.experiment.sde.prior_std)
            for word, lost, code in zip(
                ("first", "second"), self.lost, self.codes["linear"][[0, -2]], strict=True
            )
        )
        return Table("There and back", ("picture", "difference, RMS", "length of its code"), rows)

    def _words(self) -> str:
        middle = rms(self.codes["linear"][self.lab.places // 2][None])[0] / rms(
            self.codes["spherical"][self.lab.places // 2][None]
        )[0]  # fmt: skip
        return (
            f"Encoding and decoding give both images back to {levels(float(self.lost.max()))} (RMS) with "
            f"{self.steps} steps each way. In the middle the line's code is {middle:.2f} times as long as the arc's."
        )
