"""Processes die in the middle of their work, and the work is done once all the same.

Real processes and real commands: each is killed where it hurts, started again by the command that
started it, and the officer sees the same case come to its end. Every ledger is verified at last.
"""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ledger.event import Entry
from model.reasons import EXPLANATIONS, Reason
from simulations import plan as plans
from tests.support.village import DEPARTMENTS, HOLDERS, PROGRAMME, Village, expected, resident

WAITING, REFUSED = 7, 4
MOMENTS = random.Random(20261123)


def outcomes(village: Village, cases: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Number to state, or to what was determined, with what had to be determined beside it."""
    found = {}
    for case in cases:
        outcome = [p["outcome"] for p in case["programmes"]] or [case["state"], case["reason"]]
        found[case["authorization"]] = (*outcome, expected(village.given[case["authorization"]]))
    return {number: "as in plain" if o[0] == o[-1] else str(o) for number, o in found.items()}


def all_right(village: Village, numbers: Sequence[str], *, wait_s: int = 120) -> list[str]:
    """Wait until every case is determined, and as it must be; returns the case ids."""
    cases = village.verify(*numbers, wait_s=wait_s)
    assert outcomes(village, cases) == dict.fromkeys(numbers, "as in plain"), cases
    return [case["case_id"] for case in cases]


def kill_and_restart(village: Village, name: str) -> None:
    """As a power failure would, and as systemd would."""
    village.scenario.federation.kill(name)
    village.scenario.federation.restart(name)


def await_new(
    village: Village,
    processes: Sequence[str],
    wanted: Callable[[Entry], bool],
    before: Counter[str],
) -> str:
    """Look until the ledger of one of these processes has a new such entry; its name."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for name in processes:
            if sum(map(wanted, village.ledger(name))) > before[name]:
                return name
        time.sleep(0.005)
    raise AssertionError(f"no such entry in the ledgers of {processes}")


def count(
    village: Village, processes: Sequence[str], wanted: Callable[[Entry], bool]
) -> Counter[str]:
    """How many such entries each of these processes has."""
    return Counter({name: sum(map(wanted, village.ledger(name))) for name in processes})


def asked_once(village: Village) -> None:
    """No ticket was answered twice, and what each node stored is what the coordinator got."""
    received = village.ledger(plans.COORDINATOR, "answer.received")
    got = {e.fields["query"]: e.fields["answer"] for e in received}
    assert len(got) == len(received)
    for department in DEPARTMENTS:
        answered = village.ledger(department, "query.answered")
        queries = [e.fields["query"] for e in answered]
        assert len(set(queries)) == len(queries) > 0
        assert [e.fields["answer"] for e in answered] == [got[q] for q in queries]
    manifests = village.ledger(plans.REGISTRAR, "manifest.issued")
    assert len({e.fields["authorization"] for e in manifests}) == len(manifests)
    permits = Counter(
        e.fields["manifest"] for e in village.ledger(plans.REGISTRAR, "permit.issued")
    )
    assert set(permits.values()) == {1}
    determined = Counter(
        e.fields["case"] for e in village.ledger(plans.COORDINATOR, "case.determined")
    )
    assert set(determined.values()) == {1}


# ------------------------------------------------------------------ a node that is down


def test_a_node_that_is_down_leaves_the_case_waiting_and_it_resumes_by_itself(
    village: Village,
) -> None:
    (number,) = village.households(1)
    village.scenario.federation.stop("bank")
    seen = village.type("hedui", *village.verifying(number, wait_s=3), person=plans.OFFICER)
    assert seen.returncode == WAITING
    why = EXPLANATIONS[Reason.UNREACHABLE]
    assert f"bank waiting: {why.happened} ({why.zh}; unreachable). To mend: {why.mend}" in (
        seen.stdout
    )
    assert "They go on by themselves" in seen.stdout
    run = village.scenario.federation
    cases = run.hedui_json("case", "list", "--state", "asking", person=plans.OFFICER)
    (waiting,) = [case for case in cases if case["authorization"] == number]
    states = {d["department"]: d["state"] for d in waiting["departments"]}
    assert states == {"tax": "answered", "fund": "answered", "bank": "waiting"}
    shown = run.hedui("case", "show", waiting["case_id"], person=plans.OFFICER)
    assert why.mend in shown
    run.restart("bank")
    # Nobody asks again: looking at the case is enough.
    end = time.monotonic() + 60
    while run.hedui_json("case", "show", waiting["case_id"], person=plans.OFFICER)["state"] in (
        "asking",
        "opening",
    ):
        assert time.monotonic() < end
    assert all_right(village, [number]) == [waiting["case_id"]]


# ------------------------------------------------------------------ kill -9


def test_a_coordinator_that_is_killed_again_and_again_ends_every_case(village: Village) -> None:
    numbers = village.households(6)
    opened = village.verify(*numbers, wait_s=0)
    for _ in range(4):
        time.sleep(MOMENTS.uniform(0.0, 2.5))
        kill_and_restart(village, plans.COORDINATOR)
    assert all_right(village, numbers) == [case["case_id"] for case in opened]
    asked_once(village)


def test_a_node_killed_between_its_answer_and_its_reply_gives_the_stored_answer(
    village: Village,
) -> None:
    def answered(entry: Entry) -> bool:
        return entry.event == "query.answered"

    before = count(village, ["fund"], answered)
    numbers = village.households(1)
    village.verify(*numbers, wait_s=0)
    # The fund's replies leave at steps of 1.5 s: the answer is in its ledger and not yet outside.
    await_new(village, ["fund"], answered, before)
    village.scenario.federation.kill("fund")
    (answer,) = village.ledger("fund", "query.answered")[before["fund"] :]
    got = village.ledger(plans.COORDINATOR, "answer.received")
    assert answer.fields["query"] not in [e.fields["query"] for e in got]
    village.scenario.federation.restart("fund")
    all_right(village, numbers)
    got = village.ledger(plans.COORDINATOR, "answer.received")
    assert answer.fields["answer"] in [e.fields["answer"] for e in got]
    asked_once(village)


def test_nodes_killed_at_any_moment_answer_once(village: Village) -> None:
    numbers = village.households(4)
    village.verify(*numbers, wait_s=0)
    for name in ("tax", "bank", "fund"):
        time.sleep(MOMENTS.uniform(0.0, 1.0))
        kill_and_restart(village, name)
    all_right(village, numbers)
    asked_once(village)


@pytest.mark.parametrize("step", ["mask", "bits", "terms", "results"])
def test_a_key_holder_killed_after_its_step_goes_on_from_it(village: Village, step: str) -> None:
    def taken(entry: Entry) -> bool:
        return entry.event == "opening.step" and entry.fields["step"] == step

    before = count(village, HOLDERS, taken)
    numbers = village.households(1)
    village.verify(*numbers, wait_s=0)
    holder = await_new(village, HOLDERS, taken, before)
    kill_and_restart(village, holder)
    all_right(village, numbers)
    assert count(village, HOLDERS, taken).total() == before.total() + 1
    asked_once(village)


def test_a_registrar_killed_while_it_issues_issues_once(village: Village) -> None:
    def issued(entry: Entry) -> bool:
        return entry.event == "manifest.issued"

    before = count(village, [plans.REGISTRAR], issued)
    numbers = village.households(4)
    village.verify(*numbers, wait_s=0)
    await_new(village, [plans.REGISTRAR], issued, before)
    kill_and_restart(village, plans.REGISTRAR)
    time.sleep(MOMENTS.uniform(0.0, 1.0))
    kill_and_restart(village, plans.REGISTRAR)
    all_right(village, numbers)
    assert count(village, [plans.REGISTRAR], issued).total() == before.total() + len(numbers)
    asked_once(village)
