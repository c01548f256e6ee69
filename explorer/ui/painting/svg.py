"""Pictures as SVG: one element for each dot, line and word, so that a figure can be edited afterwards."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QIODevice, QPointF
from PySide6.QtGui import QFont, QImage, QPainterPath

from explorer.base.printable import printable
from explorer.figures.camera import Camera, Size
from explorer.figures.marks import Arrows, Curve, Drawn, Image, Points, Segments, Text
from explorer.figures.papers import LEAST_LINE, points
from explorer.figures.theme import FONT_FAMILIES, LEVELS, Theme, color, lut
from explorer.ui.painting import geometry, legend, text
from explorer.ui.painting.canvas_painter import DASH, RING, RING_ALPHA, colored
from explorer.ui.painting.layout import Fill, Label, Pane, Rule, Sheet

_FONTS = ", ".join(f"'{name}'" for name in FONT_FAMILIES) + ", sans-serif"
#: Times that a pixel of a crisp picture is repeated at most.
CRISP = 8
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def write(sheet: Sheet, theme: Theme, mm: float | None = None, description: str = "") -> bytes:
    """The sheet as an SVG file, `mm` wide on paper where that is given."""
    width, height = sheet.width, sheet.height
    sides = (str(width), str(height)) if mm is None else (f"{mm:.6g}mm", f"{mm * height / width:.6g}mm")
    parts = [
        f'{_HEAD}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' width="{sides[0]}" height="{sides[1]}" viewBox="0 0 {width} {height}" font-family="{_FONTS}">',
    ]
    parts += [f"<desc>{escape(printable(description))}</desc>"] * bool(description)
    parts += [_fill(fill, theme) for fill in sheet.fills]
    least = 0.0 if mm is None else LEAST_LINE * width / points(mm)
    for i, pane in enumerate(sheet.panes):
        parts += _pane(pane, theme, sheet, f"pane{i}", least)
    parts += [_rule(rule, theme, least) for rule in sheet.rules]
    parts += [_label(label, theme) for label in sheet.labels]
    return "\n".join([*parts, "</svg>\n"]).encode()


def _pane(pane: Pane, theme: Theme, sheet: Sheet, name: str, least: float) -> Iterator[str]:
    x, y, width, height = pane.rect
    rect = f'<rect width="{width}" height="{height}"'
    # In defs, or programs that cannot clip would draw the clip path.
    yield f'<defs><clipPath id="{name}">{rect}/></clipPath></defs>'
    ground = "" if sheet.clear else f'{rect} fill="{theme.stage}"/>'
    yield f'<g transform="translate({x} {y})" clip-path="url(#{name})">{ground}'
    size = (width, height)
    for mark in legend.laid_out(pane.marks, pane.camera, size, theme, sheet.scale, paper=least > 0):
        scale = sheet.scale if isinstance(mark, Text) else sheet.marks
        yield from mark_elements(mark, pane.camera, size, theme, scale, least, clear=sheet.clear)
    yield "</g>"


def mark_elements(
    mark: Drawn,
    camera: Camera,
    size: Size,
    theme: Theme,
    scale: float,
    least: float = 0.0,
    outlined: bool = False,
    clear: bool = False,
) -> Iterator[str]:
    """The elements of a mark on a canvas of `size`, whose lines are `scale` times as thick but never thinner than
    `least`. `outlined`: letters as shapes, which need no font, instead of text that can be edited. `clear`: there is
    no ground."""
    match mark:
        case Points():
            yield from _points(mark, camera, size, theme, scale)
        case Segments():
            yield from _segments(mark, camera, size, theme, scale, least)
        case Arrows():
            yield from _arrows(mark, camera, size, theme, scale, least)
        case Curve():
            yield from _curve(mark, camera, size, theme, scale, least)
        case Image():
            yield from _image(mark, camera, size, theme, clear)
        case Text():
            yield from _text(mark, camera, size, theme, scale, outlined)
        case _:
            assert_never(mark)


def number(value: float) -> str:
    """A number of pixels, to a hundredth, as short as it goes."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _shades(values: NDArray[np.floating], colormap: str, theme: Theme) -> list[str]:
    table = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in lut(colormap, theme)[:, :3].tolist()]
    return [table[i] for i in geometry.levels(values, LEVELS)]


