"""The script for the day a GPU is at hand runs through on the CPU, in small form, and its checks can fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def gpu():
    import gpu

    return gpu


@pytest.mark.timeout(600)  # it starts several processes that import torch
def test_the_small_form_holds_every_check(gpu, tmp_path):
    out = tmp_path / "report.md"
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--device", "cpu", "--out", str(out)],
        capture_output=True, text=True, timeout=580, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    text = out.read_text(encoding="utf-8")
    for title in gpu.SECTIONS:
        assert f"## {title}" in text
    assert "failed" not in text and text.count("- ok: ") >= 6


@pytest.mark.parametrize("broken", ["Predictor-corrector", "Sampling images"])
def test_a_check_that_does_not_hold_is_reported_and_the_rest_goes_on(gpu, monkeypatch, broken):
    monkeypatch.setattr(
        gpu, "SECTIONS", {k: v for k, v in gpu.SECTIONS.items() if k in (broken, "Out of memory")}
    )
    honest = gpu.sampled

    def wrong(net, sampler, device):
        x = honest(net, sampler, device)
        wrong.calls += 1
        return x + float("nan") if wrong.calls == 1 else x

    wrong.calls = 0
    monkeypatch.setattr(gpu, "sampled", wrong)
    text, sound = gpu.report(gpu.SMALL)
    assert not sound and "**failed**" in text and "## Out of memory" in text
