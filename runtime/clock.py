"""Time is handed in: the one place of the processes that reads the wall clock.

Source: design.md 2.0.2.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The present, in UTC, and a counter of seconds that never goes back."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds since an arbitrary moment; differences only."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return seconds since an arbitrary moment; differences only."""
        return time.monotonic()
