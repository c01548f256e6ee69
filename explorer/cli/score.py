"""score: the exact and the learned score and log-density at points from a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from explorer.base.lazy import torch
from explorer.cli.common import (
    experiment_argument,
    load_model,
    model_argument,
    print_json,
    read_document,
    resolved,
    warn,
    with_model,
)
from explorer.cli.errors import Parser, WrongUse
from explorer.cli.points import points_at, table_arguments, units_argument
from explorer.data.distributions.units import Units, axis_names, header
from explorer.experiment.schema import Experiment


def main(program: str, argv: list[str]) -> int:
    """Evaluate."""
    options = _parser(program).parse_args(argv)
    model = load_model(options.model)
    e = with_model(read_document(options.experiment, options.sets), model).experiment
    times = options.t or [e.sde.eps]
    for t in times:
        if not 0 <= t <= e.sde.T:
            raise WrongUse(f"--t must be between 0 and {e.sde.T:g}, not {t:g}.")
    given, units = points_at(options.points, e.data.dim, options), e.data.units_in(options.units)
    points = units.to_standard(given) if units else given
    answer = resolved(e, model)
    if e.given:
        whole = "log_density and exact_* are of the whole data"
        with_it = (
            "only learned_* is under the control" if not answer.exact else "the control is no part of them"
        )
        warn(f"{whole}: {with_it} ({e.given}).")
    rows = [evaluated(e, None if answer.exact else answer.score, points, t) for t in times]
    if units:
        rows = [in_units(row, units) for row in rows]
    if options.json:
        print_json(rows)
    else:
        sys.stdout.writelines(_csv(rows, given, axis_names(units.columns if units else (), e.data.dim)))
    return 0


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        description="Evaluate the scores of an experiment at points: columns t, the point, log_density, "
        "exact_*, and of a network learned_log_density (by the probability-flow ODE) and learned_*.",
    )
    experiment_argument(parser)
    parser.add_argument(
        "--points", metavar="FILE", required=True, help="rows of x, y: a table or arrays (- is stdin)"
    )
    table_arguments(parser, "--points")
    units_argument(parser, "the points, scores and densities")
    parser.add_argument(
        "--t", type=float, nargs="+", metavar="T", help="times (default: where sampling ends)"
    )
    model_argument(parser)
    parser.add_argument("--json", action="store_true", help="JSON instead of CSV")
    return parser


def evaluated(e: Experiment, learned: Any, points: np.ndarray, t: float) -> dict[str, Any]:
    """log_density (n,), exact (n, d) and, of a network, learned_log_density (n,) and learned (n, d) at time t."""
    from explorer.analysis.likelihood import Flow, log_likelihood
    from explorer.diffusion.scores import ExactScore
    from explorer.networks.learned import LearnedScore

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


def in_units(row: dict[str, Any], units: Units) -> dict[str, Any]:
    """What `evaluated` gives, of the density and score at scale * x_t + shift: in the units of a file."""
    out = dict(row)
    for name in ("exact", "learned"):
        if name in row:
            out[name] = units.score(np.array(row[name])).tolist()
    for name in ("log_density", "learned_log_density"):
        if name in row:
            out[name] = (np.array(row[name]) + units.log_jacobian).tolist()
    return out


def _csv(rows: list[dict[str, Any]], points: np.ndarray, axes: Sequence[str]) -> Iterator[str]:
    scores = [name for name in ("exact", "learned") if name in rows[0]]
    densities = [name for name in ("log_density", "learned_log_density") if name in rows[0]]
    columns = ["t", *axes, *densities, *(f"{name}_{axis}" for name in scores for axis in axes)]
    yield header(columns)
    for row in rows:
        for i, point in enumerate(points.tolist()):
            logs = [row[name][i] for name in densities]
            values = [row["t"], *point, *logs, *(v for name in scores for v in row[name][i])]
            yield ",".join(f"{v:.9g}" for v in values) + "\n"
