"""Colours: the tokens of the dark and the light theme, and the colour maps. Nothing here knows Qt.

One colour means one thing everywhere: a term of the equation, its arrow on the stage, its curve in a chart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.base.errors import Refused

Lut: TypeAlias = NDArray[np.uint8]

FONT_FAMILIES = ("Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "DejaVu Sans", "Noto Sans CJK SC")
MONO_FAMILIES = ("JetBrains Mono", "Cascadia Mono", "SF Mono", "DejaVu Sans Mono", "monospace")
LEVELS = 256
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Theme:
    """Roles and their colours as "#rrggbb"."""

    name: str
    background: str
    panel: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    drift: str
    score: str
    noise: str
    corrector: str
    data: str
    stage: str
    warn: str
    error: str

    @property
    def is_dark(self) -> bool:
        return self.name == "dark"


DARK = Theme(
    name="dark",
    background="#0e1116",
    panel="#151a21",
    raised="#1c232c",
    line="#2a323d",
    text="#e8ecf2",
    muted="#8d98a8",
    accent="#56b4e9",
    drift="#56b4e9",
    score="#2dd4bf",
    noise="#e69f00",
    corrector="#cc79a7",
    data="#f0e442",
    stage="#0b0e13",
    warn="#f2b84b",
    error="#ff7a70",
)

LIGHT = Theme(
    name="light",
    background="#f4f5f7",
    panel="#ffffff",
    raised="#eef1f5",
    line="#d8dde5",
    text="#1b2330",
    muted="#5e6b7d",
    accent="#0072b2",
    drift="#0072b2",
    score="#007f6e",
    noise="#b86e00",
    corrector="#a8487f",
    data="#8a7a00",
    stage="#ffffff",
    warn="#9a5b00",
    error="#b3261e",
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}
ROLES = tuple(field.name for field in fields(Theme) if field.name != "name")


def theme(name: str) -> Theme:
    """The theme called "dark" or "light"."""
    try:
        return THEMES[name]
    except KeyError:
        raise Refused(f"no theme is called {name!r}: choose one of {', '.join(THEMES)}") from None


def color(theme: Theme, role_or_hex: str) -> str:
    """The "#rrggbb" that a role has in this theme; a "#rrggbb" stands for itself."""
    if role_or_hex in ROLES:
        return str(getattr(theme, role_or_hex))
    if _HEX.fullmatch(role_or_hex):
        return role_or_hex.lower()
    raise Refused(f"{role_or_hex!r} is neither a color like #56b4e9 nor one of {', '.join(ROLES)}")


def rgb(theme: Theme, role_or_hex: str) -> tuple[int, int, int]:
    """The same as three numbers from 0 to 255."""
    code = color(theme, role_or_hex)
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def _samples(name: str, start: float = 0.0, stop: float = 1.0) -> NDArray[np.float64]:
    # cmap takes a noticeable part of a second to import, and not every run draws.
    from cmap import Colormap

    return np.asarray(Colormap(name)(np.linspace(start, stop, LEVELS)), np.float64)


def _density(theme: Theme) -> NDArray[np.float64]:
    """cmocean's ice, turned so that nothing has the colour of the stage.

    It stops short of its brightest (darkest) end, where particles could not be told from their density.
    """
    colors = _samples("cmocean:ice", 0.0, 0.72) if theme.is_dark else _samples("cmocean:ice", 1.0, 0.48)
    stage = np.array([*rgb(theme, "stage"), 255]) / 255
    weight = np.clip(1 - np.arange(LEVELS) / (0.12 * LEVELS), 0, 1)[:, None]
    return weight * stage + (1 - weight) * colors


def _difference(theme: Theme) -> NDArray[np.float64]:
    """Diverging, with a middle as dark (as light) as the stage."""
    return _samples("crameri:berlin" if theme.is_dark else "crameri:vik")


_PLAIN = {"batlow": "crameri:batlow", "viridis": "bids:viridis", "cividis": "cividis:cividis"}
_THEMED = {"density": _density, "difference": _difference}
COLORMAPS = (*_THEMED, *_PLAIN)


@cache
def lut(name: str, theme: Theme) -> Lut:
    """A colour map as a read-only table (256, 4) of red, green, blue, alpha from 0 to 255."""
    if name in _THEMED:
        table = _THEMED[name](theme)
    elif name in _PLAIN:
        table = _samples(_PLAIN[name])
    else:
        raise Refused(f"no color map is called {name!r}: choose one of {', '.join(COLORMAPS)}")
    out = np.rint(np.clip(table, 0, 1) * 255).astype(np.uint8)
    out.flags.writeable = False
    return out
