"""Pictures as SVG: one element for each dot, line and word, so that a figure can be edited afterwards."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from explorer.camera import Camera, Size
from explorer.marks import Arrows, Curve, Drawn, Image, Points, Segments, Text
from explorer.theme import FONT_FAMILIES, LEVELS, Theme, color, lut
from explorer.ui import geometry, legend, text
from explorer.ui.canvas_painter import DASH, RING, RING_ALPHA, colored
from explorer.ui.layout import Fill, Label, Pane, Sheet

_FONTS = ", ".join(f"'{name}'" for name in FONT_FAMILIES) + ", sans-serif"
#: Times that a pixel of a crisp picture is repeated at most.
CRISP = 8
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def write(sheet: Sheet, theme: Theme) -> bytes:
    """The sheet as an SVG file."""
    width, height = sheet.width, sheet.height
    parts = [
        f'{_HEAD}<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="{_FONTS}">',
    ]
    parts += [_fill(fill, theme) for fill in sheet.fills]
    for i, pane in enumerate(sheet.panes):
        parts += _pane(pane, theme, sheet.scale, f"pane{i}")
    parts += [_label(label, theme) for label in sheet.labels]
    return "\n".join([*parts, "</svg>\n"]).encode()


def _pane(pane: Pane, theme: Theme, scale: float, name: str) -> Iterator[str]:
    x, y, width, height = pane.rect
    rect = f'<rect width="{width}" height="{height}"'
    # In defs, or programs that cannot clip would draw the clip path.
    yield f'<defs><clipPath id="{name}">{rect}/></clipPath></defs>'
    yield f'<g transform="translate({x} {y})" clip-path="url(#{name})">{rect} fill="{theme.stage}"/>'
    size = (width, height)
    for mark in legend.laid_out(pane.marks, pane.camera, size, theme, scale):
        yield from _mark(mark, pane.camera, size, theme, scale)
    yield "</g>"


def _mark(mark: Drawn, camera: Camera, size: Size, theme: Theme, scale: float) -> Iterator[str]:
    match mark:
        case Points():
            yield from _points(mark, camera, size, theme, scale)
        case Segments():
            yield from _segments(mark, camera, size, theme, scale)
        case Arrows():
            yield from _arrows(mark, camera, size, theme, scale)
        case Curve():
            yield from _curve(mark, camera, size, theme, scale)
        case Image():
            yield from _image(mark, camera, size, theme)
        case Text():
            yield from _text(mark, camera, size, theme, scale)
        case _:
            assert_never(mark)


def _n(value: float) -> str:
    """A number of pixels, to a hundredth, as short as it goes."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _shades(values: NDArray[np.floating], colormap: str, theme: Theme) -> list[str]:
    table = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in lut(colormap, theme)[:, :3].tolist()]
    return [table[i] for i in geometry.levels(values, LEVELS)]


def _points(mark: Points, camera: Camera, size: Size, theme: Theme, scale: float) -> Iterator[str]:
    centres, seen = geometry.points(mark, camera, size, scale)
    radius, ring = _n(mark.size * scale / 2), _n(RING * scale * 2)
    # The ring is a stroke painted first, half of it under the dot.
    rim = f' stroke="{theme.stage}" stroke-width="{ring}" stroke-opacity="{RING_ALPHA}" paint-order="stroke"'
    # Each dot has the opacity, not the group of them: a crowd is denser than one.
    yield f'<g fill="{color(theme, mark.color)}" fill-opacity="{_n(mark.alpha)}"{rim if mark.ring else ""}>'
    fills = [""] * len(seen)
    if mark.values is not None:
        shades = _shades(np.ravel(mark.values)[seen], mark.colormap, theme)
        fills = [f' fill="{shade}"' for shade in shades]
    for (x, y), fill in zip(centres.tolist(), fills, strict=True):
        yield f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{radius}"{fill}/>'
    yield "</g>"


def _stroked(mark: Segments | Arrows | Curve, theme: Theme, scale: float) -> str:
    return (
        f'<g fill="none" stroke="{color(theme, mark.color)}" stroke-width="{_n(mark.width * scale)}"'
        f' opacity="{_n(mark.alpha)}" stroke-linecap="round" stroke-linejoin="round">'
    )


