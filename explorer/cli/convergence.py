"""convergence: errors of samplers against steps, with fitted orders."""

from __future__ import annotations

from typing import Any

from explorer.analysis.convergence import MEASURES, SETS
from explorer.cli.errors import Parser
from explorer.cli.labs import lab_arguments, lab_command


def main(program: str, argv: list[str]) -> int:
    """Measure."""
    options = _parser(program).parse_args(argv)
    return lab_command("convergence", options, _given(vars(options)), {"named": "samplers"})


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        description="Errors of samplers against steps or evaluations, over seeds, with fitted and declared orders.",
    )
    lab_arguments(parser)
    sets = ", ".join(name for name in SETS if name != "named")
    parser.add_argument(
        "--samplers", metavar="A,B,C",
        help=f"names with commas between, such as 'ancestral, heun, sra(eta=0.5)'; or a set: {sets}",
    )  # fmt: skip
    parser.add_argument("--measure", choices=list(MEASURES), help="which error")
    parser.add_argument("--axis", choices=["steps", "nfe"], help="against what it is fitted and drawn")
    parser.add_argument("--steps", metavar="N,N,N", help="numbers of steps, such as 16,32,64,128")
    parser.add_argument("--seeds", type=int, metavar="N", help="how many repetitions")
    parser.add_argument("--particles", type=int, metavar="N", help="how many particles")
    parser.add_argument("--grid", metavar="NAME", help="the time grid: uniform, quadratic, log_snr, edm")
    return parser


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The laboratory's parameters that the options name."""
    names = ("measure", "axis", "steps", "seeds", "particles", "grid")
    given = {name: options[name] for name in names if options[name] is not None}
    samplers = options["samplers"]
    if samplers is None:
        return given
    chosen = samplers.strip()
    return given | ({"which": chosen} if chosen in SETS else {"which": "named", "named": chosen})
