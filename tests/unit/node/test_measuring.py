"""Measures over a household's rows: windows, distinct things, and rows that cannot be read.

Tests design.md 2.4.4, 2.4.5, 2.4.18.
"""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from model.policy.contributing import UNREADABLE, MeasureValue
from model.policy.schema import Measure, Title
from node.answering.measuring import measure_household
from node.records.store import Resource, Row

REFERENCE = date(2026, 11, 20)
RESOURCE = Resource("tax.r", "R", "", "fen", True, True, "2026-10-31", "", 0, b"")


def measure(kind: str = "sum", months: int | None = None) -> Measure:
    return Measure(
        title=Title(en="M", zh="M"),
        department="tax",
        resource="tax.r",
        kind=kind,  # type: ignore[arg-type]
        unit="1" if kind == "count" else "fen",
        window_months=months,
        min="0",
        max="1000000",
    )


def row(
    number: int, amount: Any = 100, *, key: Any = None, period: Any = None, readable: Any = True
) -> Row:
    return Row(number, key, period, amount, readable)


ALL, SIX, COUNT = measure(), measure(months=6), measure("count")
WITHOUT_AMOUNTS = replace(RESOURCE, has_amount=False)

VALUES: dict[str, tuple[Measure, list[Row], MeasureValue]] = {
    "nobody has a row": (ALL, [], 0),
    "a sum, losses included": (ALL, [row(1, 500), row(2, -800)], -300),
    "more than 64 bits": (ALL, [row(i, 2**63 - 1) for i in range(3)], 3 * (2**63 - 1)),
    "a couple's one home counts once": (
        COUNT,
        [row(1, key="H1"), row(2, key="H1"), row(3, key="H2")],
        2,
    ),
    "a couple's one account is added once": (ALL, [row(1, 70, key="K"), row(2, 70, key="K")], 70),
    "the same thing in two months is two facts": (
        ALL,
        [row(1, 70, key="K", period="2026-09"), row(2, 70, key="K", period="2026-10")],
        140,
    ),
    "rows without a key are each their own": (COUNT, [row(1), row(2)], 2),
    "one thing with two amounts cannot be read": (
        ALL,
        [row(1, 70, key="K"), row(2, 71, key="K")],
        UNREADABLE,
    ),
    "first and last month of the window": (
        SIX,
        [row(1, 1, period="2026-05"), row(2, 10, period="2026-10")],
        11,
    ),
    "before and after the window": (
        SIX,
        [row(1, 1, period="2026-04"), row(2, 10, period="2026-11")],
        0,
    ),
    "no amount": (ALL, [row(1, None)], UNREADABLE),
    "an amount that is text": (ALL, [row(1, "12")], UNREADABLE),
    "an amount that is a float": (ALL, [row(1, 12.5)], UNREADABLE),
    "a row marked unreadable": (ALL, [row(1, readable=False)], UNREADABLE),
    "an unreadable row is not counted either": (COUNT, [row(1, None)], UNREADABLE),
    "no period where there is a window": (SIX, [row(1)], UNREADABLE),
    "a garbled period": (SIX, [row(1, period="10/26")], UNREADABLE),
    "unreadable, but outside the window": (SIX, [row(1, None, period="2020-01")], 0),
}


@pytest.mark.parametrize(("wanted", "rows", "value"), VALUES.values(), ids=VALUES.keys())
def test_value(wanted: Measure, rows: list[Row], value: MeasureValue) -> None:
    found = measure_household({"m": wanted}, {"tax.r": rows}, {"tax.r": RESOURCE}, REFERENCE)
    assert found == {"m": value}


def test_a_resource_without_amounts_is_counted() -> None:
    rows = {"tax.r": [row(1, None, key="A"), row(2, None, key="B")]}
    found = measure_household({"m": COUNT}, rows, {"tax.r": WITHOUT_AMOUNTS}, REFERENCE)
    assert found == {"m": 2}
