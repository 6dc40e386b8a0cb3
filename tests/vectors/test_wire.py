"""Wire version 2 is filled and never reshaped: numbers, types, RPCs and keys stay what they are."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.support.wire import Table, frozen, reshaped, today

CASE, CASES = "hedui.v1.Case", "hedui.v1.CaseService"
PERMIT = "model.documents.opening.Permit"


def test_nothing_that_was_written_down_is_another() -> None:
    assert reshaped(frozen(), today()) == []


def test_everything_new_is_written_down() -> None:
    assert today() == frozen(), "run python -m tests.vectors.write_wire"


def _another_number(wire: Table) -> None:
    wire[CASE]["state"] = "99 one string"


def _another_type(wire: Table) -> None:
    wire[CASE]["state"] = "2 one bytes"


def _many_for_one(wire: Table) -> None:
    wire[CASE]["state"] = "2 many string"


def _gone(wire: Table) -> None:
    del wire[CASE]["state"]


def _renamed(wire: Table) -> None:
    wire[CASE]["status"] = wire[CASE].pop("state")


def _message_gone(wire: Table) -> None:
    del wire[CASE]


def _another_reply(wire: Table) -> None:
    wire[CASES]["GetCase"] = "hedui.v1.GetCaseRequest -> stream hedui.v1.Case"


def _a_key_gone(wire: Table) -> None:
    del wire[PERMIT]["silent"]


def _a_key_that_older_ones_lack(wire: Table) -> None:
    wire[PERMIT]["bundle"] = "required"


RESHAPED = [
    _another_number,
    _another_type,
    _many_for_one,
    _gone,
    _renamed,
    _message_gone,
    _another_reply,
    _a_key_gone,
    _a_key_that_older_ones_lack,
]


@pytest.mark.parametrize("change", RESHAPED, ids=lambda change: change.__name__[1:])
def test_a_change_of_what_is_there_is_seen(change: Callable[[Table], None]) -> None:
    after = deepcopy(frozen())
    change(after)
    assert reshaped(frozen(), after)


def test_a_number_that_was_given_back_is_not_given_out_again() -> None:
    after = deepcopy(frozen())
    after[CASE]["colour"] = after[CASE].pop("state")
    assert any("takes the number of state" in fault for fault in reshaped(frozen(), after))


def test_what_is_added_is_no_change() -> None:
    after = deepcopy(frozen())
    after[CASE]["colour"] = "900 one string"
    after[PERMIT]["bundle"] = "optional"
    after["hedui.v1.New"] = {"field": "1 one string"}
    assert reshaped(frozen(), after) == []
