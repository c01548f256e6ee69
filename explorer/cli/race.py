"""race: train several objectives side by side against the exact score."""

from __future__ import annotations

from typing import Any

from explorer.cli.errors import Parser, WrongUse
from explorer.cli.labs import lab_arguments, lab_command


def main(program: str, argv: list[str]) -> int:
    """Race."""
    parser = Parser(program, description="Train several objectives side by side: Fisher divergence and cost.")
    lab_arguments(parser)
    parser.add_argument("--objectives", metavar="A,B,C", help="who runs; `list objectives` names them")
    parser.add_argument("--iterations", type=int, metavar="N", help="of each")
    options = parser.parse_args(argv)
    given: dict[str, Any] = {}
    if options.objectives is not None:
        given["objectives"] = _chosen(options.objectives)
    if options.iterations is not None:
        given["iterations"] = options.iterations
    return lab_command("race", options, given)


def _chosen(names: str) -> dict[str, bool]:
    from explorer.training.objectives import OBJECTIVES

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in OBJECTIVES]
    if unknown or not wanted:
        raise WrongUse(f"--objectives takes some of {', '.join(OBJECTIVES)}, not {names!r}.")
    return {name: name in wanted for name in OBJECTIVES}
