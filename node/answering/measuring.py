"""From the household's rows to the measures of a policy: sums and counts over distinct rows.

Source: design.md 2.4.4, 2.4.5, 2.4.18. A row that cannot be read is never an error: the measure
becomes UNREADABLE, which sets an encrypted flag. A thing that several members hold counts once.
"""

import calendar
from collections.abc import Hashable, Mapping, Sequence
from datetime import date
from typing import Any

from model.policy.contributing import UNREADABLE, MeasureValue
from model.policy.schema import Measure
from model.policy.window import Window, window
from node.records.store import Resource, Row


def measure_household(
    measures: Mapping[str, Measure],
    rows: Mapping[str, Sequence[Row]],
    catalogue: Mapping[str, Resource],
    reference: date,
) -> dict[str, MeasureValue]:
    """Return the value of every measure over the household's rows; 0 where there are none."""
    return {
        name: _value(measure, catalogue[measure.resource], rows[measure.resource], reference)
        for name, measure in measures.items()
    }


def _value(
    measure: Measure, resource: Resource, rows: Sequence[Row], reference: date
) -> MeasureValue:
    within = None if measure.window_months is None else window(reference, measure.window_months)
    distinct: dict[Hashable, Any] = {}
    for row in rows:
        inside = _inside(row, within)
        if inside is False:
            continue
        if inside is None or not _readable(row, resource):
            return UNREADABLE
        if distinct.setdefault(_thing(row), row.amount) != row.amount:
            return UNREADABLE
    return len(distinct) if measure.kind == "count" else sum(distinct.values())


def _thing(row: Row) -> Hashable:
    """What a row is about: its key and period, or the row itself where it has no key."""
    return (row.row_key, row.period) if row.row_key is not None else row.id


def _readable(row: Row, resource: Resource) -> bool:
    return bool(row.readable) and (not resource.has_amount or type(row.amount) is int)


def _inside(row: Row, within: Window | None) -> bool | None:
    """Whether the row's last month ends within the window; None where that cannot be read."""
    if within is None:
        return True
    end = _month_end(row.period)
    return None if end is None else end in within


def _month_end(period: Any) -> date | None:
    """The last day of ``YYYY-MM``, None for anything else."""
    try:
        first = date.fromisoformat(f"{period}-01")
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])
    except ValueError:
        return None
