"""What the card of a network that comes with the program says of its quality, in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.base import paths
from explorer.diffusion.sdes import SDES


def measured(name: str) -> str:
    """How good the network for the data of this name is, as its card has it; "" where no card says so."""
    card = card_at(paths.pretrained() / f"{name}.json")
    try:
        parts = list(_of_points(card) if "energy_distance" in card else _of_pictures(card.get("quality", {})))
    except (ValueError, KeyError, TypeError, AttributeError):  # a card that somebody has edited
        return ""
    return f"Measured: {', '.join(parts)}." if parts else ""


def names() -> list[str]:
    """The networks that have a card (those of classifiers have two endings)."""
    return sorted(path.stem for path in paths.pretrained().glob("*.json") if "." not in path.stem)


def card_at(path: Path) -> Mapping[str, Any]:
    """The card in this file, kept until the file changes; an empty one where there is none that can be read."""
    try:
        return _read(path, path.stat().st_mtime)
    except OSError:
        return {}


@lru_cache(maxsize=64)
def _read(path: Path, modified: float) -> Mapping[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return card if isinstance(card, dict) else {}


def _of_points(card: Mapping[str, Any]) -> Iterator[str]:
    found = card["energy_distance"]
    *most, last = (SDES[name].title for name in found)
    worst = max(row["ratio"] for row in found.values())
    yield f"energy distance at most {worst:.2f} times its floor under {', '.join(most)} and {last}"


def _of_pictures(quality: Mapping[str, Any]) -> Iterator[str]:
    """Of unexaggerated samples, in the way to draw them that comes nearest to the data."""
    rows = [row for row in quality.get("samples", ()) if row["weight"] == 1]
    if rows:
        best = min(rows, key=lambda row: float(row["ratio"]))
        # below the floor is no better than at it: so few pictures tell no more
        apart = f"{best['ratio']:.2f} times its floor" if best["ratio"] > 1 else "at its floor"
        yield f"Fréchet distance {apart} ({best['n']:,} samples, {best['evaluations']} evaluations)"
        yield f"{best['accuracy']:.1%} in the class asked for"
    bits = quality.get("bits")
    if bits:
        yield f"{bits['mean']:.2f} bits/dim"
