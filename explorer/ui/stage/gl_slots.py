"""The OpenGL side of the marks: three small programs (discs, lines, pictures) that keep their buffers.

Geometry comes in pixels from explorer.ui.painting.geometry, as for every other canvas: precision does not suffer from
zooming deep, and what is drawn is the same. A slot belongs to a place in the list of marks and is fed anew
each frame, so that a playing animation makes no OpenGL objects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy import gloo

from explorer.figures.camera import Size

_PLACE = """
uniform vec2 u_size;
vec4 place(vec2 pixel) {
    return vec4(2.0 * pixel.x / u_size.x - 1.0, 1.0 - 2.0 * pixel.y / u_size.y, 0.0, 1.0);
}
"""

_DISC_VERTEX = f"""#version 120
{_PLACE}
attribute vec2 a_position;
attribute vec4 a_color;
uniform float u_reach;
varying vec4 v_color;
void main() {{
    gl_Position = place(a_position);
    gl_PointSize = 2.0 * u_reach;
    v_color = a_color;
}}
"""

_DISC_FRAGMENT = """#version 120
uniform float u_reach;
uniform float u_radius;
uniform float u_ring;
uniform vec4 u_ring_color;
varying vec4 v_color;
void main() {
    float away = u_reach * length(2.0 * gl_PointCoord - 1.0);
    float core = clamp(u_radius + 0.5 - away, 0.0, 1.0);
    float rim = u_ring_color.a * clamp(u_radius + u_ring + 0.5 - away, 0.0, 1.0);
    float cover = core + (1.0 - core) * rim;
    if (cover <= 0.0) discard;
    vec3 color = (core * v_color.rgb + (1.0 - core) * rim * u_ring_color.rgb) / cover;
    gl_FragColor = vec4(color, v_color.a * cover);
}
"""

_LINE_VERTEX = f"""#version 120
{_PLACE}
attribute vec2 a_position;
attribute float a_across;
attribute vec4 a_color;
varying float v_across;
varying vec4 v_color;
void main() {{
    gl_Position = place(a_position);
    v_across = a_across;
    v_color = a_color;
}}
"""

_LINE_FRAGMENT = """#version 120
uniform float u_half;
varying float v_across;
varying vec4 v_color;
void main() {
    float cover = clamp(u_half + 0.5 - abs(v_across), 0.0, 1.0) * min(2.0 * u_half, 1.0);
    gl_FragColor = vec4(v_color.rgb, v_color.a * cover);
}
"""

_PICTURE_VERTEX = f"""#version 120
{_PLACE}
attribute vec2 a_position;
attribute vec2 a_texture;
varying vec2 v_texture;
void main() {{
    gl_Position = place(a_position);
    v_texture = a_texture;
}}
"""

_PICTURE_FRAGMENT = """#version 120
uniform sampler2D u_picture;
uniform float u_alpha;
varying vec2 v_texture;
void main() {
    vec4 texel = texture2D(u_picture, v_texture);
    gl_FragColor = vec4(texel.rgb, texel.a * u_alpha);
}
"""


class DiscSlot:
    """Antialiased discs with a thin rim."""

    def __init__(self) -> None:
        self._program = gloo.Program(_DISC_VERTEX, _DISC_FRAGMENT)
        self._vertices = gloo.VertexBuffer(np.zeros(1, [("a_position", "f4", 2), ("a_color", "f4", 4)]))
        self._program.bind(self._vertices)
        self._count = 1

    def draw(
        self, xy: NDArray, colors: NDArray, radius: float, ring: float, ring_color: NDArray, size: Size
    ) -> None:
        """Discs at xy (n, 2) in colours (4,) or (n, 4) from 0 to 1."""
        data = np.zeros(len(xy), [("a_position", "f4", 2), ("a_color", "f4", 4)])
        data["a_position"], data["a_color"] = xy, colors
        self._vertices.set_data(data)
        if len(data) != self._count:
            # vispy's program keeps views on the buffer, with the size that it had when they were bound.
            self._program.bind(self._vertices)
            self._count = len(data)
        for name, value in (("u_size", size), ("u_radius", radius), ("u_ring", ring)):
            self._program[name] = value
        self._program["u_reach"] = radius + ring + 1
        self._program["u_ring_color"] = ring_color
        self._program.draw("points")


class LineSlot:
    """Antialiased lines of any width, as two triangles each."""

    def __init__(self) -> None:
        self._program = gloo.Program(_LINE_VERTEX, _LINE_FRAGMENT)
        self._dtype = [("a_position", "f4", 2), ("a_across", "f4"), ("a_color", "f4", 4)]
        self._vertices = gloo.VertexBuffer(np.zeros(4, self._dtype))
        self._program.bind(self._vertices)
        self._indices = gloo.IndexBuffer(_triangles(1))
        self._count = 1

    def draw(self, corners: NDArray, across: NDArray, colors: NDArray, half: float, size: Size) -> None:
        """Quads (n, 4, 2) with their corners' distance from the line, in colours (4,) or (n, 4)."""
        data = np.zeros((len(corners), 4), self._dtype)
        data["a_position"], data["a_across"] = corners, across
        data["a_color"] = colors if colors.ndim == 1 else colors[:, None, :]
        self._vertices.set_data(data.ravel())
        if len(corners) != self._count:
            self._count = len(corners)
            self._program.bind(self._vertices)
            self._indices.set_data(_triangles(self._count))
        self._program["u_size"], self._program["u_half"] = size, half
        self._program.draw("triangles", self._indices)


def _triangles(count: int) -> NDArray[np.uint32]:
    """Which corners make the two triangles of each of so many quads."""
    first = 4 * np.arange(count, dtype=np.uint32)[:, None]
    return (first + np.array([0, 1, 2, 0, 2, 3], np.uint32)).ravel()


class PictureSlot:
    """A picture stretched over a rectangle."""

    def __init__(self) -> None:
        self._program = gloo.Program(_PICTURE_VERTEX, _PICTURE_FRAGMENT)
        dtype = [("a_position", "f4", 2), ("a_texture", "f4", 2)]
        self._data = np.zeros(4, dtype)
        self._data["a_texture"] = [(0, 0), (0, 1), (1, 0), (1, 1)]
        self._vertices = gloo.VertexBuffer(self._data.copy())
        self._program.bind(self._vertices)
        self._texture = gloo.Texture2D(
            np.zeros((1, 1, 4), np.uint8), interpolation="linear", wrapping="clamp_to_edge"
        )
        self._program["u_picture"] = self._texture

    def draw(
        self,
        pixels: NDArray[np.uint8],
        rect: tuple[float, float, float, float],
        alpha: float,
        size: Size,
        smooth: bool = True,
    ) -> None:
        """Pixels (h, w, 4) as red, green, blue and alpha (not multiplied), row 0 on top."""
        x, y, width, height = rect
        self._data["a_position"] = [(x, y), (x, y + height), (x + width, y), (x + width, y + height)]
        self._vertices.set_data(self._data.copy())
        self._texture.set_data(np.ascontiguousarray(pixels))
        self._texture.interpolation = "linear" if smooth else "nearest"
        self._program["u_size"], self._program["u_alpha"] = size, alpha
        self._program.draw("triangle_strip")
