"""States of the window with pictures as data, and with a control on the stage, for tools/shots.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from shot_states import STATES, State, laboratory, state

if TYPE_CHECKING:
    from shots import Photographer


def _pictures(p: Photographer, name: str = "mnist") -> None:
    """A set of pictures as data, with the sampler that suits it."""
    from explorer.data.images import IMAGES

    p.edit("data", IMAGES[name]())
    p.wait(lambda: p.experiment.data.name == name, "the pictures")


def _look(p: Photographer, **fields: object) -> None:
    p.window.edit_look(replace(p.window.session.document.look, **fields))


def _seen(p: Photographer, position: float, **look: object) -> Iterator[None]:
    """The run at a position, with layers set; those are set back afterwards."""
    before = p.window.session.document.look
    _look(p, **look)
    p.settle(position)
    if p.window.session.document.experiment.control.name != "none":
        p.card = p.window.control
    yield
    p.window.edit_look(before)


@state
def pictures(p: Photographer) -> Iterator[None]:
    _pictures(p)
    yield from _seen(p, 1.0, sheet="sheet")


@state
def pictures_parts(p: Photographer) -> Iterator[None]:
    _pictures(p)
    yield from _seen(p, 0.6)


@state
def pictures_compare(p: Photographer) -> Iterator[None]:
    _pictures(p)
    p.window.commands.compare()
    yield from _seen(p, 1.0, sheet="sheet")


@state
def pictures_film(p: Photographer) -> Iterator[None]:
    _pictures(p)
    yield from _seen(p, 0.8, picture=3, nearest=True)


@state
def pictures_plane(p: Photographer) -> Iterator[None]:
    _pictures(p)
    yield from _seen(p, 0.9, sheet="plane", plane="three")


@state
def pictures_class(p: Photographer) -> Iterator[None]:
    _pictures(p)
    card = p.window.control
    card.choose("class_guidance")
    card.classes._rows[0].buttons()[4].click()
    yield from _seen(p, 1.0, sheet="sheet")


@state
def pictures_inpaint(p: Photographer) -> Iterator[None]:
    from explorer.guidance import CONTROLS

    _pictures(p)
    five = int((p.experiment.data.held_out.labels == 5).nonzero()[0][0])
    p.edit("control", CONTROLS["inpaint_picture"](picture=five, mask="lower"))
    yield from _seen(p, 1.0, sheet="sheet")


@state
def pictures_colourise(p: Photographer) -> Iterator[None]:
    from explorer.guidance import CONTROLS

    _pictures(p, "twemoji")
    p.edit("control", CONTROLS["colourise"]())
    yield from _seen(p, 1.0, sheet="sheet")


@state
def control_class(p: Photographer) -> Iterator[None]:
    from explorer.data.distributions import DISTRIBUTIONS
    from explorer.guidance import CONTROLS

    p.edit("data", DISTRIBUTIONS["pinwheel"]())
    p.edit("control", CONTROLS["class_guidance"](label=1, weight=2.0))
    yield from _seen(p, 0.9)


#: Laboratories for pictures; those that take minutes with less than they begin with.
LABORATORIES: dict[str, dict[str, object]] = {
    "film": {}, "picture_codes": {}, "picture_bits": {"steps": 12}, "drawing": {}, "nearest": {},
    "picture_snr": {"steps": 25, "pictures": 3},
}  # fmt: skip


def _laboratory(name: str) -> State:
    def show(p: Photographer) -> Iterator[None]:
        _pictures(p)
        yield from laboratory(name, **LABORATORIES[name])(p)

    return show


STATES |= {f"lab_{name}": _laboratory(name) for name in LABORATORIES}
