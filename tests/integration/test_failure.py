"""Processes die in the middle of their work, and the work is done once all the same.

Real processes and real commands: each is killed where it hurts, started again by the command that
started it, and the officer sees the same case come to its end. Every ledger is verified at last.

Tests design.md 2.4.8, 2.6.8, 2.6.13, 2.7.5, 2.3.3, 5.13, 5.16.
"""

import json
import os
import random
import secrets
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ledger.event import Entry
from model.explanations import EXPLANATIONS
from model.reasons import Reason
from simulations import plan as plans
from simulations.federation import in_parallel
from tests.support.village import DEPARTMENTS, HOLDERS, REFUSED, WAITING, Village, expected, says

MOMENTS = random.Random(int(os.environ.get("HEDUI_TEST_SEED", "20261123")))


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
    assert f"bank waiting: {why.happened} (unreachable). What to do: {why.mend}" in (seen.stdout)
    assert "These cases continue by themselves" in seen.stdout
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


@pytest.mark.parametrize("victim", ["coordinator", "masker"])
def test_a_recheck_goes_on_from_its_steps_when_somebody_is_killed(
    village: Village, victim: str
) -> None:
    def relayed(entry: Entry) -> bool:
        return entry.event == "opening.relayed" and entry.fields["step"] == "mask"

    (case,) = all_right(village, village.households(1))
    before = count(village, [plans.COORDINATOR], relayed)
    with ThreadPoolExecutor(1) as reviewer:
        typed = ("hedui", "ledger", "recheck", case, "--json")
        ended = reviewer.submit(village.type, *typed, person=plans.REVIEWER)
        await_new(village, [plans.COORDINATOR], relayed, before)
        (masker, _) = village.ledger(plans.REGISTRAR, "recheck.issued")[-1].fields["holders"]
        kill_and_restart(village, masker if victim == "masker" else plans.COORDINATOR)
        done = ended.result()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["agree"] is True
    # One transcript: no step was taken twice, whoever was killed.
    assert count(village, [plans.COORDINATOR], relayed).total() == before.total() + 1
    asked_once(village)


def test_whoever_is_killed_at_random_every_case_ends_and_all_ledgers_agree(
    village: Village,
) -> None:
    # HEDUI_KILL_SEED=N repeats a run: same victims, same pauses.
    seed = int(os.environ.get("HEDUI_KILL_SEED") or secrets.randbelow(10**6))
    print(f"HEDUI_KILL_SEED={seed}")
    chance, run, numbers = random.Random(seed), village.scenario.federation, list[str]()
    victims = chance.sample(village.processes, len(village.processes))
    letters = village.households(len(victims))
    # Two die at a time, each once; before each pair two more verifications are begun.
    for pair in zip(victims[::2], victims[1::2], strict=True):
        numbers += (new := letters[len(numbers) : len(numbers) + 2])
        village.verify(*new, wait_s=0)
        for victim in pair:
            time.sleep(chance.uniform(0.0, 0.6))
            run.kill(victim)
        in_parallel([partial(run.restart, victim) for victim in pair])
    all_right(village, numbers)
    asked_once(village)
    with tempfile.TemporaryDirectory(dir=village.folder) as folder:
        run.hedui("ledger", "export", *victims, "--to", folder, person=plans.REVIEWER)
        bundles = [str(Path(folder, name)) for name in victims]
        # Without grace: nothing may be missing even for a moment.
        told = ("ledger", "reconcile", *bundles, "--grace-s", "0")
        result = run.hedui_json(*told, person=plans.REVIEWER)
    assert [report["kind"] for report in result["bundles"]] == ["intact"] * len(bundles)
    assert (result["findings"], result["open"], result["absent"]) == ([], [], [])


# ------------------------------------------------------------------ key holders that are missing


def test_two_of_three_key_holders_suffice_and_one_waits(village: Village) -> None:
    run = village.scenario.federation
    run.stop(plans.AUDIT)
    all_right(village, village.households(1))
    run.stop("fund")
    (number,) = village.households(1)
    (case,) = village.verify(number, wait_s=10)
    answered = {d["department"]: d["state"] for d in case["departments"]}
    assert answered == {"tax": "answered", "bank": "answered", "fund": "waiting"}
    # Now of three key holders one is left; the last answer arrives.
    run.stop("bank")
    run.restart("fund")
    end = time.monotonic() + 60
    while case["reason"] != Reason.HOLDERS_UNAVAILABLE:
        assert time.monotonic() < end, case
        (case,) = village.verify(number, wait_s=1)
    explained(village, number, Reason.HOLDERS_UNAVAILABLE, WAITING)
    refused = village.ledger(plans.REGISTRAR, "permit.refused")
    assert refused[-1].fields["reason"] == Reason.HOLDERS_UNAVAILABLE
    run.restart("bank")
    assert all_right(village, [number]) == [case["case_id"]]
    asked_once(village)


# ------------------------------------------------------------------ refusals, in words and ledgers


def explained(village: Village, number: str, reason: Reason, code: int) -> None:
    """``verify`` and ``case show`` say what happened and what to do, in both languages."""
    wait_s = 2 if code == WAITING else 60
    ended = village.type("hedui", *village.verifying(number, wait_s=wait_s), person=plans.OFFICER)
    assert ended.returncode == code, ended.stdout + ended.stderr
    said = ended.stdout
    case_id = said.partition(", case ")[2].split()[0]
    shown = village.scenario.federation.hedui("case", "show", case_id, person=plans.OFFICER)
    known = EXPLANATIONS[reason]
    sentence = f"{known.happened} ({reason}). What to do: {known.mend}"
    assert sentence in said, said
    assert sentence in shown, shown


