"""Which score an experiment means: exact, pretrained, or trained here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from explorer.base import paths
from explorer.base.lazy import torch
from explorer.base.params import Param, params
from explorer.base.placement import sampling_device
from explorer.base.precision import computes_in_half
from explorer.data.distributions import Distribution
from explorer.diffusion.scores import ExactScore, Score
from explorer.diffusion.sdes import SDE
from explorer.experiment.codec import encode
from explorer.experiment.schema import Experiment
from explorer.guidance import Guided, Sources
from explorer.guidance.class_guidance import ClassGuidance
from explorer.guidance.trained_classifiers import CLASSIFIERS
from explorer.networks.card import card_at, measured
from explorer.networks.files import Model, ModelFileError, load
from explorer.networks.learned import LearnedScore

if TYPE_CHECKING:
    from explorer.networks.classifier import NoisyClassifier
    from explorer.networks.preconditioned import Preconditioned
    from explorer.networks.unet import PictureDenoiser
    from explorer.training import TrainFrame


@dataclass(frozen=True)
class Resolved:
    """A score, whether it is the exact one, and a sentence about it for the Score card.

    Under a control `score` is the guided one; `plain` is the score that it started from, `control` the sentence
    for the Control card, and `missing` what must be trained first: "labels" (a network that knows them),
    "classifier" or "" for nothing. `surprise`: whether the sentence about the score is one to be warned of.

    `source` is the key of IN_USE that is true of the score, which need not be the one that the experiment asks for;
    `unlike` says in what a trained network does not fit the experiment, "" where it does.
    """

    score: Score
    exact: bool
    word: str
    dim: int = 2
    control: str = ""
    labelled: Callable[..., Score] | None = None
    plain: Score | None = None
    missing: str = ""
    surprise: bool = False
    source: str = "trained"
    unlike: str = ""

    @property
    def named(self) -> str:
        """The score in use in a few words, for captions: "exact score", "trained network (on other data)"."""
        return IN_USE["exact" if self.exact else self.source] + (f" ({self.unlike})" if self.unlike else "")


#: What captions call the scores that can be in use.
IN_USE = {
    "exact": "exact score",
    "pretrained": "pretrained network",
    "trained": "trained network",
    "untrained": "untrained network",
}

#: Why a slider of the SDE needs no retraining.
ONE_SERVES_ALL = (
    "One network serves every SDE (x/α has one distribution at equal σ/α): changing the SDE needs no "
    "retraining."
)
CLOSED_FORM = "The closed form: every distribution here is a Gaussian mixture."
REMEMBERS = (
    "The closed form for a finite set of images: it can only give those back. What a network makes of them is "
    "more."
)
NO_PRETRAINED = "No pretrained network for this data: the exact score is used. Train makes one."


def pretrained_path(data: Distribution) -> Path | None:
    """The file of the network for this distribution as it comes with the program, or None."""
    path = paths.pretrained() / f"{data.name}.safetensors"
    return path if data.builtin and data == type(data)() and path.is_file() else None


@lru_cache(maxsize=32)
def _load_kept(path: Path, modified: float) -> Model:
    return load(path)


#: A training makes five models a second: each network goes when its model does.
_denoisers: WeakKeyDictionary[Model, Preconditioned] = WeakKeyDictionary()


def _denoiser(model: Model, device: str) -> Preconditioned:
    """The network of a model, kept; for pictures it computes where a training on `device` would, if that is CUDA."""
    if model not in _denoisers:
        net = _denoisers[model] = model.denoiser()
        if model.picture is not None:
            net.reduced = computes_in_half("auto", torch.device("cpu"))
    if model.picture is not None:
        cast("PictureDenoiser", _denoisers[model]).send(sampling_device(device))
    return _denoisers[model]


def pretrained(data: Distribution) -> Model | None:
    """The network that comes with the program for this distribution, kept; None if there is none."""
    path = pretrained_path(data)
    return _load_kept(path, path.stat().st_mtime) if path else None


def learned_from(e: Experiment) -> int | None:
    """How many pictures the network that comes with the program learned from, where those at hand are only a part."""
    path = pretrained_path(e.data) if e.pictures is not None and e.score.source == "pretrained" else None
    if e.pictures is None or path is None:
        return None
    try:
        count = int(card_at(path.with_suffix(".json"))["archive"]["train"])
    except (ValueError, KeyError, TypeError):  # no card, or one of pictures that all come along
        return None
    return count if count > len(e.pictures.train) else None


def searched(e: Experiment) -> str:
    """What a nearest training picture is sought among, where the network learned from more; else ""."""
    learned = learned_from(e)
    if learned is None or e.pictures is None:
        return ""
    return f"of the {len(e.pictures.train):,} shipped; learned from {learned:,}"


def untrained(experiment: Experiment) -> Model:
    """The network as it is before the first step of training: the same for the same seed."""
    blank = _blank(experiment)
    random = torch.Generator().manual_seed(experiment.seed)
    weights = blank.network_of(random).state_dict()
    return replace(blank, weights=weights)


def _blank(e: Experiment) -> Model:
    """A model without weights: what a network for this experiment must know."""
    native = encode(e.sde) if e.network.native else None
    if e.pictures is not None:
        centre, spread = e.pictures.moments
        return Model(e.network, {}, e.data.dim, spread, told(e.data), picture=e.pictures.size, centre=centre)
    mixture = e.data.mixture
    return Model(e.network, {}, mixture.dim, mixture.rms, told(e.data), native)


def told(data: Distribution) -> dict[str, Any]:
    """What a model file says of its data: all but what concerns the user's machine alone."""
    return {k: v for k, v in encode(data).items() if k not in data.private}


