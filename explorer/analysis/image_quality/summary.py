"""What the cards say of quality, as tables in Markdown: docs/quality.md has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from explorer.analysis.image_quality.frechet import Spread

NOT_MEASURED = "–"


def networks(cards: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A row for each network and way to draw from it, with the Fréchet distance and the share of right classes."""
    yield "| pictures | sampler | evaluations | weight | n | Fréchet distance | floor | over the floor | right class |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for card in cards.values():
        for row in card.get("quality", {}).get("samples", []):
            yield (
                f"| {card['title']} | {row['sampler']} | {row['evaluations']} | {row['weight']:g} | {row['n']} | "
                f"{_with(row['frechet'], 'std')} | {_with(row['floor'], 'std')} | {row['ratio']:.2f} | "
                f"{_right(row)} |"
            )


def _right(row: Mapping[str, Any]) -> str:
    """The share of right classes; of unconditional samples there is none."""
    return f"{row['accuracy']:.1%} ± {row['accuracy_error']:.1%}" if "accuracy" in row else NOT_MEASURED


def likelihoods(cards: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A row for each network with its bits/dim and its copies."""
    yield "| pictures | bits/dim | pictures, probes, steps | copies | held-out pictures |"
    yield "|---|---|---|---|---|"
    for card in cards.values():
        yield f"| {card['title']} | {' | '.join(_bits(card) + _copies(card))} |"


def _bits(card: Mapping[str, Any]) -> list[str]:
    bits = card.get("quality", {}).get("bits")
    if bits is None:
        return [NOT_MEASURED] * 2
    return [f"{bits['mean']:.3f} ± {bits['error']:.3f}", f"{bits['n']}, {bits['probes']}, {bits['steps']}"]


def _copies(card: Mapping[str, Any]) -> list[str]:
    found = card.get("quality", {}).get("copies")
    if found is None:
        return [NOT_MEASURED] * 2
    rate = f"{found['rate']:.1%} ± {found['rate_error']:.1%} of {found['n']}"
    return [rate, f"{found['held_out_rate']:.1%}"]


def table1(card: Mapping[str, Any]) -> Iterator[str]:
    """Predictor alone beside predictor and corrector, a row for each SDE and cost.

    The last column is what the corrector adds, seed by seed: each seed begins both from the same noise, so that their
    difference is known better than either.
    """
    yield "| SDE | evaluations | predictor | predictor-corrector | floor | n | corrector adds |"
    yield "|---|---|---|---|---|---|---|"
    rows = card["quality"]["table1"]
    paired = {(r["sde"], r["evaluations"]): r for r in rows if r["method"] == "predictor-corrector"}
    for alone in (r for r in rows if r["method"] == "predictor"):
        both = paired.get((alone["sde"], alone["evaluations"]))
        if both is None:  # the last cell of a measurement that was stopped
            continue
        gap = Spread.of([b - a for a, b in zip(alone["each"], both["each"], strict=True)])
        added = f"{gap.mean:+.1f} ± {gap.std:.1f}".replace("-", "−")
        yield (
            f"| {alone['sde']} | {alone['evaluations']} | {_with(alone['frechet'], 'std')} | "
            f"{_with(both['frechet'], 'std')} | {alone['floor']:.1f} | {len(alone['each'])} × {alone['n']} | "
            f"{added} |"
        )


def _with(value: Mapping[str, float], spread: str) -> str:
    digits = 1 if value["mean"] >= 10 else 2
    # where every test picture is in every draw, the draws do not differ and say nothing of the spread
    return f"{value['mean']:.{digits}f}" + (f" ± {value[spread]:.{digits}f}" if value[spread] > 1e-6 else "")