def _segments(mark: Segments, camera: Camera, size: Size, theme: Theme, scale: float) -> Iterator[str]:
    lines, seen = geometry.segments(mark, camera, size, scale)
    fade = np.ones(len(seen)) if mark.fade is None else np.nan_to_num(np.ravel(mark.fade)[seen])
    # As the dots: each line has its opacity, so that many of them on one place are seen.
    yield _stroked(replace(mark, alpha=1.0), theme, scale)
    for (x1, y1, x2, y2), opacity in zip(lines.tolist(), (mark.alpha * fade).tolist(), strict=True):
        shade = "" if opacity >= 1 else f' stroke-opacity="{_n(opacity)}"'
        yield f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"{shade}/>'
    yield "</g>"


def _arrows(mark: Arrows, camera: Camera, size: Size, theme: Theme, scale: float) -> Iterator[str]:
    lines, which = geometry.arrows(mark, camera, size, scale)
    shades = None if mark.values is None else _shades(mark.values, mark.colormap, theme)
    yield _stroked(mark, theme, scale)
    for arrow, members in geometry.groups(which):
        path = "".join(f"M{_n(a)} {_n(b)}L{_n(c)} {_n(d)}" for a, b, c, d in lines[members].tolist())
        stroke = f' stroke="{shades[arrow]}"' if shades else ""
        yield f'<path d="{path}"{stroke}/>'
    yield "</g>"


def _curve(mark: Curve, camera: Camera, size: Size, theme: Theme, scale: float) -> Iterator[str]:
    dash = f' stroke-dasharray="{_n(DASH[0] * scale)} {_n(DASH[1] * scale)}"' if mark.dash else ""
    yield _stroked(mark, theme, scale)
    for run in geometry.runs(mark, camera, size, scale):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in run.tolist())
        yield f'<polyline points="{points}"{dash}/>'
    yield "</g>"


def _image(mark: Image, camera: Camera, size: Size, theme: Theme) -> Iterator[str]:
    patch = geometry.image(mark, camera, size)
    if patch is None:
        return
    pixels = colored(patch[0], mark.colormap, theme)
    smooth = geometry.smoothed(mark, pixels.shape, patch[1])
    if not smooth:  # many programs smooth whatever one tells them
        times = min(max(round(patch[1][2] / pixels.shape[1]), 1), CRISP)
        pixels = np.ascontiguousarray(pixels.repeat(times, axis=0).repeat(times, axis=1))
    rows, columns = pixels.shape
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32).save(buffer, "PNG")  # type: ignore[call-overload]
    data = base64.b64encode(buffer.data().data()).decode()
    x, y, width, height = (_n(v) for v in patch[1])
    crisp = "" if smooth else ' style="image-rendering:pixelated"'
    yield (
        f'<image x="{x}" y="{y}" width="{width}" height="{height}" opacity="{_n(mark.alpha)}"'
        f' preserveAspectRatio="none"{crisp} href="data:image/png;base64,{data}"/>'
    )


def _text(mark: Text, camera: Camera, size: Size, theme: Theme, scale: float) -> Iterator[str]:
    x, y = camera.to_pixels(mark.xy, size)
    if np.isfinite([x, y]).all():
        start = text.baseline(mark, (x, y), scale)
        fill = color(theme, mark.color)
        # Two elements, because many programs know nothing of paint-order and would paint the rim on top.
        rim = f' stroke="{theme.stage}" stroke-opacity="{text.HALO_ALPHA}"'
        rim += f' stroke-width="{_n(text.HALO * scale)}" stroke-linejoin="round" aria-hidden="true"'
        for more in (rim, ""):
            yield _words(start.x(), start.y(), mark.text, mark.size * scale, fill, more)


def _fill(fill: Fill, theme: Theme) -> str:
    x, y, width, height = fill.rect
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{color(theme, fill.color)}"/>'


def _label(label: Label, theme: Theme) -> str:
    weight = ' font-weight="600"' if label.bold else ""
    return _words(label.x, label.y, label.text, label.size, color(theme, label.color), weight)


def _words(x: float, y: float, words: str, size: float, fill: str, more: str) -> str:
    # XML 1.0 has no way to write control characters.
    clean = escape("".join(c for c in words if c.isprintable()))
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill={quoteattr(fill)}{more}>{clean}</text>'
