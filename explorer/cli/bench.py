"""bench: the measurements of benchmarks/, which stand beside the package in a checkout."""

from __future__ import annotations

import runpy
from functools import partial

from explorer.base import paths
from explorer.cli.errors import Failed, Parser


def main(program: str, argv: list[str]) -> int:
    """Run benchmarks/run.py with these arguments; it gives each benchmark a process of its own."""
    script = paths.PACKAGE.parent / "benchmarks" / "run.py"
    if not script.is_file():
        raise Failed(
            f"{program} works in a checkout only: there is no {script.parent.name}/{script.name} here."
        )
    runpy.run_path(str(script))["main"](argv, partial(Parser, program))
    return 0
