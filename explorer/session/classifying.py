"""The noise-conditional classifier, trained in the background."""

from __future__ import annotations

import math
from collections.abc import Iterator

from explorer.data.distributions import Distribution
from explorer.guidance.classifier import ClassifierFrame
from explorer.guidance.trained_classifiers import CLASSIFIERS, training
from explorer.session.slot import Slot


class ClassifierTrainer:
    """At most one training at a time; when it has ended its classifier is kept for its data."""

    def __init__(self) -> None:
        self.frame: ClassifierFrame | None = None
        self.data: Distribution | None = None
        self.error: BaseException | None = None
        self._slot: Slot[ClassifierFrame] = Slot("train-classifier", latest=True)
        self._seen = CLASSIFIERS.changes

    def start(self, data: Distribution) -> None:
        """Train a classifier of the classes of `data`."""
        self.frame, self.error, self.data = None, None, data
        self._slot.start(lambda: _kept(data))

    @property
    def running(self) -> bool:
        """Whether a training is going on."""
        return self._slot.job is not None

    def drain(self) -> bool:
        """Take the newest frame; True if there is another classifier than before, trained here or elsewhere."""
        frames, error, _ = self._slot.take()
        self.error = error or self.error
        self.frame = frames[-1] if frames else self.frame
        before, self._seen = self._seen, CLASSIFIERS.changes
        return self._seen != before

    @property
    def words(self) -> str:
        """How far it is; "" where there is none to tell of."""
        if not self.running:
            return ""
        f = self.frame
        if f is None:
            return "Training a classifier …"
        exact = "" if math.isnan(f.bayes_loss) else f" (the exact rule's {f.bayes_loss:.3f})"
        return f"Training a classifier: {f.progress:.0%}, cross-entropy {f.loss:.3f}{exact}"

    def cancel(self) -> None:
        """Stop; a classifier that is not finished is not kept."""
        self._slot.cancel()

    def close(self, timeout: float = 2.0) -> bool:
        """Stop and wait for the threads; True when they have ended."""
        return self._slot.close(timeout)


def _kept(data: Distribution) -> Iterator[ClassifierFrame]:
    for frame in training(data):
        if frame.progress == 1:
            CLASSIFIERS.keep(data, frame.net)
        yield frame