def _points(mark: Points, camera: Camera, size: Size, theme: Theme, scale: float) -> Iterator[str]:
    centres, seen = geometry.points(mark, camera, size, scale)
    radius, ring = number(mark.size * scale / 2), number(RING * scale * 2)
    # The ring is a stroke painted first, half of it under the dot.
    rim = f' stroke="{theme.stage}" stroke-width="{ring}" stroke-opacity="{RING_ALPHA}" paint-order="stroke"'
    # Each dot has the opacity, not the group of them: a crowd is denser than one.
    yield f'<g fill="{color(theme, mark.color)}" fill-opacity="{number(mark.alpha)}"{rim if mark.ring else ""}>'
    fills = [""] * len(seen)
    if mark.values is not None:
        shades = _shades(np.ravel(mark.values)[seen], mark.colormap, theme)
        fills = [f' fill="{shade}"' for shade in shades]
    for (x, y), fill in zip(centres.tolist(), fills, strict=True):
        yield f'<circle cx="{number(x)}" cy="{number(y)}" r="{radius}"{fill}/>'
    yield "</g>"


def _stroked(mark: Segments | Arrows | Curve, theme: Theme, scale: float, least: float) -> str:
    width = max(mark.width * scale, least)
    return (
        f'<g fill="none" stroke="{color(theme, mark.color)}" stroke-width="{number(width)}"'
        f' opacity="{number(mark.alpha)}" stroke-linecap="round" stroke-linejoin="round">'
    )


def _segments(
    mark: Segments, camera: Camera, size: Size, theme: Theme, scale: float, least: float
) -> Iterator[str]:
    lines, seen = geometry.segments(mark, camera, size, scale)
    fade = np.ones(len(seen)) if mark.fade is None else np.nan_to_num(np.ravel(mark.fade)[seen])
    # As the dots: each line has its opacity, so that many of them on one place are seen.
    yield _stroked(replace(mark, alpha=1.0), theme, scale, least)
    for (x1, y1, x2, y2), opacity in zip(lines.tolist(), (mark.alpha * fade).tolist(), strict=True):
        shade = "" if opacity >= 1 else f' stroke-opacity="{number(opacity)}"'
        yield f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"{shade}/>'
    yield "</g>"


def _arrows(
    mark: Arrows, camera: Camera, size: Size, theme: Theme, scale: float, least: float
) -> Iterator[str]:
    lines, which = geometry.arrows(mark, camera, size, scale)
    shades = None if mark.values is None else _shades(mark.values, mark.colormap, theme)
    yield _stroked(mark, theme, scale, least)
    for arrow, members in geometry.groups(which):
        path = "".join(
            f"M{number(a)} {number(b)}L{number(c)} {number(d)}" for a, b, c, d in lines[members].tolist()
        )
        stroke = f' stroke="{shades[arrow]}"' if shades else ""
        yield f'<path d="{path}"{stroke}/>'
    yield "</g>"


def _curve(
    mark: Curve, camera: Camera, size: Size, theme: Theme, scale: float, least: float
) -> Iterator[str]:
    dash = f' stroke-dasharray="{number(DASH[0] * scale)} {number(DASH[1] * scale)}"' if mark.dash else ""
    yield _stroked(mark, theme, scale, least)
    for run in geometry.runs(mark, camera, size, scale):
        points = " ".join(f"{number(x)},{number(y)}" for x, y in run.tolist())
        yield f'<polyline points="{points}"{dash}/>'
    yield "</g>"


