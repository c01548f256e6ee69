"""Jobs that compute at once share the processor; one alone may have all of it."""

import threading

import pytest
import torch

from explorer.base.cores import MOST, Cores, granted, shared


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, MOST)])
def test_a_job_that_need_not_be_alone_takes_half(cores, threads):
    assert shared(cores) == threads and Cores(cores).alone == min(cores, MOST)


@pytest.mark.parametrize(
    ("asked", "cores"), [(None, 8), ("", 8), ("1", 1), ("4", 4), ("64", 8), ("0", 8), ("4,2", 8)]
)
def test_a_limit_that_somebody_has_set_holds(asked, cores):
    assert granted({} if asked is None else {"OMP_NUM_THREADS": asked}, 8) == cores


def threads_seen(cores, source, greedy):
    """What `source` yields together with the threads that torch had then, from a thread of its own."""
    seen = []

    def work():
        torch.set_num_threads(1)
        seen.extend((item, torch.get_num_threads()) for item in cores.working(source, greedy))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return seen


def test_a_greedy_job_takes_all_while_it_is_alone():
    cores, before = Cores(4), torch.get_num_threads()
    other = cores.working(lambda: range(9), greedy=False)

    def source():
        yield "alone"
        next(other)
        yield "just asked"
        yield "together"
        other.close()
        yield "just gone"
        yield "alone again"

    seen = threads_seen(cores, source, greedy=True)
    assert seen == [("alone", 4), ("just asked", 4), ("together", 2), ("just gone", 2), ("alone again", 4)]
    assert torch.get_num_threads() == before


def test_a_modest_job_leaves_the_threads_alone_and_is_counted_until_it_fails():
    cores = Cores(4)
    assert threads_seen(cores, lambda: "ab", greedy=False) == [("a", 1), ("b", 1)]

    def broken():
        yield 1
        raise ValueError("on purpose")

    failing = cores.working(broken, greedy=False)
    next(failing)
    assert threads_seen(cores, lambda: "a", greedy=True) == [("a", 2)]
    with pytest.raises(ValueError, match="on purpose"):
        next(failing)
    assert threads_seen(cores, lambda: "a", greedy=True) == [("a", 4)]
