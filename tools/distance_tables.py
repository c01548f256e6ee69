"""Measure the tables of distances in docs/ anew and put them in: `python tools/distance_tables.py [NAME ...]`.

Energy distances to one draw of 20,000 points (`explorer.data.metrics.Reference`). Without names all tables are made;
they take some minutes.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from explorer.data import metrics  # noqa: E402
from explorer.data.distributions import DISTRIBUTIONS  # noqa: E402
from explorer.diffusion.samplers import Sampler  # noqa: E402
from explorer.diffusion.simulate import simulate  # noqa: E402
from explorer.experiment.resolution import prepare, resolve  # noqa: E402
from explorer.experiment.schema import Experiment, ScoreSource  # noqa: E402
from explorer.guidance.class_guidance import ClassGuidance  # noqa: E402
from explorer.labs import Context  # noqa: E402
from explorer.labs.guidance import GuidanceLab, Work, _direction  # noqa: E402
from explorer.labs.inverse import Inverse  # noqa: E402
from explorer.labs.toolkit.control_runs import Distances, mean_and_error  # noqa: E402
from explorer.networks import NetworkSpec, Training  # noqa: E402
from explorer.networks.files import Model  # noqa: E402
from explorer.session.scenes import SCENES  # noqa: E402
from explorer.training import train  # noqa: E402
from explorer.training.objectives import OBJECTIVES  # noqa: E402

SEEDS = (0, 1, 2)
#: Particles of the runs of scenes.
PARTICLES = 1000
EXACT = ScoreSource("exact")


def end(e: Experiment, seed: int = 0, model: Model | None = None) -> np.ndarray:
    """Where the particles of a run end."""
    frames = simulate(e.sde, e.sampler, resolve(e, model).score, e.target, seed)
    return deque(frames, maxlen=1)[0].x


def energy(e: Experiment, model: Model | None = None) -> list[float]:
    """The energy distance to what the samples should be, by seed."""
    return [metrics.reference(e.target).energy_distance(end(e, seed, model)) for seed in SEEDS]


def few(value: float) -> str:
    """Two digits."""
    return np.format_float_positional(float(f"{value:.2g}"), trim="-")


def measured(values: list[float]) -> str:
    """Mean and standard error, to the digits of the error."""
    mean, error = mean_and_error(values)
    digits = max(0, 1 - int(np.floor(np.log10(max(error, 1e-12))))) if error else 4
    return f"{mean:.{min(digits, 5)}f} ± {error:.{min(digits, 5)}f}".replace("-", "−")


def table(*rows: tuple[str, ...]) -> str:
    """Rows as Markdown, the first one being the head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def inverse() -> str:
    """Replacement against the exact posterior."""
    e = Experiment(data=DISTRIBUTIONS["two_moons"](), score=EXACT)
    lab = Inverse(problem="inpaint")
    work, steps = lab._work(Context(e, resolve(e))), (10, 50, 200)
    rows, means = [], {}
    for method in lab._methods()[:3]:
        by_steps = []
        for n in steps:
            ends = [lab._run(work, method, n, seed) for seed in SEEDS]
            by_steps.append(measured([work.distances(x) for x in ends]))
            off = [float((x @ work.across).mean() - work.target.mean @ work.across) for x in ends]
            means[method.words] = measured(off)
        rows.append((method.words, *by_steps))
    floor = work.distances.floor
    return (
        f"Energy distance to the exact posterior, two moons with $x_1 = 0.5$ known (exact score, VP, {lab.particles} "
        f"particles, {len(SEEDS)} seeds; floor {few(floor)}):\n\n{table(('steps', *map(str, steps)), *rows)}\n\n"
        f"The mean of $x_2$ is off by {means['replacement']} under replacement and by {means['exact posterior']} under "
        "the posterior's score."
    )


def guidance() -> str:
    """What the weight of guidance does."""
    e = Experiment(data=DISTRIBUTIONS["pinwheel"](), score=EXACT)
    lab, weights = GuidanceLab(), (0.0, 0.5, 1.0, 2.0, 4.0, 10.0)
    control = ClassGuidance(label=lab.label)
    target = control.target(e.data.mixture)
    work = Work(
        Context(e, resolve(e)),
        control,
        target,
        _direction(e.data.mixture, target),
        Distances(target, lab.particles),
    )
    found = np.array([lab._row(work, w) for w in weights])
    rows = (
        (r"class share $\mathbb E\,p(y\mid x)$", *(f"{v:.3f}" for v in found[:, 1])),
        (r"spread over that of $p(x\mid y)$", *(f"{v:.2f}" for v in found[:, 3])),
        (r"energy distance to $p(x\mid y)$", *(few(v) for v in found[:, 5])),
    )
    return (
        f"Measured on one arm of the pinwheel (exact score, VP, reverse diffusion, {lab.steps} steps, {lab.particles} "
        f"particles, {lab.repeats} seeds; floor of the distance {few(work.distances.floor)}):\n\n"
        f"{table(('$w$', *(f'{w:g}' for w in weights)), *rows)}"
    )


