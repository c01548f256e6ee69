"""likelihood of pictures: bits per dimension of held-out pictures or of files."""

from __future__ import annotations

import math
from argparse import Namespace
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from explorer.analysis.likelihood import Bits, Coder
from explorer.base.printable import printable
from explorer.cli.common import print_json, progress, warn
from explorer.cli.errors import WrongUse
from explorer.data.images import ImageSet
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.guidance.own_image import own_levels

#: Held-out pictures and probes where nothing else is said.
SAMPLES, PROBES = 16, 1


def measure(options: Namespace, e: Experiment, answer: Resolved, given: str = "") -> int:
    """Measure and print; `given` is the control that is left out."""
    data = e.pictures
    assert data is not None
    names, images = _pictures(options, data)
    coder = Coder(
        e.sde, answer.score, options.steps, options.probes or PROBES, e.seed, options.tolerance
    )  # fmt: skip
    found = _found(coder, images)
    summary = summarised(found, options.steps, options.tolerance) | {"score": answer.named}
    summary |= left_out(given)
    if options.check:
        finer = Coder(e.sde, answer.score, 2 * options.steps, coder.probes, e.seed)
        doubled = _found(finer, images)
        summary["doubled"] = {"steps": 2 * options.steps, "bits_per_dim": doubled.mean}
        summary["moved"] = float(np.abs(doubled.values - found.values).mean())
    if options.json:
        print_json(summary | {"rows": _rows(names, found)})
    else:
        print(_sentence(summary))
        for row in _rows(names, found) if options.image else ():
            print(f"{printable(row['picture'])}: {row['bits_per_dim']:.4f}" + _bar(row["error"]))
    return 0


def check(options: Namespace) -> None:
    """Refuse what is only said of points, and what is out of range, naming the option."""
    for name, given in (
        ("points", options.points), ("t", options.t), ("divergence exact", options.divergence == "exact"),
        ("probe gaussian", options.probe == "gaussian"), ("end exact", options.end == "exact"),
    ):  # fmt: skip
        if given:
            raise WrongUse(
                f"--{name} is for points; pictures take --samples, --image, --probes, --steps and --check."
            )
    if options.check and not options.steps:
        raise WrongUse("--check doubles the steps: name some with --steps.")


def _pictures(options: Namespace, data: ImageSet) -> tuple[list[str], np.ndarray]:
    """Names and levels (n, c, h, w)."""
    if options.image:
        files = [Path(name) for name in options.image]
        return [path.name for path in files], np.stack([_own(path, data) for path in files])
    n, there = options.samples or SAMPLES, len(data.held_out)
    if n > there:
        raise WrongUse(f"--samples {n}: there are {there} held-out pictures.")
    return [f"held out {i + 1}" for i in range(n)], data.held_out.images[:n]


def _own(path: Path, data: ImageSet) -> np.ndarray:
    """The levels (c, h, w) of a picture in a file; what was done to it is said."""
    levels, said = own_levels(path, data)
    warn(said)
    return np.array(levels, np.uint8).reshape(data.size)


def _found(coder: Coder, images: np.ndarray) -> Bits:
    """Measure, with a bar where somebody looks."""
    _, found = deque(progress(coder.measure(images), 0, "solving", " steps"), maxlen=1).pop()
    assert found is not None
    return found


def summarised(found: Bits, steps: int, tolerance: float) -> dict[str, Any]:
    """The mean in bits/dim, its standard error over the pictures (None for one), and how it was found."""
    solver = {"steps": steps} if steps else {"tolerance": tolerance}
    return {
        "pictures": len(found.each), "probes": found.each.shape[1], "bits_per_dim": found.mean,
        "standard_error": _or_none(found.error), "noise": found.noise, "nfe": found.nfe, **solver,
    }  # fmt: skip


def _rows(names: list[str], found: Bits) -> list[dict[str, Any]]:
    return [
        {"picture": name, "bits_per_dim": float(value), "error": _or_none(float(error))}
        for name, value, error in zip(names, found.values, found.errors, strict=True)
    ]


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _bar(error: float | None) -> str:
    return "" if error is None else f" ± {error:.2g}"


def _few(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def left_out(given: str) -> dict[str, str]:
    """The part of a summary that says which control is no part of it."""
    return {"without_control": given} if given else {}


def free(s: dict[str, Any]) -> str:
    """The same of a summary in words."""
    given = s.get("without_control")
    return f"; of the whole data, without the control ({given})" if given else ""


def _sentence(s: dict[str, Any]) -> str:
    over = "" if s["standard_error"] is None else " (standard error over pictures)"
    how = f"{s['steps']} RK4 steps" if "steps" in s else f"an adaptive solver within {s['tolerance']:g}"
    twice = (
        f" With twice the steps {s['doubled']['bits_per_dim']:.4f}: pictures move by {s['moved']:.4f} on average."
        if "doubled" in s
        else ""
    )
    return (
        f"{s['bits_per_dim']:.4f}{_bar(s['standard_error'])} bits/dim on {_few(s['pictures'], 'picture')}{over}, "
        f"{_few(s['probes'], 'probe')} each, {how}, {s['nfe']} evaluations of the score{free(s)}.{twice}"
    )
