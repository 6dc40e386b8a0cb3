"""A registrar that has a stranger asked about, and shows the reviewer an honest ticket instead.

It signs two tickets of one query: the coordinator gets the one with the stranger's pseudonyms, its
own database and ledger hold the one with the letter's people. Everything that the registrar itself
keeps then fits. What gives it away is the node's commitment to the ticket that it answered.

Tests design.md 1.8, 2.4.22, 4.13.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from desk.client.sample import fetch
from ledger.verify.reconcile import read_verified
from model.documents.query import Ticket
from model.documents.signed import Signed
from model.identifiers import parse
from registrar.manifests import issuing
from registrar.manifests.issuing import Issued
from registrar.office import Office
from reviewer.papers import Sources
from reviewer.sample import Sampled, check_sampled
from tests.support.bench import Bench, Bend, exported, reconciled
from tests.support.county import County, make_county, resident, serve_county

STRANGER = 2


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A federation whose registrar lies about one household."""
    found = make_county(tmp_path_factory.mktemp("lying") / "home")
    bends = {"registrar": Bend()}
    try:
        serve_county(found, registrar={"server": [bends["registrar"]]})
        yield Bench(found, bends)
    finally:
        found.stop()


def _stranger(office: Office, signed: Signed) -> Signed:
    """The tax office's ticket, about somebody who has authorized nothing."""
    ticket = Ticket.decode(signed.body)
    if ticket.department != "tax":
        return signed
    names = office.keys.pseudonyms("tax", 1, [parse(f"resident:{resident(STRANGER)}")])
    return office.sign(ticket.model_copy(update={"pseudonyms": [n.hex() for n in names]}))


@pytest.fixture(scope="module")
def asked(lying: Bench, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The bundles after the tax office was asked about a stranger instead."""
    honest = issuing._write

    def write(office: Office, *rest: Any) -> Issued:
        issued = honest(office, *rest)
        return replace(issued, tickets=[_stranger(office, t) for t in issued.tickets])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(issuing, "_write", write)
        (case,) = lying.verify(lying.county.authorize(1))
    # The letter's person meets every rule; the stranger's home is too large. So the answer is his.
    assert case.state == "determined"
    assert "not met" in {p.outcome for p in case.programmes}
    paths = exported(lying, tmp_path_factory.mktemp("asked") / "bundles")
    assert reconciled(lying, paths).findings == []
    return [str(path) for path in paths]


def _sample(county: County, bundles: list[str]) -> tuple[Sources, list[Sampled]]:
    data = (county.home / "federation.toml").read_bytes()
    ledgers = read_verified([Path(bundle) for bundle in bundles], data)
    sources = Sources(county.federation, ledgers, ZoneInfo("Asia/Shanghai"))
    with county.acting("rosa") as acting:
        return sources, fetch(acting, sources, 1, [], answers=False)


def test_what_the_department_answered_shows_that_somebody_else_was_asked_about(
    lying: Bench, asked: list[str]
) -> None:
    sources, (found,) = _sample(lying.county, asked)
    checks = check_sampled(sources, found)["checks"]
    failed = [(c["about"], c["why"]) for c in checks if c["outcome"] == "FAILS"]
    assert [about for about, _ in failed] == ["answer: tax"]
    assert "commits to another ticket" in failed[0][1]


def test_without_the_departments_word_every_check_holds(lying: Bench, asked: list[str]) -> None:
    """The weakened reviewer, who believes the registrar's own ticket."""
    sources, (found,) = _sample(lying.county, asked)
    checks = check_sampled(sources, replace(found, answers={}))["checks"]
    assert [c for c in checks if c["outcome"] == "FAILS"] == []
