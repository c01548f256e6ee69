"""Jobs: order, backpressure, pause, cancellation, errors; conftest.py fails any test that leaves a thread."""

import threading
import time
import weakref

import pytest

from explorer.base.jobs import Job

PATIENCE = 5.0


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


def drained(job):
    items = []
    wait_until(lambda: items.extend(job.drain()) or job.finished)
    return items


class Counted:
    """A source that says how far it got, and whether it was closed."""

    def __init__(self, n=10**9):
        self.n, self.given, self.closed = n, 0, threading.Event()

    def __call__(self):
        try:
            while self.given < self.n:
                self.given += 1
                yield self.given
        finally:
            self.closed.set()


@pytest.mark.parametrize("capacity", [1, 3, 64])
def test_everything_in_order(capacity):
    job = Job(Counted(500), capacity=capacity)
    assert drained(job) == list(range(1, 501))
    assert job.join(PATIENCE) and job.error is None and job.finished and not job.cancelled


def test_a_job_that_has_ended_holds_its_source_no_more():
    source = Counted(3)
    held = weakref.ref(source)
    job = Job(source)
    drained(job)
    assert job.join(PATIENCE)
    del source
    assert held() is None


def test_the_worker_waits_for_room():
    source = Counted()
    job = Job(source, capacity=5)
    wait_until(lambda: source.given == 6)
    time.sleep(0.05)
    assert source.given == 6  # five wait, one is in hand
    assert job.drain() == [1, 2, 3, 4, 5]
    wait_until(lambda: source.given == 11)  # the one in hand and four more wait, another is in hand
    job.cancel()
    assert job.join(PATIENCE)


def test_latest_keeps_the_newest_and_never_waits():
    job = Job(Counted(100_000), latest=True)
    assert job.join(PATIENCE)
    assert job.drain() == [100_000] and job.finished


@pytest.mark.parametrize("state", ["full", "paused", "running", "latest"])
def test_cancel_is_prompt_and_closes_the_source(state):
    source = Counted()
    job = Job(source, capacity=10**9 if state == "running" else 2, latest=state == "latest")
    wait_until(lambda: source.given > 2)
    if state == "paused":
        job.pause()
    start = time.monotonic()
    job.cancel()
    assert job.join(PATIENCE) and time.monotonic() - start < 1
    assert source.closed.wait(PATIENCE)
    assert job.cancelled and job.finished and job.drain() == [] and job.error is None


def test_a_cancelled_job_cannot_be_paused():
    """A pause that comes late must not hold the thread for ever."""
    gate = threading.Event()

    def source():
        yield 1
        gate.wait(PATIENCE)
        yield 2

    job = Job(source)
    wait_until(lambda: job.drain() == [1])
    job.cancel()
    job.pause()
    gate.set()
    assert job.join(PATIENCE) and not job.paused


def test_pause_and_resume():
    source = Counted(10_000)
    job = Job(source, capacity=10**6)
    job.pause()
    assert job.paused
    time.sleep(0.02)
    before = source.given
    time.sleep(0.05)
    assert source.given <= before + 1 and not job.finished
    job.resume()
    assert not job.paused and drained(job) == list(range(1, 10_001))


@pytest.mark.parametrize("at", [0, 3])
def test_errors_are_kept_and_earlier_items_too(at):
    def source():
        yield from range(at)
        raise RuntimeError("no score here")

    job = Job(source)
    assert drained(job) == list(range(at))
    assert isinstance(job.error, RuntimeError) and str(job.error) == "no score here"


def test_a_source_that_cannot_start():
    job = Job(lambda: 1 / 0)
    assert drained(job) == [] and isinstance(job.error, ZeroDivisionError)


def test_many_starts_and_cancels_leave_nothing():
    before = threading.active_count()
    jobs = []
    for _ in range(200):
        jobs.append(Job(Counted(), capacity=4))
        jobs[-1].cancel()
    assert all(job.join(PATIENCE) for job in jobs)
    assert threading.active_count() <= before
