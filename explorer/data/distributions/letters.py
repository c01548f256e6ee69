"""A typed word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import ParamError, param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import SPACING, on_curves, standardisation
from explorer.data.distributions.mixture import Mixture
from explorer.data.distributions.stroke_font import ADVANCE, GLYPHS, strokes_of

#: Characters at most; beyond it the letters would be too small to see.
MAX_LETTERS = 12
#: A word longer than this is broken into rows where it has spaces.
_ROW = 6


@DISTRIBUTIONS.register("letters", title="Letters", order=130)
@dataclass(frozen=True)
class Letters(Distribution):
    """A word in strokes; each letter is a class."""

    about = "A word that you type: each letter is a class, so a class can be asked for."
    word: str = param(
        "SDE", "Word", help=f"Up to {MAX_LETTERS} letters, digits or signs; a space can start a new row."
    )  # fmt: skip
    slant: float = param(
        0.0, "Slant", symbol="φ", unit="°", low=-15.0, high=25.0, minimum=-45.0, maximum=45.0,
        help="Of the letters, to the right.",
        equation="(u₁, u₂) → (u₁ + u₂ tan φ, u₂)",
    )  # fmt: skip
    stroke: float = param(
        0.045, "Pen", symbol="b", low=0.025, high=0.1, minimum=0.01, maximum=0.3, log=True,
        help="Standard deviation around the strokes, over the height of a letter.",
        equation="x = u + b z, u on the strokes",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        word = " ".join(self.word.upper().split())
        unknown = sorted({c for c in word if c != " " and c not in GLYPHS})
        if unknown:
            known = " ".join(GLYPHS)
            raise ParamError(f"letters.word has no shape for {' '.join(unknown)}; there are {known}")
        if not 1 <= len(word) <= MAX_LETTERS:
            raise ParamError(f"letters.word must have 1 to {MAX_LETTERS} characters, not {len(word)}")

    def _rows(self) -> list[str]:
        words = self.word.upper().split()
        return words if len(" ".join(words)) > _ROW else [" ".join(words)]

    def _strokes(self) -> tuple[list[np.ndarray], list[int], list[str]]:
        """Every stroke (m, 2) in units of a letter's height, the letter it is of, and the letters."""
        strokes: list[np.ndarray] = []
        owner: list[int] = []
        letters: list[str] = []
        for row, text in enumerate(self._rows()):
            for column, character in enumerate(text):
                if character == " ":
                    continue
                for stroke in strokes_of(character):
                    strokes.append(stroke + (ADVANCE * (column - len(text) / 2), -1.45 * row))
                    owner.append(len(letters))
                letters.append(character)
        return strokes, owner, letters

    def build(self) -> Mixture:
        strokes, owner, letters = self._strokes()
        lean = np.array([[1, 0], [np.tan(np.radians(self.slant)), 1]])
        points, stroke = on_curves([s @ lean for s in strokes], SPACING * self.stroke)
        shift, _ = standardisation(points)
        scale = float(np.hypot(np.sqrt(((points - shift) ** 2).mean()), self.stroke))
        jitter = self.stroke / scale
        label = np.asarray(owner)[stroke]
        names = tuple(f"{c} ({i + 1})" if letters.count(c) > 1 else c for i, c in enumerate(letters))
        return Mixture.of_points((points - shift) / scale, jitter, label, names)
