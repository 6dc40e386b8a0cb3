"""A bounded pool of threads that take cases forward, and take waiting ones up again.

A case is in one thread at a time. One that waits comes back after a pause that doubles from
``first_s`` to ``most_s``; the pauses are not stored: after a restart everything is tried at once.
"""

import heapq
import threading
from collections.abc import Callable, Iterable
from typing import Final

from runtime.clock import Clock
from runtime.logging import Log

Advance = Callable[[str], bool]
"""Takes a case forward; True where it waits."""


class Workers:
    """``start`` once; ``submit`` from any thread; ``stop`` waits for what is in hand."""

    def __init__(
        self,
        advance: Advance,
        *,
        threads: int,
        first_s: float,
        most_s: float,
        clock: Clock,
        log: Log,
    ) -> None:
        self._advance: Final = advance
        self._first_s = first_s
        self._most_s = most_s
        self._clock: Final = clock
        self._log: Final = log
        self._changed = threading.Condition()
        self._due: list[tuple[float, str]] = []
        self._when: dict[str, float] = {}
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._pause: dict[str, float] = {}
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._loop, name=f"hedui-case-{n}", daemon=True)
            for n in range(threads)
        ]

    def start(self, cases: Iterable[str] = ()) -> None:
        """Begin, with these cases at once."""
        for case_id in cases:
            self.submit(case_id)
        for thread in self._threads:
            thread.start()

    def submit(self, case_id: str) -> None:
        """Take a case up now, however long it was to wait."""
        with self._changed:
            self._pause.pop(case_id, None)
            if case_id in self._busy:
                self._again.add(case_id)
            else:
                self._plan(case_id, self._clock.monotonic_s())

    def stop(self, *, timeout_s: float = 30.0) -> None:
        """Take nothing more up; wait for the steps in hand."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    def _plan(self, case_id: str, when: float) -> None:
        self._when[case_id] = when
        heapq.heappush(self._due, (when, case_id))
        self._changed.notify()

    def _loop(self) -> None:
        while (case_id := self._take()) is not None:
            waits = True
            try:
                waits = self._advance(case_id)
            except Exception as error:
                # A mistake of ours must not lose the case, nor spin.
                self._log.fault("case.failed", error, case_id=case_id)
            self._give_back(case_id, waits=waits)

    def _take(self) -> str | None:
        with self._changed:
            while not self._stopping:
                wait_s = self._until_next()
                if wait_s is not None and wait_s <= 0:
                    when, case_id = heapq.heappop(self._due)
                    if self._when.get(case_id) == when and case_id not in self._busy:
                        del self._when[case_id]
                        self._busy.add(case_id)
                        return case_id
                else:
                    self._changed.wait(wait_s)
            return None

    def _until_next(self) -> float | None:
        return self._due[0][0] - self._clock.monotonic_s() if self._due else None

    def _give_back(self, case_id: str, *, waits: bool) -> None:
        with self._changed:
            self._busy.discard(case_id)
            now = self._clock.monotonic_s()
            if case_id in self._again:
                self._again.discard(case_id)
                self._plan(case_id, now)
            elif waits:
                pause = self._pause.get(case_id, self._first_s)
                self._pause[case_id] = min(2 * pause, self._most_s)
                self._plan(case_id, now + pause)
            else:
                self._pause.pop(case_id, None)
