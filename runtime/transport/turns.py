"""One call at a time about one thing: two that run side by side would get in their way."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from model.reasons import Reason
from runtime.errors import Refusal


class Turns:
    """Takes turns by name; whoever comes second is refused, and asks again."""

    def __init__(self, busy: str) -> None:
        """``busy`` is the sentence for whoever comes second."""
        self._sentence = busy
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    @contextmanager
    def take(self, name: str) -> Iterator[None]:
        """Raise Refusal(overloaded) while another call has this name."""
        with self._lock:
            if name in self._busy:
                raise Refusal(Reason.OVERLOADED, self._sentence)
            self._busy.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(name)
