"""score: the exact and the learned score and log-density at points from a table."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from explorer.cli.common import (
    DASH,
    experiment_argument,
    load_model,
    model_argument,
    print_json,
    read_document,
    resolved,
    with_model,
)
from explorer.cli.errors import Parser, WrongUse
from explorer.experiment import Experiment
from explorer.lazy import torch

AXES = ("x", "y", "z")
#: Lines of a table: number and fields.
Rows: TypeAlias = list[tuple[int, list[str]]]


def main(program: str, argv: list[str]) -> int:
    """Evaluate."""
    options = _parser(program).parse_args(argv)
    model = load_model(options.model)
    e = with_model(read_document(options.experiment, options.sets), model).experiment
    times = options.t or [e.sde.eps]
    for t in times:
        if not 0 <= t <= e.sde.T:
            raise WrongUse(f"--t must be between 0 and {e.sde.T:g}, not {t:g}.")
    points = read_points(options.points, e.data.dim)
    answer = resolved(e, model)
    rows = [evaluated(e, None if answer.exact else answer.score, points, t) for t in times]
    if options.json:
        print_json(rows)
    else:
        sys.stdout.writelines(_csv(rows, points))
    return 0


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        description="Evaluate the scores of an experiment at points: columns t, the point, log_density, "
        "exact_*, and of a network learned_log_density (by the probability-flow ODE) and learned_*.",
    )
    experiment_argument(parser)
    parser.add_argument("--points", metavar="P.csv", required=True, help="rows of x, y (- is stdin)")
    parser.add_argument(
        "--t", type=float, nargs="+", metavar="T", help="times (default: where sampling ends)"
    )
    model_argument(parser)
    parser.add_argument("--json", action="store_true", help="JSON instead of CSV")
    return parser


def evaluated(e: Experiment, learned: Any, points: np.ndarray, t: float) -> dict[str, Any]:
    """log_density (n,), exact (n, d) and, of a network, learned_log_density (n,) and learned (n, d) at time t."""
    from explorer.likelihood import Flow, log_likelihood
    from explorer.scores.base import ExactScore, LearnedScore

    x = torch.from_numpy(points)
    alpha, sigma = e.sde.marginal(t)
    with torch.no_grad():
        out: dict[str, Any] = {
            "t": t,
            "log_density": e.data.mixture.log_density(x, alpha, sigma).tolist(),
            "exact": ExactScore(e.data.mixture, e.sde)(x, t).tolist(),
        }
        if learned is not None:
            if isinstance(learned, LearnedScore):  # a guided field is no density's score
                out["learned_log_density"] = log_likelihood(Flow(e.sde, learned), x, t).values.tolist()
            out["learned"] = learned(x.float(), t).tolist()
    return out


def _csv(rows: list[dict[str, Any]], points: np.ndarray) -> Iterator[str]:
    axes = AXES[: points.shape[1]]
    scores = [name for name in ("exact", "learned") if name in rows[0]]
    densities = [name for name in ("log_density", "learned_log_density") if name in rows[0]]
    columns = ["t", *axes, *densities, *(f"{name}_{axis}" for name in scores for axis in axes)]
    yield ",".join(columns) + "\n"
    for row in rows:
        for i, point in enumerate(points.tolist()):
            logs = [row[name][i] for name in densities]
            values = [row["t"], *point, *logs, *(v for name in scores for v in row[name][i])]
            yield ",".join(f"{v:.9g}" for v in values) + "\n"


def read_points(name: str, dim: int) -> np.ndarray:
    """Points (n, d) of a table, by the columns x and y where its first line names them."""
    try:
        raw = sys.stdin.buffer.read() if name == DASH else Path(name).read_bytes()
    except OSError as error:
        raise WrongUse(f"--points: {name} cannot be read: {error.strerror}.") from None
    if b"\0" in raw:  # an archive, a picture, UTF-16
        raise WrongUse(f"--points: {name} is no text in UTF-8: the points are rows of a CSV table.")
    lines = csv.reader(raw.decode("utf-8-sig", "replace").splitlines())
    try:
        numbered = [(i, row) for i, row in enumerate(lines, start=1) if any(field.strip() for field in row)]
    except csv.Error as error:
        raise WrongUse(f"--points: {name} is no table: {error}.") from None
    columns, numbered = _columns(name, dim, numbered)
    if not numbered:
        raise WrongUse(f"--points: {name} holds no points.")
    return np.array([_point(name, i, row, columns) for i, row in numbered])


def _columns(
    name: str, dim: int, rows: list[tuple[int, list[str]]]
) -> tuple[list[int], list[tuple[int, list[str]]]]:
    """Which columns hold the coordinates, and the rows without a heading."""
    if rows and not any(_is_number(field) for field in rows[0][1]):
        heads = [field.strip().lower() for field in rows[0][1]]
        missing = [axis for axis in AXES[:dim] if axis not in heads]
        if missing:
            raise WrongUse(f"--points: {name} has no column {missing[0]!r} in line {rows[0][0]}.")
        return [heads.index(axis) for axis in AXES[:dim]], rows[1:]
    for i, row in rows:
        if len(row) != dim:
            raise WrongUse(f"--points: {name} has {len(row)} columns in line {i}, not {dim}.")
    return list(range(dim)), rows


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _point(name: str, line: int, row: list[str], columns: list[int]) -> list[float]:
    fields = [row[c].strip() if c < len(row) else "" for c in columns]
    for field in fields:
        if not _is_number(field) or not np.isfinite(float(field)):
            raise WrongUse(f"--points: {name} has {field[:24]!r} in line {line}, where a number should be.")
    return [float(field) for field in fields]
