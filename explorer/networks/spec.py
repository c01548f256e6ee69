"""What a network and its training are, without torch: forms, files and the command line read this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from explorer.base.params import ParamError, Validated, param

#: Noise levels sigma/alpha that preconditioned networks are trained on. VP starts at about 152; below the
#: lowest one the score is taken to change no more (it tends to the data's own as sigma -> 0).
NOISE_LOW, NOISE_HIGH = 0.002, 160.0
#: The lowest for pictures: a fifth of the way between two grey levels, where each level is told from the next.
PICTURE_NOISE_LOW = 0.001


def picture_shape(value: Iterable[Any], least: int = 4) -> tuple[int, int, int]:
    """(c, h, w) as a file gives it, of pictures that a network here can be for. Raises ValueError or TypeError."""
    channels, height, width = (int(v) for v in value)
    if channels not in (1, 3) or not all(least <= v <= 256 and v % 4 == 0 for v in (height, width)):
        raise ValueError(f"images of {(channels, height, width)}")
    return channels, height, width


def _classes(default: int) -> Any:
    """How many labels a network knows."""
    return param(
        default, "Classes", symbol="c", low=0, high=16, minimum=0, maximum=10000, advanced=True,
        help="Number of labels to condition on; 0 for none. Some are withheld in training (label dropout), so that "
        "the same network also gives the unconditional score (classifier-free guidance).",
        equation="ω·s(x|y) + (1 − ω)·s(x)",
    )  # fmt: skip


@dataclass(frozen=True)
class NetworkSpec(Validated):
    """A residual network with a noise-level embedding."""

    name = "network"
    width: int = param(
        64, "Width", symbol="m", low=16, high=256, minimum=1, maximum=512, log=True,
        help="Units in each hidden layer. Wider learns finer detail and costs the square.",
        equation="h ∈ ℝᵐ",
    )  # fmt: skip
    depth: int = param(
        3, "Depth", symbol="B", low=1, high=8, minimum=1, maximum=16,
        help="Residual blocks, with e the embedding of the noise level and W a layer.",
        equation="h ← h + W·silu(h + e(σ)), B times",
    )  # fmt: skip
    waves: int = param(
        16, "Fourier features", symbol="k", low=0, high=32, minimum=0, maximum=1024,
        help="Sines and cosines of the position given to the network beside the position itself, so that "
        "fine detail is learned soon (Tancik 2020). The preconditioned network uses them; 0 for none.",
        equation="x ↦ (x, sin ω_j·x, cos ω_j·x), j = 1…k",
    )  # fmt: skip
    output: str = param(
        "edm", "Output", choices={
            "edm": "preconditioned denoiser (any SDE)",
            "noise": "noise ε(x, t), for one SDE",
            "score": "raw score s(x, t), for one SDE",
            "x0": "clean point x₀(x, t), for one SDE",
            "v": "velocity v(x, t), for one SDE",
            "flow": "flow velocity u(x, t), for one SDE",
        },
        help="What the last layer means. The preconditioned denoiser has inputs, outputs and targets of unit "
        "size at every noise level and knows no SDE, so one training serves all. The others are the plain "
        "ways, trained for the SDE of the moment: one field under five names, to compare.",
        equation="D = c_skip·y + c_out·F(c_in·y, ln σ)  (Karras 2022, Table 1);  s = −ε/σ = (αx₀ − x)/σ²;  "
        "v = αε − σx₀;  u = f − ½g²s",
    )  # fmt: skip
    classes: int = _classes(0)

    @property
    def native(self) -> bool:
        """Whether the network belongs to the one SDE it was trained for."""
        return self.output != "edm"


@dataclass(frozen=True)
class UNetSpec(Validated):
    """A U-Net for pictures that works at a half and a quarter of their resolution, where convolutions are cheap."""

    name = "unet"
    width: int = param(
        64, "Width", symbol="m", low=16, high=192, minimum=8, maximum=512, log=True, every=8,
        help="Channels at half the resolution, in eights; twice as many at a quarter. 64 suits a laptop, 128 and "
        "more a GPU.",
        equation="m at 1/2, 2m at 1/4",
    )  # fmt: skip
    depth: int = param(
        3, "Depth", symbol="B", low=1, high=8, minimum=1, maximum=24,
        help="Residual blocks at a quarter of the resolution, with attention between them.",
        equation="h ← h + conv(silu(scale · norm(conv(silu(norm h))) + shift))",
    )  # fmt: skip
    waves: int = param(
        3, "Fourier features", symbol="k", low=0, high=4, minimum=0, maximum=6,
        help="Sines and cosines of each pixel's value given to the network beside the value (Kingma 2021). The "
        "fastest has one period from a grey level to the next, so that tiny noise is seen for what it is.",
        equation="sin ω_j y, cos ω_j y, ω_j = 255π/4^j",
    )  # fmt: skip
    classes: int = _classes(10)

    #: The network is always preconditioned: it belongs to no SDE.
    output = "edm"
    native = False


@dataclass(frozen=True)
class Training(Validated):
    """How a network is trained: budget, optimiser, averaging, device."""

    name = "training"
    seconds: float = param(
        15.0, "Time", symbol="τ", unit="s", zero="no limit", low=2.0, high=120.0, minimum=0.0,
        maximum=1e6, log=True,
        help="Training stops after so many seconds of training (a pause does not count); the schedule of the "
        "learning rate fits itself to it. 0: no limit.",
        equation="share done p = max(time/τ, iterations/K)",
    )  # fmt: skip
    iterations: int = param(
        0, "Iterations", symbol="K", zero="no limit", low=0, high=20000, minimum=0, maximum=10**9,
        help="Training stops after so many iterations; 0: no limit. With this limit and none on time, "
        "the same seed gives the same weights.",
        equation="θ₁ … θ_K",
    )  # fmt: skip
    learning_rate: float = param(
        8e-3, "Learning rate", symbol="lr", low=1e-4, high=3e-2, minimum=1e-8, maximum=10.0, log=True,
        help="Peak step size of Adam; it rises briefly, then falls along a cosine to the end of the budget.",
        equation="½ lr (1 + cos πp), p the share done",
    )  # fmt: skip
    batch: int = param(
        2048, "Batch", symbol="b", low=64, high=8192, minimum=1, maximum=10**6, log=True,
        help="Points per iteration at the end. It starts at an eighth of that: small batches learn fast "
        "early, large ones average the noise away late.",
        equation="(1/b) Σ ℓ(xᵢ, tᵢ, zᵢ)",
    )  # fmt: skip
    ema: float = param(
        0.08, "Averaging", symbol="σ_rel", low=0.0, high=0.3, minimum=0.0, maximum=0.5,
        help="Width of the running average of the weights, as a part of the iterations so far; 0 for none. "
        "The averaged weights are what samplers use.",
        equation="θ̂_k = β_k θ̂_(k−1) + (1 − β_k) θ_k, β_k = (1 − 1/k)^(γ+1)  (Karras 2024, EDM2)",
    )  # fmt: skip
    clip: float = param(
        1.0, "Gradient clipping", symbol="G", low=0.1, high=10.0, minimum=1e-6, maximum=1e9, log=True, advanced=True,
        help="Longest gradient that a step may use.", equation="g ← g · min(1, G/∥g∥)",
    )  # fmt: skip
    label_drop: float = param(
        0.1, "Label dropout", symbol="p_uncond", low=0.0, high=0.9, maximum=1.0, advanced=True,
        help="Probability with which a label is withheld in training, so that the network learns the unconditional "
        "score too. Without it there is no classifier-free guidance; at 1 the labels are not learned.",
        equation="y ← ∅ with probability p_uncond  (Ho & Salimans 2022)",
    )  # fmt: skip
    device: str = param(
        "auto", "Device",
        choices={"auto": "automatic", "cuda": "NVIDIA GPU", "mps": "Apple GPU", "cpu": "CPU"},
        help="Automatic takes CUDA, then MPS, then the CPU.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seconds and not self.iterations:
            raise ParamError("training.seconds and training.iterations must not both be 0: no end")


@dataclass(frozen=True)
class PictureTraining(Training):
    """How a network for pictures is trained: the same, with numbers that suit it."""

    name = "picture_training"
    seconds: float = param(
        600.0, "Time", symbol="τ", unit="s", zero="no limit", low=30.0, high=7200.0, minimum=0.0, maximum=1e7, log=True,
        help="Training stops after so many seconds of training (a pause does not count); the schedule of the "
        "learning rate fits itself to it. 0: no limit.",
        equation="share done p = max(time/τ, iterations/K)",
    )  # fmt: skip
    iterations: int = param(
        0, "Iterations", symbol="K", zero="no limit", low=0, high=50000, minimum=0, maximum=10**9,
        help="Training stops after so many iterations; 0: no limit. With this limit and none on time, "
        "the same seed gives the same weights.",
        equation="θ₁ … θ_K",
    )  # fmt: skip
    learning_rate: float = param(
        2e-3, "Learning rate", symbol="lr", low=1e-4, high=1e-2, minimum=1e-8, maximum=1.0, log=True,
        help="Step size of Muon and Adam; it rises briefly, stays, and falls along a cosine over the last four fifths "
        "of the budget.",
        equation="½ lr (1 + cos π(p − 0.2)/0.8), p the share done",
    )  # fmt: skip
    batch: int = param(
        64, "Batch", symbol="b", low=16, high=512, minimum=1, maximum=10**5, log=True,
        help="Images per iteration, over all processes together.", equation="(1/b) Σ ℓ(xᵢ, tᵢ, zᵢ)",
    )  # fmt: skip
    centre: float = param(
        -0.6, "Centre of ln σ", symbol="P_mean", low=-3.0, high=1.0, minimum=-10.0, maximum=10.0, advanced=True,
        help="Mean of ln σ: the noise levels where images take shape.", equation="ln σ ~ N(P_mean, P_std²)",
    )  # fmt: skip
    spread: float = param(
        1.3, "Spread of ln σ", symbol="P_std", low=0.3, high=3.0, minimum=0.01, maximum=10.0, advanced=True,
        help="Standard deviation of ln σ.", equation="ln σ ~ N(P_mean, P_std²)",
    )  # fmt: skip
    wide: float = param(
        0.2, "Part spread wide", symbol="w", low=0.0, high=1.0, maximum=1.0, advanced=True,
        help="Part of the images whose noise level is log-uniform over the whole range instead: what likelihood "
        "needs.",
        equation="w U(ln σ_low, ln σ_high) + (1 − w) N(P_mean, P_std²)",
    )  # fmt: skip
    precision: str = param(
        "auto", "Precision", choices={"auto": "automatic", "bfloat16": "bfloat16", "float32": "float32"}, advanced=True,
        help="Automatic computes in bfloat16 where the device has it in hardware; weights are float32 always.",
    )  # fmt: skip
