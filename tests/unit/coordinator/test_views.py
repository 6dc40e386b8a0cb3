"""What an officer sees of a stored case.

Tests design.md 2.4.10.
"""

import pytest

from coordinator.case.state import TicketState
from coordinator.case.store import TicketRow
from coordinator.case.views import department_view
from crypto import jcs

BOTH: jcs.Json = {"data_date": "2026-10-31", "first": "2024-01-01", "last": "2026-10-31"}
STORED: dict[str, tuple[jcs.Json, dict[str, tuple[str, str]]]] = {
    "version 1": ("2026-10-31", {}),
    "version 2, of a node of version 1": ({"data_date": "2026-10-31"}, {}),
    "version 2": (BOTH, {"tax.wages": ("2024-01-01", "2026-10-31")}),
}


@pytest.mark.parametrize(("stated", "coverage"), STORED.values(), ids=STORED.keys())
def test_dates_and_coverage_of_rows_of_either_version(
    stated: jcs.Json, coverage: dict[str, tuple[str, str]]
) -> None:
    row = TicketRow(
        department="tax",
        query="11" * 16,
        ticket=b"",
        sent=True,
        state=TicketState.ANSWERED,
        reason="",
        answer=b"",
        answered_at="2026-11-27T08:00:00Z",
        data_dates=jcs.encode({"tax.wages": stated}),
    )
    view = department_view(row)
    assert dict(view.data_dates) == {"tax.wages": "2026-10-31"}
    assert {code: (each.first, each.last) for code, each in view.coverage.items()} == coverage
