"""bench: the measurements of benchmarks/, which stand beside the package in a checkout."""

from __future__ import annotations

import subprocess
import sys

from explorer import paths
from explorer.cli.errors import Failed


def main(program: str, argv: list[str]) -> int:
    """Run benchmarks/run.py with these arguments, in a process of its own: it measures memory too."""
    script = paths.PACKAGE.parent / "benchmarks" / "run.py"
    if not script.is_file():
        raise Failed(
            f"{program} works in a checkout only: there is no {script.parent.name}/{script.name} here."
        )
    return 1 if subprocess.run([sys.executable, str(script), *argv], check=False).returncode else 0
