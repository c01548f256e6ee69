"""The playhead: how it moves, holds, turns around and waits for what is not computed yet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.session.playhead import DURATION, HOLD, Playhead


def test_a_run_takes_its_time():
    for speed in (0.5, 1.0, 4.0):
        head = Playhead(playing=True, speed=speed)
        for _ in range(10):
            head.advance(DURATION / 20 / speed)
        assert head.position == pytest.approx(0.5)


def test_nothing_moves_while_paused():
    head = Playhead(position=0.3)
    head.advance(100)
    assert head.position == 0.3


@pytest.mark.parametrize(("direction", "end"), [(1, 1.0), (-1, 0.0)])
def test_the_end_is_held_a_moment_then_it_starts_over(direction, end):
    head = Playhead(position=0.5, playing=True, direction=direction)
    head.advance(DURATION)
    assert head.position == end
    head.advance(0.6 * HOLD)
    assert head.position == end
    head.advance(0.6 * HOLD)
    assert head.position == 1 - end and head.playing
    head.advance(0.1 * DURATION)
    assert head.position == pytest.approx(abs(1 - end - 0.1))


@pytest.mark.parametrize(("direction", "end"), [(1, 1.0), (-1, 0.0)])
def test_without_a_loop_it_stops_at_the_end_and_play_starts_over(direction, end):
    head = Playhead(playing=True, direction=direction, loop=False, position=0.5)
    for _ in range(5):
        head.advance(DURATION)
    assert head.position == end and not head.playing
    head.toggle()
    assert head.playing and head.position == 1 - end
    head.toggle()
    assert not head.playing and head.position == 1 - end


def test_it_waits_for_what_is_not_computed_yet():
    head = Playhead(playing=True)
    head.advance(0.5 * DURATION, limit=0.2)
    assert head.position == 0.2
    head.advance(DURATION, limit=0.3)
    assert head.position == 0.3
    head.advance(0.1 * DURATION, limit=1.0)
    assert head.position == pytest.approx(0.4)


def test_it_does_not_jump_back_when_a_new_run_begins():
    """After an edit less is computed than the playhead has seen: it stays where it is."""
    head = Playhead(position=0.7, playing=True)
    head.advance(0.1, limit=0.0)
    assert head.position == 0.7


def test_seek_stays_in_the_run_and_ends_the_hold():
    head = Playhead(position=1.0, playing=True)
    head.advance(0.9 * HOLD)
    head.seek(5)
    assert head.position == 1.0
    head.advance(0.9 * HOLD)
    assert head.position == 1.0
    head.seek(-1)
    assert head.position == 0.0


@given(
    st.floats(0, 1), st.sampled_from([-1, 1]), st.booleans(), st.floats(0, 100),
    st.lists(st.tuples(st.floats(0, 50), st.floats(-1, 1)), max_size=20),
)  # fmt: skip
def test_it_never_leaves_the_run(position, direction, loop, speed, ticks):
    head = Playhead(position, True, speed, direction, loop)
    for seconds, limit in ticks:
        head.advance(seconds, limit)
        assert 0 <= head.position <= 1
