"""The experiment: one immutable value that holds everything that affects numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from explorer.base.errors import Told
from explorer.base.params import Validated, param
from explorer.data.distributions import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture
from explorer.data.images import DATA, ImageSet
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.sdes import SDE, SDES
from explorer.guidance import CONTROLS, Control
from explorer.networks.spec import NetworkSpec, PictureTraining, Training, UNetSpec
from explorer.training.objectives import OBJECTIVES, Objective


class ExperimentError(Told, ValueError):
    """A file or value that is no experiment; the message names the field."""


@dataclass(frozen=True)
class ScoreSource(Validated):
    """Where the score comes from, and how it would be trained."""

    name = "score"
    source: str = param(
        "pretrained",
        "Score",
        choices={"exact": "Exact", "pretrained": "Pretrained", "trained": "Train"},
        help="Exact: the closed form of the mixture. Pretrained: the network that comes with the program. "
        "Train: the network trained here.",
        equation="s(x, t) = ∇ₓ log pₜ(x)",
    )
    objective: Objective = param(
        OBJECTIVES["dsm"],
        "Objective",
        registry=OBJECTIVES,
        visible=lambda s: s.source == "trained",
        help="The loss whose minimiser is the score.",
        equation="[S21] eq. 7",
    )
    network: NetworkSpec = param(NetworkSpec, "Network", visible=lambda s: s.source == "trained")
    training: Training = param(Training, "Training", visible=lambda s: s.source == "trained")
    #: In place of the two above where the data are pictures.
    unet: UNetSpec = param(UNetSpec, "Network for images", visible=lambda s: s.source == "trained")
    picture_training: PictureTraining = param(
        PictureTraining, "Training on images", visible=lambda s: s.source == "trained"
    )


@dataclass(frozen=True)
class Experiment(Validated):
    """Data, SDE, score, sampler, control and seed: the numbers follow from nothing else."""

    name = "experiment"
    data: Distribution = param(DISTRIBUTIONS["eight_gaussians"], "Data", registry=DATA)
    sde: SDE = param(SDES["vp"], "SDE", registry=SDES)
    score: ScoreSource = param(ScoreSource, "Score")
    sampler: Sampler = param(Sampler, "Sampler")
    control: Control = param(
        CONTROLS["none"], "Control", registry=CONTROLS,
        help="What is asked of the samples: a class, a coordinate, a measurement.",
        equation="∇log pₜ(x|y) = ∇log pₜ(x) + ∇log pₜ(y|x)",
    )  # fmt: skip
    seed: int = param(
        0, "Seed", symbol="ω", low=0, high=99, minimum=0, maximum=2**31 - 1,
        help="Fixes the noise: the same seed gives the same image.", equation="z = z(ω, place)",
    )  # fmt: skip

    @property
    def pictures(self) -> ImageSet | None:
        """The data, where it is a set of pictures."""
        return self.data if isinstance(self.data, ImageSet) else None

    @property
    def network(self) -> NetworkSpec | UNetSpec:
        """The network that is trained for this kind of data."""
        return self.score.unet if self.pictures else self.score.network

    @property
    def training(self) -> Training:
        """How it is trained."""
        return self.score.picture_training if self.pictures else self.score.training

    @cached_property
    def control_in_force(self) -> Control:
        """The control, or none where it makes no sense for this data (`control.refusal` says why)."""
        return CONTROLS["none"]() if self.control.refusal(self.data.mixture) else self.control

    @property
    def altered(self) -> tuple[str, str]:
        """What makes the samples others than those of the data, for captions: the mistake made on purpose, and the
        control in force; "" where there is none."""
        mistake = self.sampler.mistake
        return f"✗ {mistake.title}" if mistake.made else "", self.given

    @cached_property
    def target(self) -> Mixture:
        """The exact law that samples should have: that of the data, given what the control asks."""
        return self.control_in_force.target(self.data.mixture)

    @property
    def given(self) -> str:
        """What the control in force asks, in a few words; "" where there is none."""
        return self.control_in_force.brief(self.data.mixture)

    @cached_property
    def free(self) -> Experiment:
        """The same experiment without its control."""
        return replace(self, control=CONTROLS["none"]())

    def sample(self, n: int, seed: int) -> np.ndarray:
        """n independent points (n, d) of the target, float32, the same for the same seed."""
        return self.target.sample(n, np.random.default_rng([seed, *b"data"]))[0]