def rules() -> str:
    """The three rules of guidance by a class."""
    base = Experiment(sampler=Sampler(steps=200, particles=2000), control=ClassGuidance(label=0))
    network, training = NetworkSpec(classes=8), Training(seconds=0, iterations=3000, device="cpu")
    *_, last = train(base.data.mixture, base.sde, OBJECTIVES["dsm"](), network, training, 0)
    labelled = Model(network, dict(last.weights), 2, base.data.mixture.rms)
    ways = (
        ("exact", "exact", "exact", EXACT, None),
        ("exact", "pretrained network", "exact", ScoreSource(), None),
        ("classifier (800 iterations)", "pretrained network", "classifier", ScoreSource(), None),
        (
            "classifier-free", f"network trained for {training.iterations} iterations with labels", "classifier_free",
            ScoreSource("trained", network=network), labelled,
        ),
    )  # fmt: skip
    rows = []
    for rule, words, name, source, model in ways:
        e = replace(base, score=source, control=replace(base.control, rule=name))
        prepare(e)
        x = end(e, 0, model)
        share = metrics.torch.from_numpy(x)
        p = float(e.data.mixture.class_probabilities(share)[:, 0].mean())
        rows.append((rule, words, few(float(np.mean(energy(e, model)))), f"{p:.3f}"))
    floor = metrics.reference(base.target).floor("energy_distance", base.sampler.particles)
    head = ("rule", "score", r"energy distance to $p(x\mid y)$", "class share")
    return (
        "The three rules at $w = 1$ on one of the eight Gaussians (VP, reverse diffusion, 200 steps, 2000 particles; "
        f"the mean over {len(SEEDS)} seeds; floor of the distance {few(floor.mean)} ± {few(floor.std)}):\n\n"
        f"{table(head, *rows)}"
    )


def _scene(name: str) -> list[list[float]]:
    """The energy distances of both stages of a scene."""
    document = next(s for s in SCENES if s.name == name).document
    found = []
    for e in (document.experiment, document.compare):
        assert e is not None
        found.append(energy(replace(e, sampler=replace(e.sampler, particles=PARTICLES))))
    return found


def mistakes() -> str:
    """Energy distances of the scenes of Break it."""
    rows = []
    for scene in SCENES:
        if scene.name.startswith("mistake_") and scene.name not in (
            "mistake_score_sign",
            "mistake_time_sign",
        ):
            right, wrong = _scene(scene.name)
            data = scene.document.experiment.target
            floor = metrics.reference(data).floor("energy_distance", PARTICLES)
            name = f"`{scene.name.removeprefix('mistake_')}`"
            rows.append((name, measured(right), measured(wrong), f"{floor.mean:.4f} ± {floor.std:.4f}"))
    return table(("scene", "right", "wrong", f"{PARTICLES} points of the data (floor)"), *rows)


def pitfalls() -> str:
    """Energy distances of two pitfalls."""
    rows = []
    for name, title in (("pitfall_manifold", "Data on a line"), ("pitfall_slow_mixing", "Slow mixing")):
        plain, annealed = _scene(name)
        rows.append((title, measured(plain), measured(annealed)))
    return table(("scene", "Langevin at one level", "annealed Langevin"), *rows)


#: Which page a table is in, and what makes it.
TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "inverse": ("control.md", inverse),
    "guidance": ("control.md", guidance),
    "rules": ("control.md", rules),
    "mistakes": ("pitfalls-and-mistakes.md", mistakes),
    "pitfalls": ("pitfalls-and-mistakes.md", pitfalls),
}


def put_in(page: Path, name: str, made: str) -> None:
    """Write a table between its marks, which must be there."""
    begin, finish = f"<!-- {name}: made by tools/distance_tables.py -->", "<!-- end -->"
    text = page.read_text(encoding="utf-8")
    if begin not in text:
        raise SystemExit(f"{page.name} has no place for {name}: {begin}")
    inside = f"{begin}\n\n{made}\n\n{finish}"
    page.write_text(
        re.sub(f"{begin}.*?{finish}", lambda _: inside, text, count=1, flags=re.S), encoding="utf-8"
    )


def main() -> None:
    """Make those named, or all."""
    for name in sys.argv[1:] or TABLES:
        page, make = TABLES[name]
        put_in(ROOT / "docs" / page, name, make())
        print(name, flush=True)


if __name__ == "__main__":
    main()
