"""Run the benchmarks, one process each so that none disturbs the next, and print one report.

`python benchmarks/run.py [NAME ...] [--out RESULTS.md]`; without names all of them run, in about half an hour.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from explorer.base.files import write_text  # noqa: E402

NAMES = (
    "startup",
    "window",
    "canvas",
    "samplers",
    "memory",
    "own_points",
    "export",
    "training",
    "objectives",
    "fokker_planck",
    "likelihood",
    "pictures",
)


def machine() -> str:
    """The machine in a sentence."""
    import torch

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{model}, {os.cpu_count()} cores, {gpu}; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def report(names: list[str]) -> str:
    """The Markdown of all benchmarks named."""
    parts = [f"# Benchmarks\n\n{datetime.date.today().isoformat()} · {machine()}\n"]
    for name in names:
        print(f"running {name} ...", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, str(HERE / f"{name}.py")], capture_output=True, text=True)
        body = (
            done.stdout.strip()
            if done.returncode == 0
            else f"failed:\n```\n{done.stderr.strip()[-2000:]}\n```"
        )
        parts.append(f"## {name}\n\n{body}\n")
    return "\n".join(parts)


def main(
    argv: Sequence[str] | None = None,
    make: Callable[..., argparse.ArgumentParser] = argparse.ArgumentParser,
) -> None:
    """Read the command line, with a parser that `make` makes, and print the report."""
    parser = make(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--out", type=Path, help="write the report here instead")
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are: {', '.join(NAMES)}")
    text = report(arguments.names or list(NAMES))
    if arguments.out:
        write_text(arguments.out, text)
    else:
        print(text)


if __name__ == "__main__":
    main()
