"""The classifiers of noisy data that are in use: trained here, or shipped; of points and of images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from explorer.data.distributions import Distribution
from explorer.data.images import ImageSet
from explorer.guidance.classifier import EVERY, ClassifierFrame, train_classifier
from explorer.guidance.image_classifier import shipped, train_picture_classifier

if TYPE_CHECKING:
    from explorer.networks.classifier import NoisyClassifier


def training(data: Distribution, every: int = EVERY) -> Iterator[ClassifierFrame]:
    """The training of the classifier that is kept for this data, of points or of pictures."""
    if isinstance(data, ImageSet):
        return train_picture_classifier(data, every=every)
    return train_classifier(data.mixture, every=every)


class Store:
    """The trained classifiers, a few of the newest; `changes` tells others that there is a new one."""

    MOST = 8

    def __init__(self) -> None:
        self.changes = 0
        self._kept: dict[Distribution, NoisyClassifier] = {}

    def keep(self, data: Distribution, net: NoisyClassifier) -> None:
        """Remember the classifier of `data` for the rule "classifier"."""
        others = {k: v for k, v in self._kept.items() if k != data}
        self._kept = dict(list(others.items())[1 - self.MOST :]) | {data: net}
        self.changes += 1

    def of(self, data: Distribution) -> NoisyClassifier | None:
        """The classifier trained for `data` here, else the one that comes with the program, else None."""
        return self._kept.get(data) or shipped(data)

    def trained(self, data: Distribution) -> NoisyClassifier:
        """The classifier of `data`, trained now if there is none yet (some seconds; for pictures a minute)."""
        net = self.of(data)
        if net is None:
            *_, last = training(data, every=10**9)
            net = last.net
            self.keep(data, net)
        return net


CLASSIFIERS = Store()
