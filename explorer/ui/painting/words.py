"""The words of headings and captions."""

from __future__ import annotations

from explorer.diffusion.frames import Frame
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment

TITLES = {
    "forward": "Forward diffusion",
    "reverse": "Reverse SDE",
    "ode": "Probability-flow ODE",
    "pc": "Predictor-corrector",
    "langevin": "Langevin dynamics",
    "annealed": "Annealed Langevin",
}
#: What the score is where the data has just become the user's own.
NEW_DATA = {
    "exact": "The exact score is used.",
    "pretrained": "No network has been trained on it: the exact score is used until you train one.",
    "trained": "The network was trained on other data: train again for these.",
}
PARTS = {
    "start": "start",
    "predict": "predictor",
    "correct": "corrector",
    "diffuse": "forward",
    "langevin": "Langevin",
}


def title(e: Experiment) -> str:
    """What the stage shows."""
    return TITLES[e.sampler.mode]


def subtitle(e: Experiment) -> str:
    """By which method, with which numbers; a mistake made on purpose comes first."""
    s = e.sampler
    method = {
        "forward": f"{e.sde.title} · exact paths · N = {s.steps}",
        "reverse": f"{e.sde.title} · {s.predictor.title} · N = {s.steps} · η = {s.eta:g}",
        "ode": f"{e.sde.title} · {s.solver.title}" + ("" if s.solver.adaptive else f" · N = {s.steps}"),
        "pc": f"{e.sde.title} · {s.predictor.title} + {s.corrector_steps} × {s.corrector.title} · N = {s.steps} · "
        f"snr = {s.snr:g}",
        "langevin": _langevin(e),
        "annealed": f"{e.sde.title} · {s.levels} levels × {s.level_steps} · ε = {s.annealed_step:g} σ_L²",
    }
    mistake, control = e.altered
    return " · ".join(filter(None, (mistake, method[s.mode], control)))


def _langevin(e: Experiment) -> str:
    s = e.sampler
    warm = "" if s.temperature == 1 else f" · T = {s.temperature:g}"
    half = "" if s.convention == "whole" else " (ε/2)"
    return f"{e.sde.title} · t = {s.langevin_time:g} · ε = {s.langevin_step:g}{half}{warm}" + (
        " · Metropolis" if s.adjusted else ""
    )


def caption(e: Experiment, resolved: Resolved) -> str:
    """One line that names everything the picture depends on, with the score that was used."""
    return f"{e.data.title} · {title(e)} · {subtitle(e)} · {resolved.named} · seed {e.seed}"


def part(e: Experiment, frame: Frame) -> str:
    """What the last sub-step was."""
    if frame.part == "predict" and e.sampler.mode == "ode":
        return "solver"
    if frame.accepted is not None:
        return f"Langevin · {frame.accepted:.0%} accepted"
    return f"corrector {frame.sub}" if frame.part == "correct" else PARTS.get(frame.part, frame.part)


#: What each mode's sub-steps are.
STEPS = {
    "forward": ("diffuse",), "reverse": ("predict",), "ode": ("predict",), "pc": ("predict", "correct"),
    "langevin": ("langevin",), "annealed": ("langevin",),
}  # fmt: skip
#: A step of the forward SDE, and the transition that makes it exact.
FORWARD = (
    r"dx = \drift{f(x, t)\, dt} + \noise{g(t)\, dw},\;"
    r"x_t = \drift{\alpha(t)\, x_0} + \noise{\sigma(t)\, z}"
)


def equation_of(e: Experiment, frame: Frame) -> str:
    """The equation of the step that made this frame, and below it what a mistake makes of it."""
    return _equation(e, frame.part)


def equations_of(e: Experiment) -> tuple[str, ...]:
    """Those of every sub-step of a run, its start included."""
    return tuple(_equation(e, part) for part in ("start", *STEPS[e.sampler.mode]))


def _equation(e: Experiment, part: str) -> str:
    mistake = e.sampler.mistake
    spoilt = mistake.made and not mistake.idle(e.sampler, e.sde)
    return _right_equation(e, part) + (rf"\quad \text{{✗}}\; {mistake.wrong}" if spoilt else "")


def _right_equation(e: Experiment, part: str) -> str:
    if part == "predict":
        return e.sampler.method.equation
    if part == "correct":
        return e.sampler.corrector.equation
    if part == "langevin":
        return _langevin_equation(e)
    if e.sampler.mode == "forward":
        return FORWARD
    return r"x = \noise{z}" if e.sampler.mode == "langevin" else r"x_T = \noise{\sigma_T\, z}"


def _langevin_equation(e: Experiment) -> str:
    """The move in the convention that is chosen; annealed moves as Song and Ermon write them."""
    if e.sampler.mode == "annealed":
        return r"x' = x + \score{\frac{\alpha_i}{2} s(x, \sigma_i)} + \noise{\sqrt{\alpha_i}\, z}"
    warm = "" if e.sampler.temperature == 1 else "T"
    if e.sampler.convention == "half":
        return rf"x' = x + \score{{\frac{{\epsilon}}{{2}} s(x, t)}} + \noise{{\sqrt{{\epsilon {warm}}}\, z}}"
    return rf"x' = x + \score{{\epsilon\, s(x, t)}} + \noise{{\sqrt{{2\epsilon {warm}}}\, z}}"
