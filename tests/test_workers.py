"""LatestWorker: the newest work under each key, in turn; errors kept; the thread ends."""

import threading
import time

import pytest

from explorer.base.workers import Done, LatestWorker

PATIENCE = 5.0


@pytest.fixture
def worker():
    w = LatestWorker("tested")
    yield w
    assert w.close(PATIENCE)


def polled(worker, count=1):
    """The next `count` results."""
    done, end = [], time.monotonic() + PATIENCE
    while len(done) < count:
        assert time.monotonic() < end, f"waited in vain, got {done}"
        done += worker.poll()
        time.sleep(0.001)
    return done


class Busy:
    """Keeps the worker busy until `release`."""

    def __init__(self, worker):
        self.begun, self.gate = threading.Event(), threading.Event()
        worker.submit("busy", self)
        assert self.begun.wait(PATIENCE)

    def __call__(self):
        self.begun.set()
        self.gate.wait(PATIENCE)
        return "busy"

    def release(self):
        self.gate.set()


def test_work_is_done_elsewhere_and_its_result_kept(worker):
    worker.submit("k", threading.get_ident)
    (done,) = polled(worker)
    assert done.key == "k" and done.error is None and done.result != threading.get_ident()
    assert worker.poll() == []


def test_of_a_thousand_requests_the_newest_is_done(worker):
    busy, did = Busy(worker), []
    for i in range(1000):
        worker.submit("slider", lambda i=i: did.append(i) or i)
    busy.release()
    assert [d.result for d in polled(worker, 2)] == ["busy", 999]
    assert did == [999]


def test_keys_do_not_replace_each_other(worker):
    busy = Busy(worker)
    for key in ("A", "B", ("probe", "A")):
        worker.submit(key, lambda key=key: key)
    busy.release()
    assert [d.key for d in polled(worker, 4)] == ["busy", "A", "B", ("probe", "A")]


def test_no_key_starves_another(worker):
    """Two stages ask for pictures faster than they can be made: each gets its turn."""
    did = []

    def picture(key):
        did.append(key)
        ask()  # by the time one picture is made both have been asked for again

    def ask():
        if len(did) < 40:
            for key in ("A", "B"):
                worker.submit(key, lambda key=key: picture(key))

    ask()
    polled(worker, 40)
    assert did[:40].count("A") == did[:40].count("B") == 20


def test_an_error_is_kept_and_the_worker_goes_on(worker):
    worker.submit("bad", lambda: 1 / 0)
    worker.submit("good", lambda: 3)
    bad, good = polled(worker, 2)
    assert isinstance(bad.error, ZeroDivisionError) and bad.result is None
    assert good == Done("good", 3, None)


def test_idle_says_whether_anything_is_left(worker):
    assert worker.idle
    busy = Busy(worker)
    assert not worker.idle
    busy.release()
    end = time.monotonic() + PATIENCE
    while not worker._done:
        assert time.monotonic() < end
        time.sleep(0.001)
    assert not worker.idle  # done, but not fetched
    worker.poll()
    while not worker.idle:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_close_drops_what_waits_and_ends_the_thread():
    worker, did = LatestWorker("closing"), []
    busy = Busy(worker)
    worker.submit("later", lambda: did.append(1))
    assert not worker.close(0.01)  # it is still inside a piece of work
    busy.release()
    assert worker.close(PATIENCE) and did == []
    worker.submit("too late", lambda: did.append(2))
    assert worker.close(PATIENCE) and did == [] and [d.key for d in worker.poll()] == ["busy"] and worker.idle
