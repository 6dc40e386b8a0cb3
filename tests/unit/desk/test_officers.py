"""Who asked for each manifest: opened to a reviewer alone, ledgered, told apart by the report.

Tests design.md 4.13.
"""

from pathlib import Path

import pytest

from hedui.v1 import registrar_pb2
from hedui.v1.registrar_pb2_grpc import SampleServiceStub
from ledger import event
from model.disclosure import officers_parts, open_officers_of
from model.documents.signed import DocumentError
from model.reasons import Reason
from reviewer.report import read_reveals
from runtime.errors import Refused
from tests.support.bench import Bench, exported, hedui


def test_officers_of_all_manifests_are_opened_to_the_reviewer_and_ledgered(
    bench: Bench, tmp_path: Path
) -> None:
    bench.verify(bench.household())
    bundles = [str(path) for path in exported(bench, tmp_path / "bundles")]
    registrar = next(path for path in bundles if path.endswith("registrar"))
    target = tmp_path / "officers.jsonl"
    done = hedui(bench, "ledger", "officers", registrar, "--to", str(target), person="rosa")
    lines = (Path(registrar) / "entries" / "000000000000.jsonl").read_bytes().splitlines()
    issued_then = [e for e in map(event.decode, lines) if e.event == "manifest.issued"]
    names = read_reveals(target)
    asked = [names.get(e.fields["officer"], "") for e in issued_then]
    assert f"who asked for {len(names)} of {len(issued_then)} manifests" in done.stdout
    # What another test erased stays closed.
    assert "olga" in asked and set(asked) <= {"olga", "otto", ""}
    assert target.stat().st_mode & 0o777 == 0o600
    last = bench.county.ledger("registrar", event_name="officers.opened")[-1]
    assert set(last.fields) == {"first", "count", "reviewer"}
    report = hedui(bench, "ledger", "report", *bundles, "--reveals", str(target))
    assert report.exception is None
    before = len(bench.county.ledger("registrar", event_name="officers.opened"))
    other = next(path for path in bundles if path.endswith("coordinator"))
    wrong = hedui(bench, "ledger", "officers", other, "--to", f"{target}2", person="rosa")
    assert "is the bundle of coordinator, not the registrar's" in str(wrong.exception)
    assert len(bench.county.ledger("registrar", event_name="officers.opened")) == before
    entries = Path(registrar) / "entries" / "000000000000.jsonl"
    whole = entries.read_bytes()
    entries.write_bytes(whole.replace(b"manifest.issued", b"manifest.issueD", 1))
    for arguments in (
        ("officers", registrar, "--to", f"{target}3"),
        ("sample", *bundles),
        ("report", *bundles),
    ):
        tampered = hedui(bench, "ledger", *arguments, person="rosa")
        assert tampered.exit_code == 10, arguments
        assert "modified" in tampered.stderr and "Nothing was done with it" in tampered.stderr
    entries.write_bytes(whole)
    again = hedui(bench, "ledger", "officers", registrar, "--to", str(target), person="rosa")
    assert "already exists" in str(again.exception)


def test_a_page_of_officers_is_readable_to_its_reviewer_alone(bench: Bench) -> None:
    with bench.county.acting("rosa") as acting:
        request = registrar_pb2.DiscloseOfficersRequest(first=0)
        reply = acting.call("registrar", SampleServiceStub, "DiscloseOfficers", request)
        assert acting.identity.seal_key is not None
        mine = open_officers_of(
            reply.sealed, acting.identity.seal_key, officers_parts(0, "rosa")
        ).officers
    for first, name in ((1, "rosa"), (0, "ruth")):
        with pytest.raises(DocumentError):
            open_officers_of(reply.sealed, acting.identity.seal_key, officers_parts(first, name))
    with bench.county.acting("ruth") as other:
        assert other.identity.seal_key is not None
        with pytest.raises(DocumentError):
            open_officers_of(reply.sealed, other.identity.seal_key, officers_parts(0, "rosa"))
    letters = {each.name for each in mine}
    assert letters <= {"olga", "otto"}
    beyond = registrar_pb2.DiscloseOfficersRequest(first=1 << 40)
    with bench.county.acting("rosa") as acting, pytest.raises(Refused) as refused:
        acting.call("registrar", SampleServiceStub, "DiscloseOfficers", beyond)
    assert refused.value.reason is Reason.NOT_FOUND
