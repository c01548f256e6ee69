"""The optimiser: Adam on one flat vector, with clipping, averaging and a way back. (This imports torch.)

All weights of a network are views into one vector, so a step is a dozen operations whatever the number of
layers. torch.optim's Adam would import its compiler on first use (two seconds in which the window starves).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import ismethod
from weakref import WeakMethod

import torch
from torch import Tensor, nn

#: Adam's two averages; the second shorter than usual, since training is short.
BETAS = (0.9, 0.99)
#: Muon's average of gradients.
MOMENTUM = 0.95


class FlatAdam:
    """Adam (Kingma & Ba 2015) with gradient clipping, and a power-function average of the weights (EDM2).

    The learning rate and the bias corrections are tensors, so that a step can be captured in a CUDA graph.
    """

    def __init__(self, net: nn.Module, clip: float, ema: float) -> None:
        self.net, self.clip, self.betas = net, clip, BETAS
        self.flat = torch.cat([p.detach().flatten() for p in net.parameters()])
        self.grad = torch.zeros_like(self.flat)
        self.mean, self.square = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.average = self.flat.clone()
        self.count = 0
        self._gamma = _gamma(ema)
        self._rates = torch.zeros(4, device=self.flat.device)
        offset = 0
        for p in net.parameters():
            part = slice(offset, offset + p.numel())
            p.data, p.grad = self.flat[part].view_as(p), self.grad[part].view_as(p)
            offset += p.numel()

    def prepare(self, learning_rate: float) -> None:
        """Set the numbers of the coming step (outside a captured graph)."""
        self.count += 1
        b1, b2 = (1 - b**self.count for b in self.betas)
        keep = (1 - 1 / self.count) ** (self._gamma + 1) if self._gamma is not None else 0.0
        rates = torch.tensor([learning_rate / b1, 1 / math.sqrt(b2), 1 - keep])
        # the plain rate last, got from the corrected one: weights stay what they were, to the last bit
        self._rates.copy_(torch.cat([rates, rates[:1] * b1]))

    @torch.no_grad()
    def step(self) -> None:
        """One step from the gradients that backward() left."""
        new = self._rates[2]
        self.grad.mul_((self.clip / (self.grad.norm() + 1e-12)).clamp(max=1.0))
        self._move()
        self.average.lerp_(self.flat, new)
        self.grad.zero_()

    def _move(self) -> None:
        rate, correction = self._rates[:2]
        g = self.grad
        self.mean.lerp_(g, 1 - self.betas[0])
        self.square.mul_(self.betas[1]).addcmul_(g, g, value=1 - self.betas[1])
        self.flat.sub_((self.mean / (self.square.sqrt() * correction + 1e-8)).mul_(rate))

    def state(self) -> tuple[Tensor, ...]:
        """A copy of everything a step changes."""
        return tuple(v.clone() for v in (self.flat, self.mean, self.square, self.average))

    @torch.no_grad()
    def restore(self, state: tuple[Tensor, ...]) -> None:
        """Go back to `state`."""
        for v, old in zip((self.flat, self.mean, self.square, self.average), state, strict=True):
            v.copy_(old)
        self.grad.zero_()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within this block the network has the averaged weights."""
        current = self.flat.clone()
        self.flat.copy_(self.average)
        try:
            yield
        finally:
            self.flat.copy_(current)

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights as a state dict of copies on the CPU, which nothing will change."""
        average, out, offset = self.average.detach().to("cpu", copy=True), {}, 0
        for name, p in self.net.named_parameters():
            out[name] = average[offset : offset + p.numel()].view_as(p).clone()
            offset += p.numel()
        return out


class FlatMuon(FlatAdam):
    """Muon (Jordan 2024) for the weights that map features to features, Adam for the rest.

    Muon's step is the momentum with all its singular values brought to about 1. Scaled by 0.2 sqrt of the longer
    side it is as large as Adam's (Liu et al. 2025), so one learning rate serves both. Measured here on MNIST: the
    held-out loss that Adam reaches after 600 iterations takes it about 300, each a tenth longer.
    """

    def __init__(self, net: nn.Module, matrices: Sequence[Tensor], clip: float, ema: float) -> None:
        super().__init__(net, clip, ema)
        wanted = {id(p) for p in matrices}
        self._parts: list[tuple[slice, tuple[int, int]]] = []
        offset = 0
        for p in net.parameters():
            if id(p) in wanted:
                self._parts.append((slice(offset, offset + p.numel()), (len(p), p.numel() // len(p))))
            offset += p.numel()

    def _move(self) -> None:
        before = [(self.flat[part].clone(), self.mean[part].clone()) for part, _ in self._parts]
        super()._move()
        for (part, shape), (weights, momentum) in zip(self._parts, before, strict=True):
            momentum.lerp_(self.grad[part], 1 - MOMENTUM)
            nesterov = torch.lerp(self.grad[part], momentum, MOMENTUM)
            step = orthogonalised(nesterov.view(shape)).flatten()
            self.mean[part] = momentum
            # the rate as it is, without Adam's correction for its young averages
            self.flat[part] = weights - step * (0.2 * max(shape) ** 0.5 * self._rates[3])


def descent(
    optimiser: FlatAdam, loss: Callable[[], Tensor], rate: float, iterations: int
) -> Iterator[tuple[int, Tensor]]:
    """So many steps down a loss, which draws a batch: (count, loss) after each. The rate rises over 50 steps and
    falls along a cosine."""
    for i in range(1, iterations + 1):
        optimiser.prepare(rate * min(1.0, i / 50) * max(0.5 * (1 + math.cos(math.pi * i / iterations)), 1e-3))
        value = loss()
        value.backward()
        optimiser.step()
        yield i, value.detach()


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix (m, n) with singular values near 1, by five Newton-Schulz steps with Jordan's coefficients."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x


def _gamma(width: float) -> float | None:
    """The exponent gamma whose average has relative width `width` (EDM2, eq. 127), or None for no average.

    width² = (gamma + 1)/((gamma + 2)² (gamma + 3)), solved by bisection.
    """
    if width <= 0:
        return None
    low, high = -0.5, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        value = math.sqrt((middle + 1) / ((middle + 2) ** 2 * (middle + 3)))
        low, high = (middle, high) if value > width else (low, middle)
    return low


class Captured:
    """A training step replayed from a CUDA graph, one for each shape of its inputs.

    These networks are so small that launching their kernels one by one takes longer than running them.
    Where capturing fails the step runs as it is.
    """

    def __init__(self, step: Callable[..., Tensor], optimiser: FlatAdam) -> None:
        # held weakly where it is a method: its object holds this one
        self._step = WeakMethod(step) if ismethod(step) else lambda: step
        self.optimiser = optimiser
        self.graphs: dict[tuple[torch.Size, ...], Callable[..., Tensor] | None] = {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        key = tuple(x.shape for x in inputs)
        if key not in self.graphs:
            self.graphs[key] = self._capture(inputs)
        return (self.graphs[key] or self.step)(*inputs)

    @property
    def step(self) -> Callable[..., Tensor]:
        """The step as it is."""
        step = self._step()
        assert step is not None
        return step

    def _capture(self, inputs: tuple[Tensor, ...]) -> Callable[..., Tensor] | None:
        """The step for inputs of these shapes from a graph; None where it cannot be captured."""
        held, before = tuple(x.clone() for x in inputs), self.optimiser.state()
        try:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):  # capturing wants a few runs before it, on another stream
                for _ in range(3):
                    self.step(*held)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                loss = self.step(*held)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            return None
        finally:
            self.optimiser.restore(before)

        def replay(*new: Tensor) -> Tensor:
            for old, value in zip(held, new, strict=True):
                old.copy_(value)
            graph.replay()
            return loss.clone()

        return replay
