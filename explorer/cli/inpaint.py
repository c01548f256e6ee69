"""inpaint: a part of one picture is known; fill in the rest, several times, into one sheet."""

from __future__ import annotations

import math
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from explorer.cli.common import (
    DASH,
    advise,
    files_read,
    load_model,
    model_argument,
    naming,
    noted,
    print_json,
    progress,
    read_document,
    resolved,
    spare_images,
    target,
    warn,
    with_model,
)
from explorer.cli.errors import Failed, Parser, WrongUse
from explorer.data.images import IMAGES, ImageSet, to_pixels
from explorer.data.images.base import PictureMixture
from explorer.data.images.folder import Folder, agree, read
from explorer.data.imports.images import levels_of
from explorer.diffusion.sdes import SDES
from explorer.experiment.defaults import MOST_PICTURES, in_mode, with_data
from explorer.experiment.schema import Experiment
from explorer.guidance import CONTROLS, masks
from explorer.guidance.images import METHODS, PictureProblem
from explorer.guidance.own_image import own_levels
from explorer.session import document
from explorer.session.document import Document

PROBLEMS = ("inpaint_picture", "colourise", "super_resolve")
MODES = ("ode", "reverse", "pc")
#: Screen pixels to a pixel of a picture, and between two pictures.
ZOOM, GAP = 4, 4


