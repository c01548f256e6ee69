"""What may be asked about a table before its points are taken: each question is one entry here, and one row of a form.

    asked = Asked.of(look("measured.csv"))
    for question in questions(asked):
        print(question.param.label, question.answer)

A question is about one thing that a Choice says (or, of a file of several parts, which of them is looked at).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from explorer.base.decoding import CHOICES
from explorer.base.params import Param
from explorer.data.distributions.points import MOST, USUAL, Points
from explorer.data.imports.columns import INDEX, MISSING, TEXT, Column, Reading, label_of
from explorer.data.imports.preview import Choice, Preview

#: What is answered about a column of data sets, beside one of its words: ("is", word).
EVERY, AS_CLASSES = ("every",), ("classes",)
#: Between the conditions of `Choice.rows` where they are typed.
_AND = ";"


@dataclass(frozen=True)
class Asked:
    """A file that was looked at, and what is chosen of it so far.

    `open_readings`: the two ways in which all rows can be read, once a reading has found that they leave it open;
    `held_out`: the share that is held out where nobody says.
    """

    preview: Preview
    choice: Choice
    open_readings: tuple[Reading, ...] = ()
    held_out: float = 0.0

    @staticmethod
    def of(preview: Preview, choice: Choice | None = None) -> Asked:
        """With the proposal, if nothing is chosen yet."""
        return Asked(preview, choice or preview.proposal)

    @property
    def columns(self) -> tuple[str, ...]:
        """The coordinates that are chosen, by name."""
        return self.choice.columns or self.preview.proposal.columns

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The two ways to read the chosen columns, if they leave it open."""
        chosen = (c for c in self.preview.columns if c.name in self.columns and len(c.readings) > 1)
        return self.open_readings or next((c.readings for c in chosen), ())

    @property
    def unanswered(self) -> Question | None:
        """The first question that has no answer yet, and has to have one."""
        return next((q for q in questions(self) if q.answer == q.none), None)


@dataclass(frozen=True)
class Question:
    """One question: `param` says what can be answered and how it is shown, with what is proposed as its default.

    `answer` is the one that stands; `put` gives the choice that another one makes. `none` is what stands where an
    answer is still needed (None: there always is one). `looks`: the answer is how the file is to be looked at, by the
    name of an argument of `look`, and `put` makes nothing of it.
    """

    param: Param
    answer: Any
    put: Callable[[Any], Choice]
    none: Any = None
    looks: str = ""


def questions(asked: Asked) -> tuple[Question, ...]:
    """All that have more than one answer for this file and this choice, in the order of their rows."""
    found: list[Question] = []
    for ask in (_part, _encoding, _x, _y, _classes, _sets, _decimal, _rows, _scale, _count, _held_out):
        found += ask(asked)
    return tuple(found)


def _choice(name: str, label: str, default: Any, choices: list[tuple[Any, str]], help: str) -> Param:
    return Param(name, "choice", default, label, choices=tuple(choices), help=help)


def _part(asked: Asked) -> Iterator[Question]:
    preview = asked.preview
    if len(preview.parts) > 1:
        entries = [(part, part) for part in preview.parts]
        help = "The sheet or the array that is taken."
        yield Question(
            _choice("part", "Part of the file", preview.part, entries, help),
            preview.part, lambda part: asked.choice, looks="part",
        )  # fmt: skip


def _encoding(asked: Asked) -> Iterator[Question]:
    """Only where it had to be guessed."""
    preview = asked.preview
    if preview.guessed:
        others = dict.fromkeys((preview.guessed, preview.encoding))
        entries: list[tuple[Any, str]] = [*{**{name: name for name in others}, **CHOICES}.items()]
        help = "The file does not say which encoding its letters are in. Choose the one in which its words are right."
        yield Question(
            _choice("encoding", "Encoding", preview.guessed, entries, help), preview.encoding, lambda _: asked.choice,
            looks="encoding",
        )  # fmt: skip


def _x(asked: Asked) -> Iterator[Question]:
    if len(_numbers(asked.preview)) > 1:
        yield _coordinate(asked, 0)


def _y(asked: Asked) -> Iterator[Question]:
    if len(_numbers(asked.preview)) > 1:
        yield _coordinate(asked, 1)


def _numbers(preview: Preview) -> list[str]:
    return [c.name for c in preview.columns if c.can_be_coordinate]


def _coordinate(asked: Asked, axis: int) -> Question:
    entries: list[tuple[Any, str]] = [(name, name) for name in _numbers(asked.preview)]
    if axis:
        entries.insert(0, ("", "None: data on a line"))
    of = (*asked.preview.proposal.columns, "")[axis]
    help = (
        "The column that is the horizontal coordinate."
        if not axis
        else "The column that is the vertical one."
    )
    return Question(
        _choice("xy"[axis], "xy"[axis], of, entries, help),
        (*asked.columns, "")[axis], lambda name: with_coordinate(asked, axis, name),
    )  # fmt: skip


def with_coordinate(asked: Asked, axis: int, name: str) -> Choice:
    """The choice with the column `name` as x (axis 0) or y (1); "" for y is data on a line.

    A column that was the other coordinate changes places with it; one that was the classes is those no longer.
    """
    columns = [*asked.columns, ""][:2]
    if columns[1 - axis] == name:
        columns[1 - axis] = columns[axis]
    columns[axis] = name
    kept = tuple(c for c in columns if c)
    classes = "" if asked.choice.classes in kept else asked.choice.classes
    return replace(asked.choice, columns=kept, classes=classes, decimal="")


