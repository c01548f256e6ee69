"""Recordings: within the budget, evenly thinned, ends kept."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.diffusion.frames import BYTE_BUDGET, Frame, Recording


def frame(i, particles=10, t=None):
    x = np.full((particles, 2), float(i), np.float32)
    return Frame(x, 1 - i / 1000 if t is None else t, 1.0, 1.0, i, 1000, i)


def recorded(n, budget=BYTE_BUDGET, particles=10):
    recording = Recording(budget)
    for i in range(n):
        recording.append(frame(i, particles))
    return recording


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(3, 100))
def test_thins_evenly_within_the_budget(n, room):
    """First and last kept, one stride between all kept frames but the last, never above the budget."""
    size = 10 * 2 * 4
    recording = Recording(room * size)
    for i in range(n):
        recording.append(frame(i))
        assert recording.nbytes == sum(f.x.nbytes for f in recording.frames) <= recording.budget
        steps = [f.step for f in recording.frames]
        assert steps[0] == 0 and steps[-1] == i
        regular = steps if steps[-1] % recording.stride == 0 else steps[:-1]
        assert regular == list(range(0, i + 1, recording.stride))
        assert len(recording) >= min(i + 1, room // 2)  # no more is thrown away than needed


def test_nothing_is_thinned_below_the_budget():
    recording = recorded(1000)
    assert len(recording) == 1000 and recording.stride == 1
    assert [f.step for f in recording.frames] == list(range(1000))


def test_two_recordings_of_the_largest_run_stay_below_500_mb():
    """2,000 steps of 10,000 particles with 5 corrector steps each, in A and in B: 1 GB unthinned, each."""
    tracemalloc.start()
    try:
        recordings = Recording(), Recording()
        for i in range(2000 * 6 + 1):
            for recording in recordings:
                recording.append(frame(i, 10_000))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < peak < 500e6
    for recording in recordings:
        assert recording.nbytes <= BYTE_BUDGET and len(recording) > 700
        assert (recording[0].step, recording[-1].step) == (0, 12_000)


def test_huge_frames_keep_the_ends():
    recording = recorded(9, budget=100, particles=1000)
    assert [f.step for f in recording.frames] == [0, 8]


@pytest.mark.parametrize(
    "times", [[1.0, 0.7, 0.4, 0.1], [0.0, 0.2, 0.5, 1.0], [1.0, 1.0, 0.5, 0.5, 0.1], [0.3]]
)
def test_nearest_time(times):
    recording = Recording()
    for i, t in enumerate(times):
        recording.append(frame(i, t=t))
    for wanted in [-1.0, *np.linspace(0, 1, 37), 2.0]:
        found = times[recording.nearest_time(float(wanted))]
        assert abs(found - wanted) == min(abs(t - wanted) for t in times)


def test_frames_are_not_mutated_by_later_ones():
    recording = recorded(50, budget=3000)
    for a, b in itertools.pairwise(recording.frames):
        assert (a.x == a.step).all() and a.x is not b.x
