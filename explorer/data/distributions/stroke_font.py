"""A small alphabet of pen strokes: capitals, digits and a few signs, 0.6 wide and 1 high."""

from __future__ import annotations

import numpy as np

from explorer.data.distributions.geometry import smooth

#: From the middle of a letter to the middle of the next, in heights.
ADVANCE = 0.88

#: Strokes, separated by spaces. Each is a run of pen positions "xy" joined by "-", on a grid with columns 0
#: to 6 and rows 0 (bottom) to 8. "~" in front rounds the corners; "o" does too, and closes the stroke.
GLYPHS: dict[str, str] = {
    "A": "00-38-60 13-53",
    "B": "00-08 ~08-28-48-56-44-24-04 ~04-24-44-62-40-20-00",
    "C": "~57-38-17-04-11-30-51",
    "D": "00-08 ~08-28-57-64-51-20-00",
    "E": "68-08-00-60 04-54",
    "F": "68-08-00 04-54",
    "G": "~57-38-17-04-11-30-51-63 63-33",
    "H": "00-08 60-68 04-64",
    "I": "30-38 18-58 10-50",
    "J": "~58-54-41-20-02",
    "K": "00-08 68-04-60",
    "L": "08-00-60",
    "M": "00-08-34-68-60",
    "N": "00-08-60-68",
    "O": "o38-57-64-51-30-11-04-17",
    "P": "00-08 ~08-28-48-66-44-24-04",
    "Q": "o38-57-64-51-30-11-04-17 42-60",
    "R": "00-08 ~08-28-48-66-44-24-04 24-60",
    "S": "~66-57-38-17-06-15-53-62-51-30-11-02",
    "T": "08-68 30-38",
    "U": "~08-03-11-30-51-63-68",
    "V": "08-30-68",
    "W": "08-10-35-50-68",
    "X": "08-60 00-68",
    "Y": "08-34-68 34-30",
    "Z": "08-68-00-60",
    "0": "o38-57-64-51-30-11-04-17 22-46",
    "1": "16-38-30 10-50",
    "2": "~06-28-48-66-54-00 00-60",
    "3": "~06-28-48-66-44-34 ~34-44-62-40-20-02",
    "4": "50-58-03-63",
    "5": "58-08-05 ~05-25-45-62-40-20-01",
    "6": "~67-48-26-03-20-40-62-44-24-03",
    "7": "08-68-20",
    "8": "o38-56-34-16 o34-62-30-02",
    "9": "~01-20-42-65-48-28-06-24-44-65",
    "+": "14-54 32-36",
    "-": "14-54",
    "=": "15-55 13-53",
    "!": "38-33 30-31",
    "?": "~06-28-48-66-45-33 30-31",
    ".": "30-31",
    ":": "31-32 35-36",
    "'": "38-36",
    "/": "00-68",
    "(": "~48-26-22-40",
    ")": "~28-46-42-20",
    "<": "57-04-51",
    ">": "17-64-11",
    "∇": "08-68-30-08",
}


def strokes_of(character: str) -> list[np.ndarray]:
    """The strokes of a character as polylines (m, 2), in heights, its lower left corner at 0."""
    return [_stroke(code) for code in GLYPHS[character].split()]


def _stroke(code: str) -> np.ndarray:
    corners = [(int(c[0]) / 10, int(c[1]) / 8) for c in code.lstrip("~o").split("-")]
    if code[0] in "~o":
        return smooth(corners, closed=code[0] == "o")
    return np.array(corners)
