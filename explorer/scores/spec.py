"""What a network and its training are, without torch: forms, files and the command line read this."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.params import ParamError, Validated, param

#: Noise levels sigma/alpha that preconditioned networks are trained on. VP starts at about 152; below the
#: lowest one the score is taken to change no more (it tends to the data's own as sigma -> 0).
NOISE_LOW, NOISE_HIGH = 0.002, 160.0


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
        16, "Waves", symbol="k", low=0, high=32, minimum=0, maximum=1024,
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
    classes: int = param(
        0, "Classes", symbol="c", low=0, high=16, minimum=0, maximum=10000, advanced=True,
        help="Number of labels to condition on; 0 for none. Labels are dropped a tenth of the time, so that "
        "the same network also gives the unconditional score (classifier-free guidance).",
        equation="ω·s(x|y) + (1 − ω)·s(x)",
    )  # fmt: skip

    @property
    def native(self) -> bool:
        """Whether the network belongs to the one SDE it was trained for."""
        return self.output != "edm"


@dataclass(frozen=True)
class Training(Validated):
    """How a network is trained: budget, optimiser, averaging, device."""

    name = "training"
    seconds: float = param(
        15.0, "Time", symbol="τ", unit="s", low=2.0, high=120.0, minimum=0.0, maximum=1e6, log=True,
        help="Training stops after so many seconds of training (a pause does not count); the schedule of the "
        "learning rate fits itself to it. 0: no limit.",
        equation="share done p = max(time/τ, iterations/K)",
    )  # fmt: skip
    iterations: int = param(
        0, "Iterations", symbol="K", low=0, high=20000, minimum=0, maximum=10**9,
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
        equation="(1/b) Σ ℓ(x_i, t_i, z_i)",
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
    device: str = param(
        "auto", "Device",
        choices={"auto": "automatic", "cuda": "NVIDIA GPU", "mps": "Apple GPU", "cpu": "CPU"},
        help="Automatic takes CUDA, then MPS, then the CPU.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seconds and not self.iterations:
            raise ParamError("training.seconds and training.iterations must not both be 0: no end")