def resolve(experiment: Experiment, trained: Model | None = None) -> Resolved:
    """The score that the experiment means; `trained` is the network trained or opened by the user, if any.

    Raises ModelFileError where a file is damaged.
    """
    return controlled(_unconditional(experiment, trained), experiment)


def controlled(found: Resolved, e: Experiment) -> Resolved:
    """An unconditional score with the experiment's control on it."""
    mixture = e.data.mixture
    refusal = e.control.refusal(mixture)
    if refusal:
        return replace(found, control=f"{refusal} Samples are of the whole data.", plain=found.score)
    classifier, trouble = _classifier(e)
    sources = Sources(found.score, mixture, e.sde, found.exact, found.labelled, classifier)
    score, word = e.control.guide(sources)
    missing = e.control.missing(sources)
    return replace(found, score=score, control=f"{trouble}{word}", plain=found.score, missing=missing)


def _classifier(e: Experiment) -> tuple[NoisyClassifier | None, str]:
    """The classifier that the control needs, if there is one, and what is wrong with its file."""
    try:
        return (CLASSIFIERS.of(e.data) if needs_classifier(e) else None), ""
    except ModelFileError as error:
        return None, f"{error} "


def needs_classifier(e: Experiment) -> bool:
    """Whether it is guided by a classifier."""
    return getattr(e.control_in_force, "rule", "") in ("classifier", "mixed")


def prepare(e: Experiment) -> None:
    """Train what the control needs and has not got: a classifier, in some seconds."""
    if needs_classifier(e):
        CLASSIFIERS.trained(e.data)


def is_exact(score: Score) -> bool:
    """Whether a score is made of closed forms alone, guided or not: no network is among its parts."""
    if isinstance(score, ExactScore) or not is_dataclass(score):
        return isinstance(score, ExactScore)
    parts = [part for f in fields(score) if callable(part := getattr(score, f.name))]
    return bool(parts) and all(map(is_exact, parts))


def exact_score(e: Experiment) -> Score:
    """What the score in use should be: that of p_t, or of p_t(x | y), with the weight that is asked for."""
    plain = ExactScore(e.data.mixture, e.sde)
    if e.target is e.data.mixture:
        return plain
    control = e.control_in_force
    given = (
        control.exact(e.data.mixture, e.sde)
        if isinstance(control, ClassGuidance)
        else ExactScore(e.target, e.sde)
    )
    return Guided(plain, given, getattr(e.control, "weight", 1.0))


