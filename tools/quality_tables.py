"""Put the tables of docs/quality.md in anew from the cards in pretrained/: `python tools/quality_tables.py`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from explorer.analysis.image_quality.summary import likelihoods, networks, table1  # noqa: E402
from explorer.base.files import write_text  # noqa: E402
from explorer.data.images import IMAGES  # noqa: E402

PAGE = ROOT / "docs" / "quality.md"
BEGIN, END = "<!-- tables: made from the cards by tools/quality_tables.py -->", "<!-- end -->"


def tables() -> str:
    """All of them."""
    paths = {name: ROOT / "pretrained" / f"{name}.json" for name in IMAGES}
    cards = {name: json.loads(p.read_text(encoding="utf-8")) for name, p in paths.items() if p.is_file()}
    parts = ["\n".join(networks(cards)), "\n".join(likelihoods(cards))]
    for card in cards.values():
        if "table1" in card.get("quality", {}):
            title = f"Song et al.'s Table 1 on {card['title']}: Fréchet distance at equal cost, over seeds."
            parts += [title, "\n".join(table1(card))]
    return "\n\n".join(parts)


def main() -> None:
    """Write the page."""
    text = PAGE.read_text(encoding="utf-8")
    inside = f"{BEGIN}\n\n{tables()}\n\n{END}"
    write_text(PAGE, re.sub(f"{BEGIN}.*{END}", lambda _: inside, text, flags=re.S))


if __name__ == "__main__":
    main()
