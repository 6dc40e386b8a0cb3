"""The pool: a case is in one thread at a time, a waiting one comes back, a fault loses none.

Tests design.md 5.1.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from coordinator.engine.workers import Advance, Workers
from runtime.clock import SystemClock
from runtime.logging import Log
from tests.support.logs import MemorySink


@contextmanager
def running(advance: Advance, *cases: str, threads: int = 3) -> Iterator[Workers]:
    """A pool with short pauses."""
    clock = SystemClock()
    log = Log(MemorySink(), process="coordinator", clock=clock)
    workers = Workers(advance, threads=threads, first_s=0.001, most_s=0.004, clock=clock, log=log)
    workers.start(cases)
    try:
        yield workers
    finally:
        workers.stop()


def test_a_waiting_case_comes_back_until_it_is_done() -> None:
    calls: Counter[str] = Counter()
    done = threading.Event()

    def advance(case_id: str) -> bool:
        calls[case_id] += 1
        if calls["slow"] == 5:
            done.set()
        return case_id == "slow" and calls[case_id] < 5

    with running(advance, "slow", "quick"):
        assert done.wait(10)
    assert calls == {"slow": 5, "quick": 1}


def test_a_fault_is_logged_and_the_case_is_tried_again() -> None:
    done = threading.Event()
    calls: list[str] = []

    def advance(case_id: str) -> bool:
        calls.append(case_id)
        if len(calls) == 1:
            raise RuntimeError("a mistake of ours")
        done.set()
        return False

    with running(advance, "one"):
        assert done.wait(10)
    assert calls == ["one", "one"]


def test_a_case_is_never_in_two_threads_and_no_wake_is_lost() -> None:
    inside, most, calls = 0, 0, 0
    lock, first, again = threading.Lock(), threading.Event(), threading.Event()

    def advance(_case_id: str) -> bool:
        nonlocal inside, most, calls
        with lock:
            inside, calls = inside + 1, calls + 1
            most = max(most, inside)
        if calls == 1:
            first.set()
            again.wait(10)
        with lock:
            inside -= 1
        return False

    with running(advance) as workers:
        workers.submit("one")
        assert first.wait(10)
        for _ in range(20):
            workers.submit("one")
        again.set()
        deadline = threading.Event()
        while calls < 2 and not deadline.wait(0.01):
            pass
    assert (most, calls) == (1, 2)


def test_stop_waits_for_what_is_in_hand() -> None:
    began, ended = threading.Event(), threading.Event()

    def advance(_case_id: str) -> bool:
        began.set()
        threading.Event().wait(0.05)
        ended.set()
        return True

    with running(advance, "one", threads=1):
        assert began.wait(10)
    assert ended.is_set()