def _image(mark: Image, camera: Camera, size: Size, theme: Theme, clear: bool) -> Iterator[str]:
    patch = geometry.image(mark, camera, size)
    if patch is None:
        return
    pixels = colored(patch[0], mark.colormap, theme, clear)
    smooth = geometry.smoothed(mark, pixels.shape, patch[1])
    if not smooth:  # many programs smooth whatever one tells them
        times = min(max(round(patch[1][2] / pixels.shape[1]), 1), CRISP)
        pixels = np.ascontiguousarray(pixels.repeat(times, axis=0).repeat(times, axis=1))
    rows, columns = pixels.shape
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32).save(buffer, "PNG")  # type: ignore[call-overload]
    data = base64.b64encode(buffer.data().data()).decode()
    x, y, width, height = (number(v) for v in patch[1])
    crisp = "" if smooth else ' style="image-rendering:pixelated"'
    yield (
        f'<image x="{x}" y="{y}" width="{width}" height="{height}" opacity="{number(mark.alpha)}"'
        f' preserveAspectRatio="none"{crisp} xlink:href="data:image/png;base64,{data}"/>'
    )


def _text(
    mark: Text, camera: Camera, size: Size, theme: Theme, scale: float, outlined: bool
) -> Iterator[str]:
    x, y = camera.to_pixels(mark.xy, size)
    if np.isfinite([x, y]).all():
        start = text.baseline(mark, (x, y), scale, plain=outlined)
        fill = color(theme, mark.color)
        # Two elements, because many programs know nothing of paint-order and would paint the rim on top.
        rim = f' stroke="{theme.stage}" stroke-opacity="{text.HALO_ALPHA}"'
        rim += f' stroke-width="{number(text.HALO * scale)}" stroke-linejoin="round" aria-hidden="true"'
        for more in (rim, ""):
            if outlined:
                face = text.font(mark.size * scale, plain=True)
                yield letters(start.x(), start.y(), mark.text, face, fill, more, named=not more)
            else:
                yield _words(start.x(), start.y(), mark.text, mark.size * scale, fill, more)


def _fill(fill: Fill, theme: Theme) -> str:
    x, y, width, height = fill.rect
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{color(theme, fill.color)}"/>'


def _rule(rule: Rule, theme: Theme, least: float) -> str:
    x1, y1, x2, y2 = (number(v) for v in (*rule.start, *rule.end))
    stroke = f'stroke="{color(theme, rule.color)}" stroke-width="{number(max(rule.width, least))}"'
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {stroke}/>'


def _label(label: Label, theme: Theme) -> str:
    weight = ' font-weight="600"' if label.bold else ""
    return _words(label.x, label.y, label.text, label.size, color(theme, label.color), weight)


def _words(x: float, y: float, words: str, size: float, fill: str, more: str) -> str:
    start = f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}" fill={quoteattr(fill)}{more}>'
    return f"{start}{escape(printable(words))}</text>"


def letters(
    x: float, y: float, words: str, face: QFont, fill: str, more: str = "", named: bool = True
) -> str:
    """A line of text as the outlines of its letters: it looks the same where the font is missing. The words
    themselves are its label, for programs that read aloud or search."""
    outline = QPainterPath()
    outline.addText(QPointF(x, y), face, words)
    label = f' role="img" aria-label={quoteattr(printable(words))}' if named else ""
    return f'<path d="{_path(outline)}" fill={quoteattr(fill)}{more}{label}/>'


def _path(path: QPainterPath) -> str:
    """The commands of an outline."""
    parts, elements = [], [path.elementAt(i) for i in range(path.elementCount())]
    letter = {
        QPainterPath.ElementType.MoveToElement: "M",
        QPainterPath.ElementType.LineToElement: "L",
        QPainterPath.ElementType.CurveToElement: "C",
        QPainterPath.ElementType.CurveToDataElement: " ",
    }
    for element in elements:
        parts.append(f"{letter[element.type]}{number(element.x)} {number(element.y)}")
    return "".join(parts)
