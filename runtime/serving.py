"""Run one process until a signal, or the end of its standard input, asks it to stop.

Source: design.md 5.9.
Trusts: whoever may send signals to the process.
"""

import os
import selectors
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from runtime.process import Service

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def serve(service: Service, *, exit_with_stdin: bool = False) -> None:
    """Start, wait, stop. Raises what ``Service.start`` raises.

    Args:
        service: Not started yet.
        exit_with_stdin: Stop when standard input ends: a launcher's children die with it.
            A service under systemd has none, and does not watch it.
    """
    with _signals() as woken:
        service.start()
        try:
            _wait(woken, exit_with_stdin)
        finally:
            # A second signal ends a process that hangs in its stop.
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            service.stop()


@contextmanager
def _signals() -> Iterator[int]:
    """Yield a descriptor that becomes readable with the first signal.

    A pipe, because an Event that a handler sets can deadlock with the thread it interrupts.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def handle(_number: int, _frame: FrameType | None) -> None:
        with suppress(OSError):
            os.write(writer, b"!")

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield reader
    finally:
        for number, old in before.items():
            signal.signal(number, old)
        os.close(reader)
        os.close(writer)


def _wait(woken: int, exit_with_stdin: bool) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(woken, selectors.EVENT_READ)
        if exit_with_stdin:
            selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == woken or not os.read(key.fd, 4096):
                    return
