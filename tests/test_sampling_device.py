"""Pictures are sampled where a training would run; where that fails the CPU goes on. (The other device is a fake.)"""

import dataclasses

import numpy as np
import pytest
import torch

from explorer.base import placement as place
from explorer.base.placement import NO_MEMORY, Away, sampling_device
from explorer.data.images import DATA
from explorer.diffusion.simulate import simulate
from explorer.experiment import resolution as models
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment
from explorer.networks.spec import UNetSpec
from explorer.networks.unet import PictureDenoiser

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def e():
    found = with_data(Experiment(), DATA["mnist"]())
    score = dataclasses.replace(found.score, source="trained", unet=UNetSpec(width=8, depth=1, classes=10))
    sampler = dataclasses.replace(found.sampler, particles=2, steps=6, mode="pc")
    return dataclasses.replace(found, score=score, sampler=sampler)


@pytest.fixture
def net(e):
    """Not kept by `models`, and without the bfloat16 of some processors: numbers can be compared."""
    network = models.untrained(e).denoiser()
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():  # as it begins its body says nothing
        for w in network.parameters():
            w.add_(0.05 * torch.randn(w.shape, generator=random))
    return network


class Fake(Away):
    """Another device that is the CPU, and fails after so many calls."""

    def __init__(self, net, calls=10**6, error=torch.OutOfMemoryError("no memory")):  # noqa: B008
        super().__init__(net.body, CPU)
        self.reduced, self.calls, self.done, self.error = False, calls, 0, error

    def __call__(self, *tensors):
        self.done += 1
        if self.done > self.calls:
            raise self.error
        return super().__call__(*tensors)


def run_of(e, net):
    return list(simulate(e.sde, e.sampler, models.LearnedScore(net, e.sde), e.target, e.seed))


def test_the_body_computes_elsewhere_and_the_frames_come_back(e, net):
    here = run_of(e, net)
    net.away = Fake(net)
    away = run_of(e, net)
    assert net.away.done == away[-1].nfe > 0
    for a, b in zip(here, away, strict=True):
        np.testing.assert_allclose(a.x, b.x, atol=1e-5)
        assert not b.note
    assert not any("away" in name for name in net.state_dict())  # a file holds the network once


def test_the_copy_is_of_the_weights_as_they_are(net):
    x = torch.randn(2, 784, generator=torch.Generator().manual_seed(0))
    net.away = Fake(net)
    copied = net.away.module.first.weight
    assert copied is not net.body.first.weight and torch.equal(copied, net.body.first.weight)
    with torch.no_grad():
        copied.zero_()
        assert not torch.equal(net.score(x, 1.0, 1.0, 0.5), torch.zeros_like(x))
        changed = net.score(x, 1.0, 1.0, 0.5)
        net.send(CPU)
        assert net.away is None and not torch.allclose(net.score(x, 1.0, 1.0, 0.5), changed)


def test_gradients_come_back_too(net):
    x = torch.randn(2, 784, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (here,) = torch.autograd.grad(net.score(x, 1.0, 1.0, 0.5).square().sum(), x)
    net.away = Fake(net)
    (away,) = torch.autograd.grad(net.score(x, 1.0, 1.0, 0.5).square().sum(), x)
    torch.testing.assert_close(here, away)


@pytest.mark.parametrize(
    "error, said",
    [
        (torch.OutOfMemoryError("no memory"), NO_MEMORY),
        (RuntimeError("no kernel image\nand more"), "The GPU failed (no kernel image): the CPU goes on."),
    ],
)
def test_where_it_fails_the_cpu_goes_on_and_says_so(e, net, error, said):
    here = run_of(e, net)
    net.away = Fake(net, 4, error)
    frames = run_of(e, net)
    assert net.away is None
    np.testing.assert_allclose(frames[-1].x, here[-1].x, atol=1e-5)
    notes = [frame.note for frame in frames]
    assert notes[0] == "" and notes[-1].startswith(said) and sorted(notes) == notes  # from then on
    place.say(RuntimeError("of somebody else"))
    assert not any(frame.note for frame in run_of(e, net))


@pytest.mark.parametrize("cuda", [True, False])
def test_it_is_the_device_of_a_training_where_that_is_cuda(e, monkeypatch, cuda):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    devices = [sampling_device(wanted).type for wanted in ("auto", "cuda", "mps", "cpu")]
    assert devices == (["cuda", "cuda", "cpu", "cpu"] if cuda else ["cpu"] * 4)
    sent = []
    monkeypatch.setattr(PictureDenoiser, "send", lambda net, device: sent.append(device.type))
    for wanted in ("auto", "cpu"):
        training = dataclasses.replace(e.score.picture_training, device=wanted)
        asked = dataclasses.replace(e, score=dataclasses.replace(e.score, picture_training=training))
        models.resolve(asked)
    assert sent == ["cuda" if cuda else "cpu", "cpu"]
    points = Experiment()
    models.resolve(dataclasses.replace(points, score=dataclasses.replace(points.score, source="trained")))
    assert len(sent) == 2
