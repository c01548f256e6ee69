"""Training as a generator of frames. Importing this package loads no torch; training does."""

from explorer.training.frame import DeviceError, TrainFrame, TrainingError, percent
from explorer.training.loop import choose_device, device_words
from explorer.training.run import train, warm_up

__all__ = [
    "DeviceError", "TrainFrame", "TrainingError", "choose_device", "device_words", "percent", "train", "warm_up"
]  # fmt: skip
