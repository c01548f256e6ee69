"""The optimiser: what a step that is captured once and replayed depends on."""

import pytest
import torch

from explorer.networks.optimizer import MOMENTUM, FlatAdam, FlatMuon, orthogonalised


def trained(kind, steps, rate=0.01, frozen=False):
    """A small network after some steps. frozen: its count is in each step what it was in the first, as it is for a
    step that was captured then."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.SiLU(), torch.nn.Linear(8, 4))
    matrices = {FlatMuon: ([net[0].weight, net[2].weight],), FlatAdam: ()}[kind]
    optimiser = kind(net, *matrices, clip=1.0, ema=0.05)
    x = torch.randn(32, 6)
    for _ in range(steps):
        optimiser.prepare(rate)
        count, optimiser.count = optimiser.count, 1 if frozen else optimiser.count
        net(x).square().mean().backward()
        optimiser.step()
        optimiser.count = count
    return optimiser


@pytest.mark.parametrize("kind", [FlatAdam, FlatMuon])
def test_a_step_depends_on_tensors_alone(kind):
    """A Python number that changes would stay in a CUDA graph what it was when the graph was recorded."""
    a, b = (trained(kind, 30, frozen=frozen) for frozen in (False, True))
    for one, other in zip(a.state(), b.state(), strict=True):
        assert torch.equal(one, other)


def test_muon_has_the_whole_rate_from_the_first_step_on():
    """Its step is 0.2 sqrt(longer side) times the rate times a matrix of singular values near 1, however young."""
    for steps in (1, 3, 40):
        before, after = trained(FlatMuon, steps - 1), trained(FlatMuon, steps)
        (part, shape), _ = after._parts
        moved = (before.flat[part] - after.flat[part]).view(shape)
        size = torch.linalg.matrix_norm(moved, 2) / (0.01 * 0.2 * max(shape) ** 0.5)
        assert 0.6 < size < 1.3, steps


def test_orthogonalised_has_singular_values_near_one():
    assert 0 < MOMENTUM < 1
    for shape in ((5, 20), (20, 5)):
        values = torch.linalg.svdvals(
            orthogonalised(torch.randn(shape, generator=torch.Generator().manual_seed(1)))
        )
        assert values.shape == (5,) and values.min() > 0.6 and values.max() < 1.3