def special(village: Village, *, confirm: bool, old: str = "", new: str = "", **more: str) -> str:
    """The next person's letter with something changed, registered; its number."""
    person = len(village.given) + 1
    number = f"330212-2026-{person:06d}"
    village.given[number] = person
    path = village.letter(number, [person], **more)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    village.scenario.federation.hedui("authorize", str(path), person=plans.CLERK)
    if confirm:
        village.confirm(number)
    return number


def _revoked(village: Village) -> str:
    (number,) = village.households(1)
    village.scenario.federation.hedui("authorization", "revoke", number, person=plans.CLERK)
    return number


def _ungranted(village: Village) -> str:
    grant = '[[grant]]\ndepartment = "fund"\nresources = ["fund.pension"]\n'
    return special(village, confirm=True, old=grant)


def _tomorrow(village: Village) -> str:
    return special(village, confirm=True, valid_from="2030-01-01", valid_to="2031-01-01")


REFUSALS: dict[str, tuple[Callable[[Village], str], Reason]] = {
    "nobody registered the letter": (
        lambda _: "330212-2026-888888", Reason.AUTHORIZATION_UNKNOWN),
    "nobody checked the letter": (
        lambda village: village.households(1, confirm=False)[0],
        Reason.AUTHORIZATION_NOT_IN_FORCE),
    "the household withdrew": (_revoked, Reason.AUTHORIZATION_REVOKED),
    "a member did not sign": (
        lambda village: special(village, confirm=False, old='"self"', new='"missing"'),
        Reason.MEMBER_NOT_SIGNED),
    "its first day has not come": (_tomorrow, Reason.AUTHORIZATION_EXPIRED),
    "a department is not granted": (_ungranted, Reason.RESOURCE_NOT_GRANTED),
    "the programme is not granted": (
        lambda village: special(village, confirm=True, programmes='["income-only"]',
                                single_department_rules="[]"),
        Reason.PROGRAMME_NOT_GRANTED),
}  # fmt: skip


@pytest.mark.parametrize(("prepare", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_explained_and_ledgered_when(
    village: Village, prepare: Callable[[Village], str], reason: Reason
) -> None:
    number = prepare(village)
    before = {n: len(village.ledger(n)) for n in village.processes}
    explained(village, number, reason, REFUSED)
    for process, event in (
        (plans.REGISTRAR, "manifest.refused"),
        (plans.COORDINATOR, "case.refused"),
    ):
        new = village.ledger(process)[before[process] :]
        assert [e.fields["reason"] for e in new if e.event == event] == [reason]
    for department in DEPARTMENTS:
        assert len(village.ledger(department)) == before[department]


def test_a_policy_that_a_department_withdrew_leaves_the_case_waiting(village: Village) -> None:
    run = village.scenario.federation
    digest = village.scenario.policy.digest.hex()
    run.node("policy", "withdraw", digest[:12], person=plans.admin("fund"))
    (number,) = village.households(1)
    explained(village, number, Reason.POLICY_UNKNOWN, WAITING)
    refused = village.ledger("fund", "query.refused")
    assert refused[-1].fields["reason"] == Reason.POLICY_UNKNOWN
    run.node("policy", "approve", village.policy, person=plans.admin("fund"))
    all_right(village, [number])
    asked_once(village)


def test_a_person_in_two_letters_is_refused_to_the_checker(village: Village) -> None:
    (number,) = village.households(1)
    second = village.letter("330212-2026-770000", [village.given[number]])
    run = village.scenario.federation
    run.attempt("hedui", "authorize", str(second), person=plans.CLERK)
    ended = run.attempt(
        "hedui", "authorization", "confirm", "330212-2026-770000", "--yes", person=plans.CHECKER
    )
    known = EXPLANATIONS[Reason.AUTHORIZATION_CONFLICT]
    says(ended, REFUSED, "330212-2026-770000", "authorization_conflict", known.mend)
    refused = village.ledger(plans.REGISTRAR, "authorization.refused")
    assert refused[-1].fields["reason"] == Reason.AUTHORIZATION_CONFLICT


# ------------------------------------------------------------------ the end


def test_every_process_ends_in_good_order_and_every_ledger_verifies(village: Village) -> None:
    run = village.scenario.federation
    children = [run.children[name] for name in village.processes]
    printed = {child.name: child.log.read_bytes() for child in children}
    for place, child in enumerate(children):
        if place % 2:
            child.popen.send_signal(signal.SIGTERM)
        elif child.popen.stdin is not None:
            child.popen.stdin.close()
    assert {c.name: c.popen.wait(60) for c in children} == dict.fromkeys(village.processes, 0)
    for child in children:
        assert child.log.read_bytes() == printed[child.name]
        assert b"Traceback" not in printed[child.name]
        assert not (village.home / child.name / "run" / "process.json").exists()
        assert village.ledger(child.name)[-1].event == "process.stopped"
    paths = [str(village.home / n / "data" / f"{n}.db") for n in village.processes]
    reports = run.hedui_json("ledger", "verify", *paths)
    assert [r["kind"] for r in reports] == ["intact"] * len(paths), reports
    assert {r["keys"] for r in reports} == {"given"}
    asked_once(village)