def _classes(asked: Asked) -> Iterator[Question]:
    names = [
        c.name for i, c in enumerate(asked.preview.columns)
        if c.name not in asked.columns and _may_be_classes(asked.preview, i, c)
    ]  # fmt: skip
    if names:
        yield Question(
            _choice(
                "classes", "Classes", asked.preview.proposal.classes,
                [("", "None"), *((name, name) for name in names)],
                "The column whose words are the classes of the points.",
            ),
            asked.choice.classes, lambda name: with_classes(asked, name),
        )  # fmt: skip


def _may_be_classes(preview: Preview, place: int, column: Column) -> bool:
    """Whether there are words or whole numbers in the rows shown (whether they are few is known when all are read)."""
    if column.can_be_classes or column.kind == TEXT:
        return True
    return column.kind not in (INDEX, MISSING) and all(
        label_of(row[place]) is not None for row in preview.rows
    )


def with_classes(asked: Asked, name: str) -> Choice:
    """The choice with the words of a column as classes, all of them; "" for none."""
    rows = tuple(row for row in asked.choice.rows if not name or not row.startswith(f"{name}="))
    return replace(asked.choice, classes=name, rows=rows)


def _sets(asked: Asked) -> Iterator[Question]:
    for name, values in asked.preview.sets.items():
        if name in asked.columns:
            continue
        entries: list[tuple[Any, str]] = [(EVERY, "All"), (AS_CLASSES, "All, as classes")]
        entries += [(("is", value), value) for value in values]
        help = "Which rows are taken, by what stands in this column."
        proposed = _set_of(asked.preview.proposal, name, values)
        yield Question(
            _choice(f"rows of {name}", f"Rows by {name}", proposed, entries, help),
            _set_of(asked.choice, name, values), partial(_with_set, asked, name),
        )  # fmt: skip


def _set_of(choice: Choice, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if choice.classes == name:
        return AS_CLASSES
    return next((("is", v) for v in values if f"{name}={v}" in choice.rows), EVERY)


def _with_set(asked: Asked, name: str, answer: tuple[str, ...]) -> Choice:
    if answer == AS_CLASSES:
        return with_classes(asked, name)
    choice = asked.choice
    rows = tuple(row for row in choice.rows if not row.startswith(f"{name}="))
    if answer != EVERY:
        rows = (*rows, f"{name}={answer[1]}")
    return replace(choice, rows=rows, classes="" if choice.classes == name else choice.classes)


def _decimal(asked: Asked) -> Iterator[Question]:
    if asked.readings:
        yield Question(
            _choice("decimal", "Decimal mark", "", [(r.decimal, r.words) for r in asked.readings],
                    "The numbers can be read in two ways, and only you know which is meant."),
            asked.choice.decimal, lambda mark: replace(asked.choice, decimal=mark), none="",
        )  # fmt: skip


def _rows(asked: Asked) -> Iterator[Question]:
    def typed(choice: Choice) -> list[str]:
        """The conditions that no column of data sets has a row for."""
        named = {f"{name}={v}" for name, values in asked.preview.sets.items() for v in values}
        return [row for row in choice.rows if row not in named]

    def put(text: str) -> Choice:
        own = typed(asked.choice)
        rest = tuple(row for row in asked.choice.rows if row not in own)
        parts = tuple(part.strip() for part in text.split(_AND) if part.strip())
        return replace(asked.choice, rows=(*rest, *parts))

    words = [f"{_AND} ".join(typed(choice)) for choice in (asked.preview.proposal, asked.choice)]
    help = (
        "FROM:TO are the rows from FROM on and before TO, counted from 0; COLUMN=VALUE those with this value ('last' "
        f"is the last there is). Several stand with {_AND} between them."
    )
    yield Question(Param("rows", "text", words[0], "Only rows", help=help), words[1], put)


def _scale(asked: Asked) -> Iterator[Question]:
    if len(asked.columns) == 2:
        entries: list[tuple[Any, str]] = [(False, "Common"), (True, "For each axis")]
        help = "One scale for both axes keeps the shape; one for each suits unlike quantities."
        yield Question(
            _choice("per_axis", "Scale", asked.preview.proposal.per_axis, entries, help),
            asked.choice.per_axis, lambda each: replace(asked.choice, per_axis=each),
        )  # fmt: skip


def _count(asked: Asked) -> Iterator[Question]:
    help = "Points that are kept at most. The exact score sums over all of them for every particle."
    yield Question(
        Param("count", "int", USUAL, "Support points, at most", low=100, high=MOST, minimum=2, maximum=MOST, log=True,
              help=help),
        asked.choice.count, lambda count: replace(asked.choice, count=count),
    )  # fmt: skip


def _held_out(asked: Asked) -> Iterator[Question]:
    help = "The share of the points that is kept for the validation loss: a tenth of a file with more than are kept."

    def put(share: float) -> Choice:
        return replace(asked.choice, held_out=None if share == asked.held_out else share)

    share = asked.choice.held_out
    yield Question(
        Param("held_out", "float", asked.held_out, "Held out, share", low=0.0, high=0.5, minimum=0.0, maximum=0.5,
              help=help),
        asked.held_out if share is None else share, put,
    )  # fmt: skip


def choice_like(preview: Preview, data: Points) -> Choice:
    """The choice that `data`, whose own is no longer known, may have been taken by: its columns, classes and scale.

    Which rows it has is not to be told from it: the proposed ones.
    """
    choice, names = preview.proposal, {c.name for c in preview.columns}
    if data.columns and {*data.columns} <= names:
        choice = replace(choice, columns=tuple(data.columns))
    words = {*map(str, data.labels)}
    like = [choice.classes, *(c.name for c in preview.columns)]
    values = {c.name: {*c.values} for c in preview.columns}
    classes = next(
        (n for n in like if words and n not in choice.columns and words <= values.get(n, set())), ""
    )
    each = len(set(data.scale)) > 1
    return replace(choice, classes=classes, per_axis=each, count=max(USUAL, len(data.points)))
