"""Which rows a measure counts: those whose period ends within the window.

Source: design.md 2.4.5.
The window of n months before a reference date R is [R minus n months, R): whatever the length
of the months, exactly n month-ends lie in it.
"""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Window:
    """First and last day, both inclusive, on which a row's period may end."""

    first: date
    last: date

    def __contains__(self, period_end: date) -> bool:
        return self.first <= period_end <= self.last


def window(reference: date, months: int) -> Window:
    """Return the window of ``months`` months before ``reference``, which is itself outside."""
    index = reference.year * 12 + reference.month - 1 - months
    year, month = index // 12, index % 12 + 1
    day = min(reference.day, calendar.monthrange(year, month)[1])
    return Window(date(year, month, day), reference - timedelta(days=1))
