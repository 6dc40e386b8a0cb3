"""Reconciliation: honest ledgers give nothing to report, every kind of lie its finding.

Tests design.md 4.8, 4.10, 2.7.6.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.verify import reconcile
from ledger.verify.reconcile import KINDS
from tests.support.ledgers import (
    CASE,
    FEDERATION,
    MANIFEST,
    PERMIT,
    PROCESSES,
    QUERIES,
    SALTED,
    START,
    Ledgers,
    Lie,
    commitment,
    federation_file,
    honest,
    verifier,
)

OTHER = "77" * 32
RECHECK = "66" * 32
TAX = QUERIES["tax"]


def found(ledgers: Ledgers, folder: Path, names: object = PROCESSES) -> reconcile.Result:
    return reconcile.reconcile(ledgers.write(folder, names), federation_file())  # type: ignore[arg-type]


def test_honest_ledgers_give_nothing_to_report(tmp_path: Path) -> None:
    result = found(honest(), tmp_path)
    assert (result.findings, result.open, result.absent, result.code) == ([], [], [], 0)


def test_an_authorization_that_ended_and_was_erased_is_no_finding(tmp_path: Path) -> None:
    made = honest()
    ends = [i for i, row in enumerate(made.rows["registrar"]) if "authorization.ended" in str(row)]
    erased(made, ends[0])
    assert found(made, tmp_path).findings == []


def another_answer(made: Ledgers) -> None:
    made.add("bank", 40, "query.answered", query="99" * 16, manifest=MANIFEST, answer=OTHER)


def called_silent(made: Ledgers) -> None:
    made.change("registrar", "permit.issued", silent=["tax"])


def late_answer(made: Ledgers) -> None:
    """After the authorization ended, by more than the grace."""
    made.drop("tax", "query.answered")
    made.add("tax", 2000, "query.answered", query=TAX, manifest=MANIFEST, answer=TAX * 2)
    made.drop("coordinator", "answer.received", query=TAX)
    made.drop("coordinator", "case.determined")
    made.drop("registrar", "permit.issued")


def second_manifest_after_the_end(made: Ledgers) -> None:
    given = 1
    made.add("registrar", 80, "manifest.issued", manifest=OTHER, given=given, tickets=[],
             authorization=commitment(9))  # fmt: skip


def unlisted_ticket(made: Ledgers) -> None:
    made.add("tax", 40, "query.received", query="99" * 16, manifest=MANIFEST)
    made.add("coordinator", 39, "query.sent", query="99" * 16, manifest=MANIFEST, department="tax")
    made.add("coordinator", 41, "answer.refused", query="99" * 16, manifest=MANIFEST, reason="x")


def other_history(made: Ledgers) -> None:
    made.change("tax", "query.received", department="taxes")


def unanswered(made: Ledgers) -> None:
    made.drop("tax", "query.answered", "query.received")
    made.drop("coordinator", "answer.received", query=TAX)
    made.drop("coordinator", "case.determined")
    made.drop("registrar", "permit.issued")


def never_sent(made: Ledgers) -> None:
    made.drop("coordinator", "query.sent", query=TAX)
    made.drop("coordinator", "answer.received", query=TAX)
    made.drop("coordinator", "case.determined")
    made.add("coordinator", 60, "case.refused", case=CASE, manifest=MANIFEST, reason="internal")


def through_another(made: Ledgers) -> None:
    """The second coordinator takes in the first one's manifest, asks and has its answer."""
    made.add("housing", 22, "manifest.received", case="ab" * 16, manifest=MANIFEST)
    made.change("tax", "query.received", requester="housing")
    made.add("housing", 23, "query.sent", query=TAX, manifest=MANIFEST, department="tax")
    made.add("housing", 24, "answer.refused", query=TAX, manifest=MANIFEST, reason="x")


def after_the_grants_end(made: Ledgers) -> None:
    """The first has closed its grant; the letter lasts for the second, and so do its manifests."""
    made.drop("registrar", "authorization.ended")
    made.add("registrar", 75, "grant.ended", authorization=SALTED, given=1, requester="coordinator")
    for requester, manifest in (("coordinator", OTHER), ("housing", "88" * 32)):
        made.add("registrar", 80, "manifest.issued", manifest=manifest, given=1, tickets=[],
                 authorization=commitment(9), requester=requester)  # fmt: skip


def erased(made: Ledgers, ended: int) -> None:
    made.add("registrar", 80, "authorization.erased", ended=ended, reason="requested",
             authorization=SALTED, clerk=SALTED, checker=SALTED)  # fmt: skip