def _unconditional(experiment: Experiment, trained: Model | None) -> Resolved:
    exact, dim = ExactScore(experiment.data.mixture, experiment.sde), experiment.data.dim
    source = experiment.score.source
    if source == "exact":
        return Resolved(exact, True, REMEMBERS if experiment.pictures else CLOSED_FORM, dim, source="exact")
    if source == "pretrained":
        model = pretrained(experiment.data)
        if model is None:
            return Resolved(exact, True, NO_PRETRAINED, dim, surprise=True, source="exact")
        word = f"{_made(model)}{_measured(experiment.data)}{ONE_SERVES_ALL}"
        return replace(_of_network(model, experiment, word), source="pretrained")
    model = trained if trained is not None and trained.dim == experiment.data.dim else untrained(experiment)
    wrong = _wrong_sde(model.sde, experiment.sde) if model is trained and model.sde else ""
    found = _of_network(model, experiment, wrong or _word_on(model, experiment, trained))
    if model is not trained:
        return replace(found, source="untrained")
    return replace(found, surprise=bool(wrong), unlike=_unlike(model, experiment, bool(wrong)))


def _unlike(model: Model, e: Experiment, other_sde: bool) -> str:
    """In what a trained network does not fit the experiment."""
    data = "on other data" if model.data and model.data != told(e.data) else ""
    return ", ".join(part for part in (data, "for another SDE" if other_sde else "") if part)


def _made(model: Model) -> str:
    """How a network of pictures that comes with the program was made; "" for points, where that took seconds."""
    if model.picture is None:
        return ""
    iterations, device = model.facts.get("iterations", 0), model.facts.get("device", "")
    return f"Comes with the program: {iterations:,} iterations on {device}. "


def _measured(data: Distribution) -> str:
    """How good its network is, as the card has it."""
    said = measured(data.name)
    return f"{said} " if said else ""


def _of_network(model: Model, e: Experiment, word: str) -> Resolved:
    """The unconditional score of a network; where it knows the labels of this data, the others too."""
    net, mixture = _denoiser(model, e.training.device), e.data.mixture
    knows = mixture.labels is not None and model.network.classes == len(mixture.label_weights)
    labelled = (lambda *classes: LearnedScore(net, e.sde, *_label_or_turn(classes))) if knows else None
    return Resolved(LearnedScore(net, e.sde), False, word, model.dim, labelled=labelled)


def _label_or_turn(classes: tuple[int, ...]) -> tuple[int | None, tuple[int, ...]]:
    return (classes[0], ()) if len(classes) == 1 else (None, classes)


def _word_on(model: Model, experiment: Experiment, trained: Model | None) -> str:
    if model is not trained:
        return "Not trained yet: this is the network's first guess, until you train it."
    if model.network != experiment.network:
        return "This network was trained with other settings. Train again with these."
    if model.data and model.data != told(experiment.data):
        return "This network was trained on other data. Train again for this one."
    return "Trained for this SDE alone." if model.sde else ONE_SERVES_ALL


def _wrong_sde(native: Mapping[str, Any], sde: SDE) -> str:
    """What is wrong where a network that was trained for one SDE alone is used under another; "" if nothing is."""
    mine, now = str(native.get("type")), sde.title
    if mine == sde.name:
        apart = [p for p in params(type(sde)) if native.get(p.name) != getattr(sde, p.name)]
        if not apart:
            return ""
        mine, now = (_numbers(apart, values) for values in (native, encode(sde)))
        mine = f"{sde.title} with {mine}"
    return f"This network was trained for {mine} alone: under {now} its field is wrong. Train again."


def _numbers(some: Sequence[Param], values: Mapping[str, Any]) -> str:
    """ "β_max = 20"."""
    return ", ".join(f"{p.symbol} = {str(values.get(p.name)).removesuffix('.0')}" for p in some)


def model_of(experiment: Experiment, frame: TrainFrame, weights: Mapping[str, torch.Tensor]) -> Model:
    """The network of a training as a model, with what it was trained for and how."""
    e = experiment
    facts: dict[str, Any] = {
        "seconds": round(frame.seconds, 2),
        "iterations": frame.iteration,
        "device": frame.device,
        "seed": e.seed,
        "objective": encode(e.score.objective),
    }
    if e.pictures:
        facts.pop("objective")
    return replace(_blank(e), weights=weights, facts=facts)
