"""Two runs side by side: which frame of the second stands beside a frame of the first."""

from dataclasses import replace

import pytest

from explorer.diffusion.frames import Recording
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.simulate import simulate
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.session.playback import linked_index

PC = Sampler(mode="pc", particles=8, steps=6, corrector_steps=2)
ODE = replace(PC, mode="ode")
ANNEALED = Sampler(mode="annealed", particles=8, levels=5, level_steps=10)


def recorded(sampler):
    e = Experiment(score=ScoreSource("exact"), sampler=sampler)
    recording = Recording()
    for frame in simulate(e.sde, sampler, resolve(e).score, e.data.mixture):
        recording.append(frame)
    recording.complete = True
    return recording


@pytest.mark.parametrize(
    "a, b",
    [
        (PC, PC),
        (ODE, PC),
        (PC, ODE),
        (ANNEALED, ANNEALED),
        (ANNEALED, PC),
        (PC, ANNEALED),
        (PC, replace(PC, snr=1.0, corrector_steps=3)),
        (PC, replace(PC, order="corrector")),
        (replace(PC, steps=12), PC),
        (PC, replace(PC, steps=12)),
    ],
)
def test_ends_stand_beside_ends_and_time_runs_on(a, b):
    first, other = recorded(a), recorded(b)
    beside = [linked_index(other, first, i) for i in range(len(first))]
    assert beside[0] == 0 and beside[-1] == len(other) - 1
    assert beside == sorted(beside)
    times = [f.t for f in other.frames]
    for i, j in enumerate(beside[:-1]):  # the end of an annealed run need not be at the other's last t
        assert abs(times[j] - first[i].t) == min(abs(t - first[i].t) for t in times)


@pytest.mark.parametrize("order", ["predictor", "corrector"])
@pytest.mark.parametrize("moves", [1, 2, 4])
def test_a_predictor_corrector_step_is_walked_through_in_both(order, moves):
    """Each sub-step of A stands beside the same one of B, and where A is through with its step so is B."""
    first = recorded(replace(PC, order=order))
    other = recorded(replace(PC, order=order, corrector_steps=moves))
    for i in range(1, len(first) - 1):
        here = first[i]
        if here.step == first[-1].step and order == "corrector":
            continue  # the run ends with a predictor move
        there = other[linked_index(other, first, i)]
        through = first[i + 1].t != here.t
        assert there.t == here.t
        assert there.sub == (moves if through else min(here.sub, moves))


def test_where_the_first_has_no_moves_of_a_corrector_those_of_the_second_are_done():
    first, other = recorded(ODE), recorded(PC)
    assert [other[linked_index(other, first, i)].sub for i in range(1, len(first))] == [2] * 6


@pytest.mark.parametrize("moves", [5, 10, 20])
def test_annealed_runs_stand_at_the_same_share_of_a_level(moves):
    first, other = recorded(ANNEALED), recorded(replace(ANNEALED, level_steps=moves))
    for i in range(1, len(first)):
        here, there = first[i], other[linked_index(other, first, i)]
        assert there.t == here.t
        assert there.step / moves == pytest.approx(here.step / 10, abs=1 / moves)


def test_a_run_that_goes_on_is_followed_by_t():
    """Its newest frame is not its end."""
    first, other = recorded(PC), recorded(PC)
    first.frames, first.complete = first.frames[:8], False
    assert other[linked_index(other, first, 7)].t == first[7].t