def erased_twice(made: Ledgers) -> None:
    ends = [i for i, row in enumerate(made.rows["registrar"]) if "authorization.ended" in str(row)]
    erased(made, ends[0])
    erased(made, ends[0])


def rechecked(made: Ledgers, *, closed: bool = False, **changes: object) -> None:
    """A re-check of the one case, while its authorization lasts, by tax and bank."""
    rows = [str(row) for row in made.rows["coordinator"]]
    entry = next(i for i, row in enumerate(rows) if "case.determined" in row)
    made.drop("registrar", "authorization.ended")
    if not closed:
        made.drop("coordinator", "case.closed")
    head = {"origin": verifier("coordinator").name, "size": 0, "root": SALTED}
    fields = {"permit": RECHECK, "manifest": MANIFEST, "first": PERMIT, "entry": entry}
    fields |= {"holders": ["tax", "bank"], "skipped": [], "reviewer": SALTED} | head
    fields |= {"requester": "coordinator"} | changes
    made.add("registrar", 52, "recheck.issued", **fields)
    permit = str(fields["permit"])
    made.add("coordinator", 53, "recheck.received", permit=permit, manifest=MANIFEST,
             first=PERMIT, holders=["tax", "bank"], skipped=[], reviewer=SALTED)  # fmt: skip
    for name in ("tax", "bank"):
        made.add(name, 54, "opening.joined", permit=permit, manifest=MANIFEST, role="masker")
    made.add("coordinator", 55, "recheck.returned", permit=permit, manifest=MANIFEST)


def test_a_recheck_is_no_finding(tmp_path: Path) -> None:
    made = honest()
    rechecked(made)
    assert found(made, tmp_path).findings == []


def rechecked_twice(made: Ledgers) -> None:
    rechecked(made)
    rechecked(made, permit=OTHER)


def rechecked_without_a_holder(made: Ledgers) -> None:
    rechecked(made)
    made.drop("tax", "opening.joined")


def rechecked_in_secret(made: Ledgers) -> None:
    rechecked(made)
    made.drop("registrar", "recheck.issued")


CASE_ERASED = {"case": CASE, "officer": SALTED, "checker": SALTED, "reason": "requested"}


def case_erased_early(made: Ledgers) -> None:
    made.drop("coordinator", "case.closed")
    made.add("coordinator", 70, "case.erased", **CASE_ERASED)


def case_erased_twice(made: Ledgers) -> None:
    for second in (4000, 4001):
        made.add("coordinator", second, "case.erased", **CASE_ERASED)


GRANT, SAMPLE = "88" * 32, "66" * 16


def sampled(made: Ledgers, *, manifest: str = MANIFEST, entry: int = 2) -> None:
    """A reviewer draws the case's manifest.issued, entry 2, and tax opens its answer."""
    made.add("registrar", 90, "sample.drawn", sample=SAMPLE, entries=[2], of=1, named=False,
             reviewer=SALTED)  # fmt: skip
    made.add("registrar", 91, "sample.opened", sample=SAMPLE, entry=entry, manifest=manifest,
             grant=GRANT, reviewer=SALTED)  # fmt: skip
    made.add("tax", 92, "answer.opened", query=TAX, manifest=MANIFEST, answer=TAX * 2, grant=GRANT,
             values=False, reviewer=SALTED)  # fmt: skip


def test_a_sample_is_no_finding(tmp_path: Path) -> None:
    made = honest()
    assert made.rows["registrar"][2][1] == "manifest.issued"
    sampled(made)
    assert found(made, tmp_path).findings == []


def disclosed_undrawn(made: Ledgers) -> None:
    sampled(made)
    made.drop("registrar", "sample.drawn")


def answer_without_grant(made: Ledgers) -> None:
    sampled(made)
    made.drop("registrar", "sample.opened")


def base64_of(root: bytes) -> str:
    return base64.b64encode(root).decode()


