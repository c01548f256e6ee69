"""The first thing the window shows: a recording of the default experiment, made beforehand.

Loading torch takes a few seconds; this moves meanwhile. It is the run that the program then computes itself
(same seed, same noise), with fewer particles and every second frame.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from explorer.base import paths
from explorer.base.files import write_atomically
from explorer.diffusion.frames import Frame, Recording
from explorer.experiment.schema import Experiment

PARTICLES, EVERY = 800, 2


def path() -> Path:
    """Where it lies."""
    return paths.assets() / "first_run.npz"


def load() -> Recording | None:
    """The recording, or None where the file is missing or broken: the window then waits for torch."""
    try:
        with path().open("rb") as file, np.load(file, allow_pickle=False) as kept:
            numbers, x = kept["numbers"], kept["x"].astype(np.float32)
    except (OSError, KeyError, ValueError, BadZipFile, zlib.error, EOFError):
        return None
    recording = Recording()
    for (t, alpha, sigma, *counts), points in zip(numbers.tolist(), x, strict=True):
        step, steps, nfe = map(int, counts)
        recording.append(Frame(points, t, alpha, sigma, step, steps, nfe, "predict" if step else "start"))
    recording.complete = True
    return recording


def make() -> None:
    """Compute it and write it (`python tools/first_run.py`, after the pretrained network has changed)."""
    from explorer.diffusion.simulate import simulate
    from explorer.experiment.resolution import resolve

    e = Experiment()
    sampler = replace(e.sampler, particles=PARTICLES)
    frames = list(simulate(e.sde, sampler, resolve(e).score, e.data.mixture, e.seed))[::EVERY]
    numbers = np.array([(f.t, f.alpha, f.sigma, f.step, f.steps, f.nfe) for f in frames])
    with write_atomically(path()) as temporary:
        np.savez_compressed(temporary, numbers=numbers, x=np.stack([f.x for f in frames]).astype(np.float16))
