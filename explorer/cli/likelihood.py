"""likelihood: log-densities by the probability-flow ODE, against the exact ones; of pictures bits per dimension."""

from __future__ import annotations

import math
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from explorer.analysis.likelihood import (
    DIVERGENCES,
    ENDS,
    PROBES,
    START,
    Divergence,
    Estimate,
    Exact,
    Flow,
    Measured,
    estimated,
    final,
    hutchinson,
    measured,
    within,
)
from explorer.analysis.likelihood.bits import STEPS
from explorer.base.lazy import torch
from explorer.cli import image_bits as picture_bits
from explorer.cli.common import (
    experiment_argument,
    load_model,
    model_argument,
    print_json,
    progress,
    read_document,
    resolved,
    with_model,
)
from explorer.cli.errors import Parser, WrongUse
from explorer.cli.points import points_at, table_arguments, units_argument
from explorer.data.distributions.units import Units, axis_names, header
from explorer.diffusion.scores import Score
from explorer.experiment.schema import Experiment
from explorer.labs.toolkit.density_parts import draws

#: What the command takes where nothing else is said.
SAMPLES, PROBES_OF_POINTS, TOLERANCE, MOST_PROBES = 1000, 8, 1e-5, 1000


def main(program: str, argv: list[str]) -> int:
    """Measure."""
    options = _parser(program).parse_args(argv)
    model = load_model(options.model)
    asked = with_model(read_document(options.experiment, options.sets), model).experiment
    e = asked.free
    if e.pictures is not None:
        picture_bits.check(options)
        _check(options, e)
        return picture_bits.measure(options, e, resolved(e, model), asked.given)
    if options.image or options.check:
        raise WrongUse(
            "--image and --check are for pictures: choose MNIST digits, or another set of pictures."
        )
    _check(options, e)
    t = max(START, options.t)
    units = e.data.units_in(options.units)
    x = _points(options, e, t, units)
    answer = resolved(e, model)
    m = measured(_found(options, e, answer.score, x, t), e.sde, e.data.mixture, x, t)
    axes = axis_names((), e.data.dim)
    if units:
        x, m, axes = torch.from_numpy(units.to_file(x.numpy())), in_units(m, units), list(units.columns)
    summary = summarised(m, options.end == "exact") | {"t": options.t, "score": answer.named}
    summary |= picture_bits.left_out(asked.given)
    if options.json:
        print_json(summary | {"rows": [_row(axes, x, m, i) for i in range(len(x))]})
    elif options.points:
        sys.stdout.writelines(_csv(axes, x, m))
        print(_sentence(summary), file=sys.stderr)
    else:
        print(_sentence(summary))
    return 0


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        description="log p(x) in nats of an experiment's score, by the probability-flow ODE, and its mean error "
        "against the exact log-density. With --points a table of x, y, exact, found, error; error is the "
        "standard error of Hutchinson's estimate, from 8 probes on (in the plane two Rademacher probes are exact). "
        "Of pictures: bits per dimension of held-out pictures or of "
        "files, a bound, with its standard error.",
    )
    experiment_argument(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--points", metavar="FILE", help="at rows of x, y: a table or arrays (- is stdin)")
    where.add_argument(
        "--samples", type=int, metavar="N",
        help=f"at N data points (default {SAMPLES}); of N held-out pictures (default {picture_bits.SAMPLES})",
    )  # fmt: skip
    where.add_argument(
        "--image", metavar="FILE", nargs="+", help="of these pictures, brought to the data's size"
    )
    table_arguments(parser, "--points")
    units_argument(parser, "points and densities")
    parser.add_argument("--t", type=float, default=0.0, metavar="T", help="of the noised data at this time")
    parser.add_argument(
        "--divergence", choices=list(DIVERGENCES), help="default: exact; of pictures Hutchinson's"
    )
    parser.add_argument("--probes", type=int, metavar="K", help=f"of Hutchinson's (default {PROBES_OF_POINTS}; "
                        f"of pictures {picture_bits.PROBES}, each with a draw of its own)")  # fmt: skip
    parser.add_argument("--steps", type=int, metavar="N", default=STEPS,
                        help=f"of pictures: RK4 steps (default {STEPS}); 0 is an adaptive solver")  # fmt: skip
    parser.add_argument("--check", action="store_true", help="of pictures: measure with twice the steps too")
    parser.add_argument("--probe", choices=list(PROBES), default="rademacher", help="their distribution")
    parser.add_argument(
        "--end", choices=list(ENDS), default="prior", help="the density at T: the prior, or the exact p_T"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="TOL",
        default=TOLERANCE,
        help=f"of the solver (default {TOLERANCE:g})",
    )
    model_argument(parser)
    parser.add_argument("--json", action="store_true", help="JSON with the values at every point")
    return parser


def _check(options: Namespace, e: Experiment) -> None:
    """Refuse what is out of range, naming the option."""
    limits = {
        "t": (0, e.sde.T), "samples": (1 if e.pictures else 2, 10**6), "probes": (1, MOST_PROBES),
        "tolerance": (1e-7, 0.1), "steps": (0, 10**5),
    }  # fmt: skip
    for name, (low, high) in limits.items():
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise WrongUse(f"--{name} must be between {low:g} and {high:g}, not {value:g}.")


def _points(options: Namespace, e: Experiment, t: float, units: Units | None) -> torch.Tensor:
    """The points of the table, or draws of the data at time t; (n, d) float64 in standard units."""
    if options.points:
        given = points_at(options.points, e.data.dim, options)
        return torch.from_numpy(units.to_standard(given) if units else given)
    return draws(e, options.samples or SAMPLES, t)


def _found(options: Namespace, e: Experiment, score: Score, x: torch.Tensor, t: float) -> Estimate:
    """Solve, with a bar where somebody looks."""
    flow = Flow(e.sde, score, within(options.tolerance))
    divergence: Divergence = Exact()
    if options.divergence == "hutchinson":
        count = options.probes or PROBES_OF_POINTS
        divergence = hutchinson(options.probe, count, tuple(x.shape), e.seed)
    last = final(progress(flow.encode(x, t, divergence), 0, "solving", " steps"))
    return estimated(flow, last, e.data.mixture if options.end == "exact" else None)


def in_units(m: Measured, units: Units) -> Measured:
    """The log-densities of scale * x + shift: in the units of a file."""
    each = m.estimate.each + units.log_jacobian
    return replace(m, estimate=replace(m.estimate, each=each), truth=m.truth + units.log_jacobian)


def summarised(m: Measured, exact_end: bool = False) -> dict[str, Any]:
    """Means over the points in nats, their standard errors, and the prior's own mismatch at the codes.

    `probe_error` is what Hutchinson's probes leave `mean` with; None where one cannot know (one probe) or the
    divergence is exact. `prior_mismatch` is what the prior did to the mean: None where p_T was exact.
    """
    (mean, probe_error), (gap, spread) = m.estimate.mean(), m.mean_error
    return {
        "points": len(m.truth), "mean": mean, "probe_error": probe_error or None, "exact": float(m.truth.mean()),
        "mean_absolute_error": gap, "mean_absolute_error_error": None if math.isnan(spread) else spread,
        "prior_mismatch": None if exact_end else float(m.mismatch.mean()), "nfe": m.estimate.nfe,
    }  # fmt: skip


def _sentence(s: dict[str, Any]) -> str:
    probed = f" ± {s['probe_error']:.2g} (probes)" if s["probe_error"] else ""
    spread = s["mean_absolute_error_error"]
    off = s["prior_mismatch"]
    ended = "with the exact p_T" if off is None else f"prior in place of p_T: {off:+.5f} on average"
    bar = "" if spread is None else f" ± {spread:.1g}"
    free = picture_bits.free(s)
    return (
        f"log p of {s['points']} points: {s['mean']:.4f}{probed} nats on average, exact {s['exact']:.4f}; mean "
        f"absolute error {s['mean_absolute_error']:.4f}{bar} nats; {ended}; {s['nfe']} evaluations of the score{free}."
    )


#: What is said of each point after its coordinates.
_SAID = ("exact", "found", "error")


def _values(m: Measured, i: int) -> list[float | None]:
    """Of `_SAID`, at point i."""
    error = None if m.estimate.error is None else float(m.estimate.error[i])
    return [float(m.truth[i]), float(m.estimate.values[i]), error]


def _row(axes: Sequence[str], x: torch.Tensor, m: Measured, i: int) -> dict[str, float | None]:
    # a coordinate that is called as one of ours keeps its own key
    names = [f"{name} (coordinate)" if name in _SAID else name for name in axes]
    return dict(zip([*names, *_SAID], [*x[i].tolist(), *_values(m, i)], strict=True))


def _csv(axes: Sequence[str], x: torch.Tensor, m: Measured) -> list[str]:
    rows = [[*x[i].tolist(), *_values(m, i)] for i in range(len(x))]
    cells = (",".join("" if v is None else f"{v:.9g}" for v in row) for row in rows)
    return [header([*axes, *_SAID]), *(f"{line}\n" for line in cells)]
