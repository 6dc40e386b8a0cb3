"""Work at intervals, in a thread of its own that ends with the process."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from runtime.logging import Log


@dataclass(frozen=True)
class Background:
    """What is to be done every so often. ``work`` returns soon: stopping waits for it."""

    name: str
    every_s: float
    work: Callable[[], None]


class Ticker:
    """Runs one background job; an exception is logged and the next turn comes all the same."""

    def __init__(self, job: Background, *, log: Log) -> None:
        self._job = job
        self._log = log
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name=f"hedui-{job.name}", daemon=True)

    def start(self) -> None:
        """Begin; the first turn comes after one interval, or when woken."""
        self._thread.start()

    def wake(self) -> None:
        """Have the next turn now. Several wakes before it make one turn."""
        self._woken.set()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Take no more turns; wait for the one in hand."""
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _loop(self) -> None:
        while True:
            self._woken.wait(self._job.every_s)
            self._woken.clear()
            if self._stopping:
                return
            try:
                self._job.work()
            except Exception as error:
                self._log.fault("background.failed", error, step=self._job.name)
