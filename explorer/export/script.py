"""A Python script that does the experiment again with this program as a library."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar

from explorer.base.printable import printable
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.export.base import EXPORTERS, Exporter, ExportError, Outline, Progress
from explorer.export.page import Renderer
from explorer.export.replay import Replay

_TEMPLATE = '''\
"""{caption}

Written by Score Explorer; run it with the Python that has it installed. It computes the same arrays
again, prints what came of them and saves them beside itself. What decides the numbers is in the
experiment{plural} below.
"""

{imports}

{experiments}

def run(experiment, out):
    """Simulate, and save t (frames,), x (frames, particles, d) and nfe (frames,)."""
{score}
    frames = list(
        simulate(
            experiment.sde, experiment.sampler, score, experiment.target, seed=experiment.seed
        )
    )
    t = np.array([frame.t for frame in frames])
    x = np.stack([frame.x for frame in frames])
    np.savez(out, t=t, x=x, nfe=np.array([frame.nfe for frame in frames]))
    print(f"{{out}}: x {{x.shape}}, {{frames[-1].nfe}} evaluations of the score for each particle")
    print(f"  mean {{x[-1].mean(axis=0)}}, standard deviation {{x[-1].std(axis=0)}}")
    print(f"  {{report(experiment, x[-1])}}")


if __name__ == "__main__":
{calls}
'''
_PREPARED = "    prepare(experiment)\n"
_RESOLVED = "    score = resolve(experiment).score"
_LOADED = """\
    if len(sys.argv) < 2:
        sys.exit("Give the file of the trained network: python {name} model.safetensors")
    score = resolve(experiment, load(sys.argv[1])).score"""

_UNTRAINED = """\
    # the network before its first step of training; with the file of a trained one, that
    score = resolve(experiment, load(sys.argv[1]) if len(sys.argv) > 1 else None).score"""


@EXPORTERS.register("python", title="Python script", order=90)
@dataclass(frozen=True)
class Script(Exporter):
    """The experiment as code. It plots nothing."""

    suffix: ClassVar[str] = ".py"
    kind: ClassVar[str] = "data"
    captioned: ClassVar[bool] = False
    about: ClassVar[str] = "The experiment as a script to build upon: it prints and saves arrays."

    def outline(self, replay: Replay) -> Outline:
        return Outline(0, 0, 1)

    def produce(self, replay: Replay, path: Path, renderer: Renderer) -> Iterator[Progress]:
        path.write_text(_of_replay(replay), encoding="utf-8")
        yield Progress(1, 1)

    def check(self, path: Path, replay: Replay) -> None:
        try:
            ast.parse(path.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise ExportError(f"the script came out wrong ({error.msg})") from error

    def size(self, replay: Replay, renderer: Renderer) -> int:
        return len(_of_replay(replay).encode())


def _of_replay(replay: Replay) -> str:
    tracks = replay.tracks
    return script_of([t.experiment for t in tracks], [t.resolved for t in tracks], replay.caption)


def script_of(experiments: list[Experiment], resolved: Sequence[Resolved], caption: str) -> str:
    """The script for one experiment, or for two that are compared, whose scores are `resolved`: one that uses a
    trained network asks for its file. A network that has not been trained, the script makes anew from the seed."""
    names = ["experiment"] if len(experiments) == 1 else ["experiment_a", "experiment_b"]
    source = resolved[0].source
    score = {"trained": _LOADED.format(name="SCRIPT.py"), "untrained": _UNTRAINED}.get(source, _RESOLVED)
    trained = source in ("trained", "untrained")
    lines = [f"{name} = {_code(e)}" for name, e in zip(names, experiments, strict=True)]
    # beside the script and of its name, so that it overwrites nothing of anybody else's
    files = [".npz"] if len(names) == 1 else [".a.npz", ".b.npz"]
    calls = [
        f'    run({name}, Path(__file__).with_suffix("{file}"))'
        for name, file in zip(names, files, strict=True)
    ]
    return _TEMPLATE.format(
        caption=printable(caption).replace("\\", "/").replace('"', "'")
        or f"A score-based model, {resolved[0].named}.",
        plural="s" * (len(names) > 1),
        imports=_imports(experiments, trained),
        experiments="\n".join(lines) + "\n",
        score=_PREPARED * _prepared(experiments) + score,
        calls="\n".join(calls),
    )


def _prepared(experiments: list[Experiment]) -> bool:
    """Whether a control needs a classifier, which the script then trains."""
    return any(getattr(e.control, "rule", "") in ("classifier", "mixed") for e in experiments)


def _imports(experiments: list[Experiment], trained: bool) -> str:
    used = {(type(v).__module__, type(v).__name__) for e in experiments for v in _objects(e)}
    used |= {("explorer.analysis.distance", "report"), ("explorer.experiment.resolution", "resolve")}
    used |= {("explorer.experiment.resolution", "prepare")} if _prepared(experiments) else set()
    used |= {("explorer.diffusion.simulate", "simulate")} | (
        {("explorer.networks.files", "load")} if trained else set()
    )
    modules = sorted({module for module, _ in used})
    ours = [f"from {m} import {', '.join(sorted(n for module, n in used if module == m))}" for m in modules]
    system = [*(["import sys"] if trained else []), "from pathlib import Path"]
    return "\n".join([*system, "", "import numpy as np", "", *ours])


def _changed(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass that are not at their default."""
    for f in fields(value):
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if f.init and getattr(value, f.name) != default:
            yield f.name, getattr(value, f.name)


def _objects(value: Any) -> Iterator[Any]:
    """The dataclass objects that the code of `value` names."""
    yield value
    for _, part in _changed(value):
        if is_dataclass(part):
            yield from _objects(part)


def _code(value: Any, indent: int = 0) -> str:
    """An expression that makes `value`, one field a line."""
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    pad = " " * (indent + 4)
    parts = [f"{pad}{name}={_code(part, indent + 4)},\n" for name, part in _changed(value)]
    inside = "\n" + "".join(parts) + " " * indent if parts else ""
    return f"{type(value).__name__}({inside})"
