"""Make assets/images/ from whole archives: `python tools/image_assets.py FOLDER` (mnist.npz, fashion_mnist.npz,
twemoji32.npz as described in assets/images/README.md)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / "assets" / "images"
TRAIN, TEST, EMOJI_TEST = 10_000, 2000, 190


def main() -> None:
    """Write the three archives."""
    folder = Path(sys.argv[1])
    OUT.mkdir(parents=True, exist_ok=True)
    for name in ("mnist", "fashion_mnist"):
        a = np.load(folder / f"{name}.npz")
        some = np.random.default_rng(0).permutation(len(a["x_test"]))[:TEST]
        write(name, a["x_train"][:TRAIN], a["y_train"][:TRAIN], a["x_test"][some], a["y_test"][some])
    a = np.load(folder / "twemoji32.npz")
    kept = np.flatnonzero(~a["skin_variation"])
    kept = np.random.default_rng(0).permutation(kept)
    x, y = a["x"][kept], a["category"][kept]
    write("twemoji", x[EMOJI_TEST:], y[EMOJI_TEST:], x[:EMOJI_TEST], y[:EMOJI_TEST])


def write(
    name: str, x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray
) -> None:
    """One archive."""
    labels = (v.astype(np.uint8) for v in (y_train, y_test))
    y_train, y_test = labels
    np.savez_compressed(OUT / f"{name}.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


if __name__ == "__main__":
    main()
