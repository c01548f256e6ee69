"""What a training on images can reach in the time set, and the smaller network that is offered where that is little."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from explorer.data.images import DATA
from explorer.networks.spec import PictureTraining, Training, UNetSpec
from explorer.networks.unet import PictureDenoiser
from explorer.session.document import Document
from explorer.training.forecast import FASTER, FEW, forecast, foretold, smaller
from explorer.training.frame import TrainFrame
from explorer.ui.cards.cards import ScoreCard


def frame(iteration=100, seconds=20.0, speed=5.0, done=False):
    none = np.zeros(0)
    return TrainFrame(
        iteration,
        seconds,
        0.1,
        1.0,
        1.0,
        0.0,
        0.0,
        none,
        none,
        none,
        speed,
        64,
        1e-3,
        "CPU",
        done=done,
        exact=False,
    )


@pytest.mark.parametrize(
    ("training", "reached"),
    [
        (PictureTraining(seconds=600), 100 + 580 * 5), (PictureTraining(seconds=20), 100),
        (PictureTraining(seconds=600, iterations=500), 500), (PictureTraining(seconds=0, iterations=500), None),
        (PictureTraining(seconds=10), 100),
    ],
)  # fmt: skip
def test_the_forecast_is_speed_times_time_left(training, reached):
    assert forecast(frame(), training) == reached
    assert forecast(frame(iteration=1), training) is None


def test_few_iterations_offer_the_smaller_network_and_many_do_not():
    slow, fast = frame(speed=0.3, iteration=6, seconds=20.0), frame(speed=30.0)
    words, offer = foretold(slow, PictureTraining(), UNetSpec())
    assert offer and words.startswith("180 iterations in the time set") and f"{FEW:,}" in words
    assert foretold(fast, PictureTraining(), UNetSpec()) == ("17,500 iterations in the time set", False)
    assert not foretold(slow, PictureTraining(), smaller(UNetSpec()))[1]
    assert foretold(frame(done=True), PictureTraining(), UNetSpec()) == ("", False)
    assert foretold(slow, Training(), UNetSpec()) == ("", False)


def test_the_smaller_network_is_smaller_and_knows_the_same_classes():
    for spec in (UNetSpec(), UNetSpec(width=128, depth=8, classes=4), UNetSpec(width=16, depth=1)):
        small = smaller(spec)
        assert small.classes == spec.classes and small.width <= 32 and small.depth <= 2
        assert smaller(small) == small
    sizes = [
        sum(p.numel() for p in PictureDenoiser(s, (1, 28, 28), (-0.7,), 0.6).parameters())
        for s in (UNetSpec(), smaller(UNetSpec()))
    ]
    assert sizes[1] < sizes[0] / 3


def work(spec):
    """Floating point operations of a step of training."""
    net = PictureDenoiser(spec, (1, 28, 28), (-0.7,), 0.6)
    with FlopCounterMode(display=False) as counter:
        net.score(torch.randn(8, 784), 1.0, 1.0, 0.5, torch.arange(8)).square().mean().backward()
    return counter.get_total_flops()


def test_its_steps_take_as_much_less_work_as_is_said():
    assert work(UNetSpec()) > FASTER * work(smaller(UNetSpec()))


def test_the_card_says_it_and_offers_the_button(qtbot):
    e = Document().with_data(DATA["mnist"]()).experiment
    card = ScoreCard(e.score)
    qtbot.addWidget(card)
    card.set_score(replace(e.score, source="trained"), True)
    card.set_forecast("180 iterations in the time set", True)
    assert not card.forecast.isHidden() and not card.smaller.isHidden()
    with qtbot.waitSignal(card.smaller_pressed):
        card.smaller.click()
    card.set_forecast("", False)
    assert card.forecast.isHidden() and card.smaller.isHidden()
