"""Counts of events, by name; for metrics and for calls that fail before a handler runs."""

from collections import Counter
from threading import Lock


class Counters:
    """Thread-safe counts. Names come from the code, never from a request."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, name: str, count: int = 1) -> None:
        """Add to one count."""
        with self._lock:
            self._counts[name] += count

    def snapshot(self) -> dict[str, int]:
        """Return all counts, sorted by name."""
        with self._lock:
            return dict(sorted(self._counts.items()))
