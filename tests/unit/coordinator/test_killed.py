"""A federation where three of four holders open, and a coordinator that is a real process.

Further holders send a share to the evaluator; a coordinator that is killed, at whatever moment,
goes on from what is stored.

Tests design.md 1.4, 2.6.7, 2.6.13.
"""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.site.endpoints import read_run_file
from tests.support.bench import Bench, Bend
from tests.support.county import County, make_county, serve_county

PAUSES_S = (0.3, 1.1, 0.7, 1.6)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A federation whose four holders are all its nodes."""
    home = tmp_path_factory.mktemp("three") / "home"
    county: County = make_county(home, threshold=3, holders=("tax", "bank", "audit", "police"))
    bends = {
        name: Bend() for name in ("registrar", "coordinator", "tax", "bank", "audit", "police")
    }
    options = {name: {"server": [bend]} for name, bend in bends.items()}
    try:
        serve_county(county, **options)
        yield Bench(county, bends)
    finally:
        county.stop()


def test_a_case_is_opened_by_three_holders(three: Bench) -> None:
    (case,) = three.verify(three.county.authorize(2, 3))
    outcomes = {rule.rule: rule.outcome for rule in case.programmes[0].rules}
    assert outcomes == {"income_low": "not met", "one_home": "met", "small_home": "met"}
    assert sum(bend.calls["Share"] for bend in three.bends.values()) == 1


@contextmanager
def real_coordinator(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``hedui coordinator serve`` as a process; killed at the end, whatever it does."""
    program = Path(sys.executable).parent / "hedui"
    child = subprocess.Popen(
        [program, "--home", str(home), "coordinator", "serve", "--exit-with-stdin"],
        stdin=subprocess.PIPE,
    )
    try:
        end = time.monotonic() + 60
        while (run := read_run_file(home / "coordinator")) is None or run.pid != child.pid:
            assert child.poll() is None, "the coordinator did not start"
            assert time.monotonic() < end, "the coordinator is not ready"
            time.sleep(0.05)
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        if child.stdin:
            child.stdin.close()


def test_a_coordinator_killed_again_and_again_does_everything_once(three: Bench) -> None:
    cases = three.open(*three.households(3))
    three.county.stop("coordinator")
    for pause_s in PAUSES_S:
        with real_coordinator(three.county.home):
            time.sleep(pause_s)
    three.start("coordinator")
    cases = three.follow(cases)
    assert [case.state for case in cases] == ["determined"] * 3
    mine = {case.case_id for case in cases}
    entries = three.county.ledger("coordinator")
    manifests = {
        e.fields["manifest"]
        for e in entries
        if e.event == "manifest.received" and e.fields["case"] in mine
    }
    counts = Counter(
        e.event
        for e in entries
        if e.fields.get("case") in mine or e.fields.get("manifest") in manifests
    )
    counts.pop("answer.refused", None)
    once = ("case.opened", "manifest.received", "permit.received", "case.determined")
    assert counts == {
        **dict.fromkeys(once, 3),
        "query.sent": 6,
        "answer.received": 6,
        "opening.relayed": 21,
    }


def test_a_holder_that_is_down_before_the_permit_is_skipped(three: Bench) -> None:
    three.county.stop("police")
    (case,) = three.verify(three.household())
    (permit,) = three.county.ledger("coordinator", event_name="permit.received")[-1:]
    assert case.state == "determined"
    assert "police" not in list(permit.fields["holders"])
