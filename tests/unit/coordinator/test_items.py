"""Items: one for each programme, with the office, steps and days that the policy gives it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coordinator.case.items import item_views
from coordinator.case.state import CaseState
from model.policy import PolicyError, parse

SMALL_POLICY = (Path(__file__).parents[2] / "support" / "small-policy.toml").read_bytes()

HELD = """office = "medical insurance"
steps = ["accepted", "verified", "decided"]
days = { verified = 15, decided = 3 }
"""
PLAIN = SMALL_POLICY.decode()
FIRST = PLAIN[PLAIN.index("[programmes.") :].split("\n", 1)[0]
NAMES = list(parse(SMALL_POLICY).file.programmes)


def with_keys(keys: str) -> bytes:
    return PLAIN.replace(FIRST, f"{FIRST}\n{keys}", 1).encode()


def items(state: CaseState, decided: tuple[str, ...] = (), policy: bytes = SMALL_POLICY) -> Any:
    case: Any = SimpleNamespace(state=state, opened_at="2026-11-27T08:00:00Z")
    return item_views(case, NAMES, parse(policy), decided)


STATES = {
    "asked": (CaseState.ASKING, (), "accepted"),
    "being opened": (CaseState.OPENING, (), "accepted"),
    "determined": (CaseState.DETERMINED, (), "verified"),
    "determined, and decided": (CaseState.DETERMINED, (NAMES[0],), "decided"),
    "closed": (CaseState.CLOSED, (NAMES[0],), "closed"),
    "refused": (CaseState.REFUSED, (), "closed"),
}


@pytest.mark.parametrize(("case", "decided", "state"), STATES.values(), ids=STATES.keys())
def test_state_follows_from_case_and_decisions(
    case: CaseState, decided: tuple[str, ...], state: str
) -> None:
    assert items(case, decided)[0].state == state


def test_programmes_of_one_case_go_their_own_ways() -> None:
    found = {each.programme: each.state for each in items(CaseState.DETERMINED, (NAMES[0],))}
    assert found == {name: "decided" if name == NAMES[0] else "verified" for name in NAMES}


def test_office_steps_and_days_are_the_policys() -> None:
    item = items(CaseState.ASKING, policy=with_keys(HELD))[0]
    assert item.office == "medical insurance"
    assert [(each.step, each.days, each.at) for each in item.steps] == [
        ("accepted", 0, "2026-11-27T08:00:00Z"),
        ("verified", 15, ""),
        ("decided", 3, ""),
    ]


def test_a_policy_without_them_has_all_steps_and_no_office() -> None:
    item = items(CaseState.ASKING)[0]
    steps = [each.step for each in item.steps]
    assert (item.office, steps) == ("", ["accepted", "verified", "reviewed", "decided"])


REFUSED = {
    "an unknown step": ('steps = ["accepted", "published", "decided"]', "steps"),
    "out of order": ('steps = ["verified", "accepted", "decided"]', "in the order"),
    "twice": ('steps = ["accepted", "accepted", "decided"]', "each once"),
    "without its end": ('steps = ["accepted", "verified"]', "end with decided"),
    "days of a step that is not taken": (
        'steps = ["accepted", "decided"]\ndays = { reviewed = 5 }',
        "not one of the steps",
    ),
    "no days": ("days = { reviewed = 0 }", "days"),
    "an unknown key": ('offices = "housing"', "offices"),
}


@pytest.mark.parametrize(("keys", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_policy_that_says_it_wrongly_is_refused(keys: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        parse(with_keys(keys))
