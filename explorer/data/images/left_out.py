"""What was left out of a folder, counted by kind and place, and said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

#: Places, and kinds of other files, that are named; the rest are counted together.
NAMED = 4


class LeftOut:
    """Counts of what was left out: of each kind (singular and plural), in each place (parts of a path)."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Counter[str]] = {}
        self._others: Counter[tuple[str, str]] = Counter()

    def add(self, one: str, many: str, place: Sequence[str] = (), count: int = 1) -> None:
        """Count something left out: what one and several of it are called, and the folder that it is in."""
        self._counts.setdefault((one, many), Counter())["/".join(place)] += count

    def add_file(self, ending: str, place: Sequence[str] = ()) -> None:
        """Count a file that is of no kind that is read, by its ending."""
        self._others[ending or "no ending", "/".join(place)] += 1

    def __bool__(self) -> bool:
        return bool(self._counts or self._others)

    def count(self, one: str) -> int:
        """How many of a kind."""
        return sum(sum(places.values()) for (name, _), places in self._counts.items() if name == one)

    def said(self) -> str:
        """All of it: "3 links in cats, 2 .txt files"; "" for nothing."""
        said = [
            f"{_number(sum(places.values()), one, many)}{_where(places)}"
            for (one, many), places in self._counts.items()
        ]
        return ", ".join([*said, *self._files()])

    def _files(self) -> list[str]:
        kinds: dict[str, Counter[str]] = {}
        for (ending, place), count in self._others.items():
            kinds.setdefault(ending, Counter())[place] += count
        ordered = sorted(kinds.items(), key=lambda kind: (-sum(kind[1].values()), kind[0]))
        said = []
        for ending, places in ordered[:NAMED]:
            one, many = (f"{ending} file", f"{ending} files")
            if ending == "no ending":
                one, many = "file without an ending", "files without an ending"
            said.append(f"{_number(sum(places.values()), one, many)}{_where(places)}")
        rest = sum(sum(places.values()) for _, places in ordered[NAMED:])
        return [*said, _number(rest, "other file", "other files")] if rest else said


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _where(places: Counter[str]) -> str:
    """Where they are: "" for the folder itself, " in cats", " (cats 3, dogs 2 and 1 more folder)"."""
    if set(places) == {""}:
        return ""
    if len(places) == 1:
        return f" in {next(iter(places))}"
    ordered = sorted(places.items(), key=lambda place: (-place[1], place[0]))
    named = ", ".join(f"{place or 'at the top'} {count:,}" for place, count in ordered[:NAMED])
    rest = len(ordered) - NAMED
    return f" ({named} and {_number(rest, 'more folder', 'more folders')})" if rest > 0 else f" ({named})"
