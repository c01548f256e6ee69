"""Figures as files of numbers: CSV, LaTeX, NPZ and JSON. Pictures of them are drawn by the window's painter."""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from explorer.base import strict_json
from explorer.base.digits import lowered, scientific, with_minus
from explorer.base.errors import Refused
from explorer.base.files import write_atomically, write_text
from explorer.figures.figure import Equation, Figure, Picture, Plot, Table

#: LaTeX's own characters, and Greek letters that a text font of LaTeX does not have.
_ESCAPES = {c: rf"\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "±": r"$\pm$",
    "²": "$^2$", "³": "$^3$", "½": r"$\frac12$", "√": r"$\sqrt{}$", "≤": r"$\leq$", "≥": r"$\geq$", "·": r"$\cdot$",
    "α": r"$\alpha$", "β": r"$\beta$", "ε": r"$\epsilon$", "η": r"$\eta$", "λ": r"$\lambda$", "σ": r"$\sigma$",
    "τ": r"$\tau$", "Δ": r"$\Delta$", "∇": r"$\nabla$", "∥": r"$\|$", "→": r"$\to$", "∞": r"$\infty$", "×": r"$\times$",
    "≈": r"$\approx$", "∫": r"$\int$", "–": "--", "…": r"\ldots{}",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """What a figure was made from, for captions and metadata.

    `title` is that of the laboratory, `settings` its parameters, `experiment` the experiment's JSON object,
    `score` which score was used (the experiment says only which one was asked for), `caption` all of it in one line.
    """

    title: str
    caption: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    experiment: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    score: str = ""


def slug(text: str) -> str:
    """Words as a name for files and arrays."""
    return re.sub(r"\W+", "_", text.lower()).strip("_") or "figure"


# --- tables ---------------------------------------------------------------------------------------------


def csv_text(figures: Sequence[Figure], source: Source, delimiter: str = ",") -> str:
    """The tables as CSV; where there are none, the plots as rows of plot, series, x, y, error.

    Lines that start with # tell the title and the settings. ValueError where there is neither.
    """
    tables = [f for f in figures if isinstance(f, Table)] or _tables_of_plots(figures)
    if not tables:
        raise Refused("There is no table and no plot to write as CSV.")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", delimiter=delimiter)
    for i, table in enumerate(tables):
        out.write(("\n" if i else "") + f"# {table.title}\n# {_line(source.caption)}\n")
        writer.writerow(table.columns)
        writer.writerows(table.rows)
    return out.getvalue()


def _tables_of_plots(figures: Sequence[Figure]) -> list[Table]:
    plots = [f for f in figures if isinstance(f, Plot)]
    columns = ("plot", "series", "x", "y", "error")
    rows = tuple(row for plot in plots for row in _rows(plot))
    return [Table("Curves", columns, rows)] if rows else []


def _rows(plot: Plot) -> Iterator[tuple[str | float, ...]]:
    """(plot, series, x, y, error) of every value; x is a name where the plot has rows."""
    for series in plot.series:
        x = np.asarray(series.x, float)
        x = (x[:-1] + x[1:]) / 2 if series.steps else x
        named = [plot.rows[round(place) - 1] for place in x.tolist()] if plot.rows else x.tolist()
        error = np.full(len(x), np.nan) if series.error is None else np.asarray(series.error, float)
        for row in zip(named, np.asarray(series.y, float).tolist(), error.tolist(), strict=True):
            yield plot.title, series.name, row[0], row[1], "" if math.isnan(row[2]) else row[2]
    for guide in plot.guides:
        for at, value in zip(np.asarray(guide.x).tolist(), np.asarray(guide.y).tolist(), strict=True):
            yield plot.title, guide.word, at, value, ""


def latex_text(figures: Sequence[Figure], source: Source) -> str:
    """The tables in LaTeX with the rules of booktabs. ValueError where there is no table."""
    tables = [f for f in figures if isinstance(f, Table)]
    if not tables:
        raise Refused("There is no table to write as LaTeX.")
    return "% Needs \\usepackage{booktabs}\n" + "\n".join(_latex(table, source) for table in tables)


def _latex(table: Table, source: Source) -> str:
    kinds = "".join("r" if _is_numeric(table, i) else "l" for i in range(len(table.columns)))
    lines = [
        r"\begin{table}", r"  \centering", rf"  \begin{{tabular}}{{{kinds}}}", r"    \toprule",
        f"    {_cells(table.columns, table.columns)}", r"    \midrule",
        *(f"    {_cells(row, table.columns)}" for row in table.rows),
        r"    \bottomrule", r"  \end{tabular}",
        rf"  \caption{{{escaped(table.title)}. {escaped(_line(source.caption))}}}", r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _is_numeric(table: Table, column: int) -> bool:
    values = [row[column] for row in table.rows]
    return any(isinstance(v, int | float) for v in values)


def _cells(values: Sequence[str | float | int], heads: Sequence[str]) -> str:
    pairs = zip(values, heads, strict=True)
    cells = [_number(v, _digits(head)) if isinstance(v, int | float) else escaped(v) for v, head in pairs]
    return " & ".join(cells) + r" \\"


def _digits(head: str) -> int:
    """Of the numbers of a column: what is behind a ± needs two."""
    return 2 if head.startswith("±") else 4


def cell_texts(table: Table, row: Sequence[str | float | int]) -> list[str]:
    """The values of a row as a person reads them."""
    return [number_text(v, _digits(head)) for head, v in zip(table.columns, row, strict=True)]


def _number(value: float, digits: int) -> str:
    """A number in LaTeX with the digits that a reader wants."""
    text = number_text(value, digits).replace("−", "-")
    factor, times, power = text.partition("×10")
    if times:
        return rf"${factor} \cdot 10^{{{lowered(power)}}}$"
    return f"${text}$" if math.isfinite(value) else "--"


def number_text(value: str | float | int, digits: int = 4) -> str:
    """A value of a table as a person reads it: so many digits, thousands as they are, "–" for none."""
    if isinstance(value, str):
        return with_minus(value)
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if not math.isfinite(value):
        return "–"
    if isinstance(value, int | np.integer) or (float(value).is_integer() and abs(value) < 1e5):
        return f"{int(value)}".replace("-", "−")
    if 1e-4 <= abs(value) < 1e6:
        text = f"{value:.{digits}g}"
        return with_minus(f"{value:.0f}" if "e" in text else text)
    return scientific(value, min(digits, 3))


def escaped(text: str) -> str:
    """Plain words for LaTeX, raised and lowered letters as powers and indices."""
    parts = groupby(text, key=_script)
    return "".join(
        f"${mark}{{{unicodedata.normalize('NFKD', run)}}}$"
        if mark
        else "".join(_ESCAPES.get(c, c) for c in run)
        for mark, letters in parts
        for run in ["".join(letters)]
    )


def _script(c: str) -> str:
    """What makes a letter an index or a power in LaTeX; "" for an ordinary one."""
    if c in _ESCAPES:
        return ""
    kind = unicodedata.decomposition(c).partition(" ")[0]
    return {"<sub>": "_", "<super>": "^"}.get(kind, "")


def _line(text: str) -> str:
    return " ".join(text.split())


# --- arrays and JSON --------------------------------------------------------------------------------------


def arrays_of(
    figures: Sequence[Figure], more: Mapping[str, np.ndarray], source: Source
) -> dict[str, np.ndarray]:
    """Every number behind the figures by name: `more` as it is, series as TITLE__NAME__x, __y and __error,
    columns of tables as TITLE__COLUMN; `settings` and `experiment` as JSON, `words` and `score` as text."""
    out = dict(more)
    for name, values in (pair for figure in figures for pair in _arrays(figure)):
        while name in out:
            name += "_"
        out[name] = values
    texts = {
        "settings": strict_json.dumps(source.settings),
        "experiment": strict_json.dumps(source.experiment),
    }
    texts |= {"words": source.words, "score": source.score}
    return out | {k: np.array(v) for k, v in texts.items()}


def _arrays(figure: Figure) -> Iterator[tuple[str, np.ndarray]]:
    start = slug(figure.title)
    if isinstance(figure, Plot):
        for series in figure.series:
            parts = {"x": series.x, "y": series.y, "error": series.error}
            for axis, values in parts.items():
                if values is not None:
                    yield f"{start}__{slug(series.name)}__{axis}", np.asarray(values)
        for guide in figure.guides:
            yield f"{start}__{slug(guide.word)}__x", np.asarray(guide.x)
            yield f"{start}__{slug(guide.word)}__y", np.asarray(guide.y)
        if figure.rows:
            yield f"{start}__rows", np.array(figure.rows)
    elif isinstance(figure, Table):
        for i, column in enumerate(figure.columns):
            yield f"{start}__{slug(column)}", np.array([row[i] for row in figure.rows])


def write_npz(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """The arrays as an archive for numpy.load; the old file stays whole where that fails (OSError)."""
    with write_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def write_numbers(
    path: str | Path, figures: Sequence[Figure], more: Mapping[str, np.ndarray], source: Source
) -> None:
    """Write .csv, .tex, .npz or .json, by the ending. ValueError where there is nothing of the kind to write."""
    ending = Path(path).suffix.lower()
    if ending == ".npz":
        write_npz(path, arrays_of(figures, more, source))
    elif ending == ".json":
        write_text(path, strict_json.dumps(summary(figures, source), indent=2) + "\n")
    elif ending in (".csv", ".tex"):
        write_text(path, (csv_text if ending == ".csv" else latex_text)(figures, source))
    else:
        raise Refused(
            f"Numbers are written as .csv, .tex, .npz or .json, not as {ending or 'a file without an ending'}."
        )


def summary(figures: Sequence[Figure], source: Source) -> dict[str, Any]:
    """What was found, as a JSON object: words, settings, and every figure with its numbers."""
    return {
        "laboratory": source.title,
        "settings": dict(source.settings),
        "score": source.score,
        "words": source.words,
        "figures": [_described(f) for f in figures],
    }


def _described(figure: Figure) -> dict[str, Any]:
    kind = {"kind": type(figure).__name__.lower(), "title": figure.title}
    match figure:
        case Plot():
            axes: dict[str, Any] = {"x": figure.x_label, "y": figure.y_label}
            axes |= {"rows": list(figure.rows)} if figure.rows else {}
            if figure.guides:
                axes["guides"] = [_series(g.word, g.x, g.y, None) for g in figure.guides]
            return kind | axes | {"series": [_series(s.name, s.x, s.y, s.error) for s in figure.series]}
        case Table():
            return kind | {
                "columns": list(figure.columns),
                "rows": [[_plain(v) for v in r] for r in figure.rows],
            }
        case Equation():
            return kind | {"latex": figure.latex, "words": figure.words}
        case Picture():
            return kind | {"bounds": [_plain(v) for v in figure.bounds], "about": figure.about}


def _series(name: str, x: Any, y: Any, error: Any) -> dict[str, Any]:
    values = {"x": x, "y": y} | ({} if error is None else {"error": error})
    return {"name": name} | {k: [_plain(v) for v in np.asarray(a, float).tolist()] for k, a in values.items()}


def _plain(value: Any) -> Any:
    """A value that JSON has: numbers that are not finite are null."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