LIES: dict[str, tuple[Lie, set[tuple[str, str]]]] = {
    "a manifest serves another coordinator": (
        through_another,
        {("wrong-requester", "housing"), ("wrong-requester", "tax"), ("forked", "coordinator")},
    ),
    "a manifest for a requester that had closed its grant": (
        after_the_grants_end, {("authorization-ended", "registrar")}
    ),
    "the registrar opens what nobody drew": (
        disclosed_undrawn, {("opened-not-drawn", "registrar")},
    ),
    "the registrar opens another entry than was drawn": (
        lambda made: sampled(made, entry=1), {("opened-not-drawn", "registrar")},
    ),
    "the registrar opens another manifest than the drawn entry's": (
        lambda made: sampled(made, manifest=OTHER),
        {("opened-not-drawn", "registrar"), ("answer-opened-without-grant", "tax")},
    ),
    "a node opens an answer without a grant": (
        answer_without_grant, {("answer-opened-without-grant", "tax")},
    ),
    "a node leaves its answer out, under the head that it showed": (
        lambda made: made.drop("tax", "query.answered"),
        {("answer-not-ledgered", "coordinator"), ("forked", "coordinator")},
    ),
    "a node rewrites an entry after it was seen": (other_history, {("forked", "coordinator")}),
    "a node ends its bundle early": (
        lambda made: made.rows["tax"].__delitem__(slice(2, None)),
        {("answer-not-ledgered", "coordinator"), ("shorter", "coordinator")},
    ),
    "the coordinator leaves a query out": (never_sent, {("answer-without-query", "tax")}),
    "the coordinator leaves an answer out": (
        lambda made: made.drop("coordinator", "answer.received", query=TAX),
        {("answer-not-recorded", "tax"), ("determination-without-answer", "coordinator")},
    ),
    "the coordinator writes down another answer": (
        lambda made: made.change("coordinator", "answer.received", answer=OTHER),
        {("answer-differs", "coordinator")},
    ),
    "a query that nobody answered, in a case that did not end": (
        unanswered,
        {("query-without-answer", "coordinator"), ("opening-without-permit", "coordinator"),
         ("opening-without-permit", "bank"), ("opening-without-permit", "audit")},
    ),
    "a node answers a manifest twice": (
        another_answer,
        {("answered-twice", "bank"), ("answer-without-query", "bank"),
         ("ticket-not-issued", "bank")},
    ),
    "the registrar leaves a manifest out": (
        lambda made: made.drop("registrar", "manifest.issued"),
        {("manifest-not-issued", "coordinator"), ("ticket-not-issued", "coordinator"),
         ("ticket-not-issued", "tax"), ("ticket-not-issued", "bank")},
    ),
    "a ticket that the registrar does not list": (
        unlisted_ticket, {("ticket-not-issued", "tax"), ("ticket-not-issued", "coordinator")}
    ),
    "the coordinator leaves a determination out": (
        lambda made: made.drop("coordinator", "case.determined"),
        {("permit-without-determination", "registrar")},
    ),
    "the registrar leaves a permit out": (
        lambda made: made.drop("registrar", "permit.issued"),
        {("opening-without-permit", name) for name in ("coordinator", "bank", "audit")},
    ),
    "a second permit": (
        lambda made: made.add("registrar", 50, "permit.issued", permit=OTHER, manifest=MANIFEST),
        {("second-permit", "registrar"), ("authorization-ended", "registrar")},
    ),
    "a holder takes part whom the permit does not name": (
        lambda made: made.add("tax", 33, "opening.joined", permit=PERMIT, manifest=MANIFEST,
                              role="sharer"),
        {("opening-not-named", "tax")},
    ),
    "a holder opens and does not say so": (
        lambda made: made.drop("audit", "opening.joined", "opening.step"),
        {("opening-not-ledgered", "coordinator")},
    ),
    "a department is called silent that had answered": (
        called_silent, {("silent-had-answered", "registrar")}
    ),
    "a manifest under no authorization": (
        lambda made: made.drop("registrar", "authorization.given"),
        {("authorization-missing", "registrar")},
    ),
    "a manifest after its authorization ended": (
        second_manifest_after_the_end, {("authorization-ended", "registrar")}
    ),
    "an answer long after the authorization ended": (
        late_answer,
        {("authorization-ended", "tax"), ("answer-not-recorded", "tax"),
         ("opening-without-permit", "coordinator"), ("opening-without-permit", "bank"),
         ("opening-without-permit", "audit")},
    ),
    "an authorization is erased in force": (
        lambda made: erased(made, ended=1), {("erased-not-ended", "registrar")}
    ),
    "an authorization is erased twice": (
        erased_twice, {("erased-not-ended", "registrar")}
    ),
    "a case is erased before its end": (
        case_erased_early, {("case-erased-not-over", "coordinator")}
    ),
    "a case is erased twice": (
        case_erased_twice, {("case-erased-not-over", "coordinator")}
    ),
    "a case is determined again, with other bits": (
        lambda made: made.add("coordinator", 50, "case.determined", case=CASE, manifest=MANIFEST,
                              permit=PERMIT, result=SALTED, bits=SALTED),
        {("determined-twice", "coordinator")},
    ),
    "a second re-check": (rechecked_twice, {("second-recheck", "registrar")}),
    "a re-check of what was not determined": (
        lambda made: rechecked(made, entry=1), {("recheck-without-determination", "registrar")}
    ),
    "a re-check of another permit": (
        lambda made: rechecked(made, first=OTHER),
        {("recheck-without-determination", "registrar")},
    ),
    "a re-check of a closed case": (
        lambda made: rechecked(made, closed=True),
        {("recheck-without-determination", "coordinator")},
    ),
    "a re-check by the same pair, the other way round": (
        lambda made: rechecked(made, holders=["audit", "bank"]),
        {("recheck-same-holders", "registrar"), ("opening-not-named", "tax"),
         ("opening-not-ledgered", "coordinator")},
    ),
    "a holder repeats an opening and does not say so": (
        rechecked_without_a_holder, {("opening-not-ledgered", "coordinator")}
    ),
    "a re-check that the registrar leaves out": (
        rechecked_in_secret,
        {("opening-without-permit", name) for name in ("coordinator", "tax", "bank")},
    ),
    "the registrar was shown another log of the coordinator": (
        lambda made: rechecked(made, size=3), {("forked", "registrar")}
    ),
    "a witness kept two histories": (
        lambda made: made.add("tax", 90, "peer.forked.v2", origin=verifier("coordinator").name,
                              size=3, root=SALTED),
        {("forked", "tax")},
    ),
    "the coordinator shows a node another log than the reviewer": (
        lambda made: made.add("tax", 90, "peer.cosigned.v2", origin=verifier("coordinator").name,
                              size=3, root=SALTED),
        {("forked", "tax")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "expected"), LIES.values(), ids=LIES.keys())
def test_every_lie_has_its_finding(
    lie: Lie, expected: set[tuple[str, str]], tmp_path: Path
) -> None:
    made = honest()
    lie(made)
    result = found(made, tmp_path)
    assert {(f.kind, f.ledger) for f in result.findings} == expected
    assert result.code == reconcile.FINDINGS
    for finding in result.findings:
        assert 0 <= finding.index < len(made.rows[finding.ledger])


def test_ledgers_from_before_there_were_several_coordinators_name_none(tmp_path: Path) -> None:
    """Then the coordinator is the only one, and what it did not write is missed as before."""
    made = honest()
    never_sent(made)
    for rows in made.rows.values():
        for _, _, fields in rows:
            fields.pop("requester", None)
    result = found(made, tmp_path, [name for name in PROCESSES if name != "housing"])
    told = {(f.kind, f.ledger) for f in result.findings}
    # The heads of it that were written down are of entries as they stood with the names.
    assert told - {("forked", "coordinator")} == LIES["the coordinator leaves a query out"][1]


def test_the_lies_cover_every_kind_of_finding() -> None:
    assert {kind for _, expected in LIES.values() for kind, _ in expected} == set(KINDS)


def test_nodes_that_saw_different_logs_of_one_coordinator_show_it_without_its_bundle(
    tmp_path: Path,
) -> None:
    made = honest()
    for name, root in (("tax", SALTED), ("bank", OTHER)):
        made.add(
            name, 90, "peer.cosigned.v2", origin=verifier("coordinator").name, size=3, root=root
        )
    result = found(made, tmp_path, [name for name in PROCESSES if name != "coordinator"])
    assert [f.kind for f in result.findings] == ["forked"]
    assert result.absent == ["coordinator"]


# Event, spelling of the root, whether it is read as the root that it is.
SPELLINGS: dict[str, tuple[str, Callable[[bytes], str], bool]] = {
    "hex": ("peer.cosigned.v2", bytes.hex, True),
    "base64, as older ledgers have it": ("peer.cosigned", base64_of, True),
    "base64 where it is hex by now": ("peer.cosigned.v2", base64_of, False),
    "hex where it was base64": ("peer.cosigned", bytes.hex, False),
    "no hex": ("peer.cosigned.v2", lambda root: root.hex()[:-2] + "zz", False),
    "cut off": ("peer.cosigned.v2", lambda root: root.hex()[:-2], False),
    "nothing": ("peer.cosigned.v2", lambda root: "", False),
}


@pytest.mark.parametrize(("event", "spell", "good"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_root_is_spelled_as_its_event_says_and_never_guessed(
    event: str, spell: Callable[[bytes], str], good: bool, tmp_path: Path
) -> None:
    made = honest()
    root = spell(made.root("coordinator", 3))
    made.add("tax", 90, event, origin=verifier("coordinator").name, size=3, root=root)
    expected = [] if good else [("forked", "tax")]
    assert [(f.kind, f.ledger) for f in found(made, tmp_path).findings] == expected


EXPLAINED: dict[str, Lie] = {
    "a refusal": lambda made: made.add(
        "coordinator", 40, "answer.refused", query="99" * 16, manifest=MANIFEST, reason="deadline"
    ),
    "the end of the case": lambda made: made.add(
        "coordinator", 40, "case.refused", case=CASE, manifest=OTHER, reason="not_allowed"
    ),
}


@pytest.mark.parametrize("explain", EXPLAINED.values(), ids=EXPLAINED.keys())
def test_an_answer_that_never_arrived_is_explained_by(explain: Lie, tmp_path: Path) -> None:
    """A reply is lost, or a process is killed between two entries: no lie."""
    made, query = honest(), "99" * 16
    made.add("registrar", 28, "manifest.issued", manifest=OTHER, given=1, tickets=[query],
             authorization=commitment(9))  # fmt: skip
    made.drop("registrar", "authorization.ended")
    made.add("coordinator", 29, "query.sent", query=query, manifest=OTHER, department="tax")
    made.add("tax", 30, "query.answered", query=query, manifest=OTHER, answer=OTHER)
    assert [f.kind for f in found(made, tmp_path / "a").findings] == ["answer-not-recorded"]
    explain(made)
    assert found(made, tmp_path / "b").findings == []


def test_what_is_missing_is_open_while_it_is_young(tmp_path: Path) -> None:
    made = honest()
    made.drop("coordinator", "case.determined")
    paths = made.write(tmp_path)
    soon = START.timestamp() + 120
    result = reconcile.reconcile(paths, federation_file(), as_of=soon)
    assert (result.findings, [f.kind for f in result.open], result.code) == (
        [], ["permit-without-determination"], 0,
    )  # fmt: skip
    strict = reconcile.reconcile(paths, federation_file(), as_of=soon, grace_s=0)
    assert [f.kind for f in strict.findings] == ["permit-without-determination"]


def test_a_bundle_that_does_not_verify_is_not_reconciled(tmp_path: Path) -> None:
    paths = honest().write(tmp_path)
    file = paths[2] / "entries" / "000000000000.jsonl"
    file.write_bytes(file.read_bytes().replace(b"query.answered", b"query.received"))
    result = reconcile.reconcile(paths, federation_file())
    assert (result.code, result.findings) == (10, [])


WRONG = {
    "a log that no member keeps": federation_file().replace(b'"bank"', b'"bonk"'),
    "keys of another federation": federation_file().replace(FEDERATION.encode(), b"other"),
    "not a federation file": b"name = 1",
    "a key of 120,000 parts": b"a." * 120_000 + b"a = 1",
    "behind a text that looks open": b"x = '\"'\n" + b"a." * 20 + b'a = "1"',
    "a list of a million": b"x = [" + b"[],\n" * 1_000_000 + b"]",
    "nine megabytes": b"#" * (9 << 20),
}


@pytest.mark.parametrize("federation", WRONG.values(), ids=WRONG.keys())
def test_nothing_is_reconciled_under_a_foreign_federation_file(
    federation: bytes, tmp_path: Path
) -> None:
    paths = honest().write(tmp_path)
    (tmp_path / "federation.toml").write_bytes(federation)
    arguments = [*map(str, paths), "--federation", str(tmp_path / "federation.toml")]
    assert reconcile.main(arguments) not in (0, reconcile.FINDINGS)


def test_the_command_says_it_in_sentences_and_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = honest()
    paths = [str(path) for path in made.write(tmp_path / "good")]
    assert reconcile.main(paths) == 0
    assert "6 ledgers, 38 entries: nothing to report" in capsys.readouterr().out
    called_silent(made)
    paths = [str(path) for path in made.write(tmp_path / "bad", ("registrar", "tax"))]
    assert reconcile.main(paths) == reconcile.FINDINGS
    said = capsys.readouterr().out
    assert "registrar, entry 3: silent-had-answered: tax is called silent, but had answered" in said
    assert "not looked at: no bundle of bank" in said
    assert reconcile.main([*paths, "--json"]) == reconcile.FINDINGS
    (row,) = json.loads(capsys.readouterr().out)["findings"]
    assert (row["kind"], row["ledger"], row["index"]) == ("silent-had-answered", "registrar", 3)