def main(program: str, argv: list[str]) -> int:
    """Fill in."""
    options = _parser(program).parse_args(argv)
    given = files_read(options)
    out = target(options.out, given, stdout=False)
    save = None if options.save is None else target(options.save, [*given, out], "--save", stdout=False)
    if Path(out).suffix.lower() != ".png":
        raise WrongUse(f"--out {out}: the sheet is a picture; its name must end in .png.")
    model = load_model(options.model)
    with naming({"sampler.steps": "--steps", "experiment.seed": "--seed"}):
        made = with_model(Document(_experiment(options)), model)
    e = made.experiment
    spare_images(e.data, [out, save or DASH])
    mixture = cast(PictureMixture, e.data.mixture)
    refusal = e.control.refusal(mixture)
    if refusal:
        raise WrongUse(refusal)
    if save is not None:
        document.write(save, made)
    began = time.perf_counter()
    x, nfe = _filled(e, model)
    seconds = time.perf_counter() - began
    control = cast(PictureProblem, e.control)
    known = control.known(mixture)
    _write(out, [control.levels(mixture), control.shown(mixture), *_levels(x, mixture.picture)])
    counted = {"pictures": len(x), "known": len(known.y), "of": known.dim, "nfe": nfe}
    print_json({"out": out} | counted | {"seconds": round(seconds, 3)})
    return 0


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        description="Fill in what is not known of a picture. The sheet holds the picture, what is known of it, and the "
        "samples. Known pixels stay as they are, to the last bit.",
    )
    parser.add_argument(
        "--data", default="mnist", metavar="NAME", help="a set of pictures (default mnist), a folder of one's own, or "
        "an experiment file whose data are pictures",
    )  # fmt: skip
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--picture", type=int, default=0, metavar="I", help="number of a held-out picture (default 0)"
    )
    which.add_argument("--image", metavar="FILE", help="a picture of one's own, brought to the set's size")
    parser.add_argument(
        "--problem", choices=PROBLEMS, default="inpaint_picture", help="what is known (default: some pixels)"
    )
    parser.add_argument(
        "--mask", default="right", metavar="MASK",
        help=f"what is painted out: {', '.join(masks.PRESETS)}, or a PNG that is white there (default right)",
    )  # fmt: skip
    parser.add_argument("--factor", choices=("2", "4"), default="4", help="of super-resolution (default 4)")
    parser.add_argument("--method", choices=list(METHODS), default="tweedie", help="default: tweedie")
    parser.add_argument("--n", type=int, default=16, metavar="N", help="fillings (default 16)")
    parser.add_argument("--sde", choices=list(SDES), default="vp", help="the process (default vp)")
    parser.add_argument("--mode", choices=MODES, default="ode", help="of the sampler (default ode)")
    parser.add_argument(
        "--steps", type=int, metavar="N", help="of the sampler (default: what suits the mode)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="SEED", help="fixes the noise (default 0)")
    parser.add_argument(
        "--exact", action="store_true", help="with the exact score of the set, which only remembers"
    )
    model_argument(parser)
    parser.add_argument("--out", required=True, metavar="SHEET.png", help="where to write the sheet")
    parser.add_argument("--save", metavar="E.json", help="write the experiment too, to open in the window")
    return parser


def _experiment(options: Namespace) -> Experiment:
    """The experiment that the options mean."""
    if not 1 <= options.n <= MOST_PICTURES:
        raise WrongUse(f"--n must be between 1 and {MOST_PICTURES}, not {options.n}.")
    data = _data(options.data)
    e = with_data(Experiment(seed=options.seed), data)
    sampler = replace(in_mode(e, options.mode), particles=options.n)
    if options.steps is not None:
        sampler = replace(sampler, steps=options.steps)
    score = replace(e.score, source="exact") if options.exact else e.score
    control = CONTROLS[options.problem](**_control_fields(options, data))
    return replace(
        e, sde=SDES[options.sde].suited(pictures=True), sampler=sampler, score=score, control=control
    )


def _data(given: str) -> ImageSet:
    """The set of that name, the pictures of a folder, or those of an experiment file."""
    sets = [name for name, cls in IMAGES.items() if cls.builtin]
    if given in sets:
        return IMAGES[given]()
    if Path(given).is_dir():
        place = str(Path(given).absolute())
        agree(place)
        own = read(Folder(path=place))
        warn(own.found.sentence)
        return own
    if not Path(given).is_file():
        raise WrongUse(
            f"--data: there are no pictures {given!r}; there are: {', '.join(sets)}, or name a folder of your own."
        )
    data = read_document(given, ()).experiment.pictures
    if data is None:
        raise WrongUse(f"--data {given}: its data are points, not pictures.")
    return data


def _control_fields(options: Namespace, data: ImageSet) -> dict[str, Any]:
    count = len(data.held_out)
    if options.image is None and not 0 <= options.picture < count:
        raise WrongUse(f"--picture {options.picture}: the held-out pictures are 0 to {count - 1}.")
    fields: dict[str, Any] = {"picture": options.picture, "method": options.method}
    if options.image is not None:
        fields["own"], said = own_levels(options.image, data)
        warn(said)
    if options.problem == "inpaint_picture":
        fields["mask"] = _mask(options.mask, data.size)
    if options.problem == "super_resolve":
        fields["factor"] = options.factor
    return fields


def _mask(given: str, size: tuple[int, int, int]) -> str:
    """A preset, or the bits of a picture that is white where the pixels are painted out."""
    if given in masks.PRESETS:
        return given
    if not Path(given).is_file():
        raise WrongUse(
            f"--mask: there is no file or preset {given!r}; the presets are {', '.join(masks.PRESETS)}."
        )
    out = levels_of(Path(given), (1, *size[1:]))[0] > 127
    if not out.any():
        raise WrongUse(f"--mask {given}: no pixel of it is white, so nothing is painted out.")
    return masks.encoded(out)


def _filled(e: Experiment, model: Any) -> tuple[np.ndarray, int]:
    """The samples (n, d), and evaluations of the network for each."""
    answer = resolved(e, model)
    advise(e)
    from explorer.diffusion.simulate import simulate

    frames = noted(simulate(e.sde, e.sampler, answer.score, e.target, e.seed))
    *_, last = progress(frames, e.sampler.expected_frames, "filling in", " frames")
    return last.x, last.nfe


def _levels(x: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """Samples (n, d) as levels (n, c, h, w)."""
    return np.moveaxis(to_pixels(x, size), -1, 1)


def _write(out: str, pictures: list[np.ndarray]) -> None:
    """Pictures (c, h, w) side by side in rows, enlarged, as a PNG."""
    from PIL import Image

    from explorer.base.files import write_atomically

    columns = math.ceil(math.sqrt(len(pictures)))
    _, h, w = pictures[0].shape
    rows = math.ceil(len(pictures) / columns)
    high, wide = ZOOM * h + GAP, ZOOM * w + GAP
    sheet = np.full((GAP + rows * high, GAP + columns * wide, 3), 128, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = GAP + i // columns * high, GAP + i % columns * wide
        tile = np.moveaxis(picture, 0, -1).repeat(ZOOM, 0).repeat(ZOOM, 1)
        sheet[top : top + ZOOM * h, left : left + ZOOM * w] = tile
    try:
        with write_atomically(out) as temporary:
            Image.fromarray(sheet).save(temporary, "PNG")
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror or error}.") from error
