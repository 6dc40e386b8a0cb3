"""A process: what it refuses to start with, what it leaves behind, how it ends.

Tests design.md 3.9, 4.4, 4.12, 5.4, 5.8, 5.9, 5.11.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from crypto.signing import VerifyKey
from hedui.v1 import ledger_pb2
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
from ledger import checkpoint, event, merkle
from ledger.note import Verifier
from model.reasons import Reason
from model.roles import Role
from model.suite import SUITE
from runtime import errors
from runtime.clock import SystemClock
from runtime.process import Assembly, Instruments, Kind, Service, create_database
from runtime.site.endpoints import Endpoints, read_run_file
from runtime.site.identity import load_person
from runtime.storage.faults import DatabaseInUse, DatabaseMissing
from runtime.transport.channel import Dialer
from runtime.transport.door import DoorRecord
from runtime.transport.guard import AT_THE_DOOR
from tests.support.homes import FixedClock, Home, make_home, who
from tests.support.serving import PROGRAM, await_serving, spawn

KIND = Kind(Role.NODE, MetaData(), lambda _parts: Assembly([]), init_command="hedui-node init")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    create_database(home.path / "tax", KIND, federation="hexi", clock=SystemClock())
    return home


def tax(home: Home, **more: Any) -> Service:
    return Service(
        KIND, home=home.path, name="tax", instruments=Instruments(strict_log=True), **more
    )


def entries(home: Home) -> list[event.Entry]:
    """What the reviewer reads from the running node's ledger."""
    with Dialer(
        federation=home.federation(),
        identity=load_person(home.path, "rosa")[1],
        endpoints=Endpoints(home.path),
        clock=SystemClock(),
    ) as dialer:
        request = ledger_pb2.ReadEntriesRequest()
        replies = dialer.stream("tax", LedgerServiceStub, "ReadEntries", request, timeout_s=10)
        return [event.decode(leaf) for reply in replies for leaf in reply.leaves]


# ------------------------------------------------------------------ what it refuses to start with


def _settings(home: Home) -> Path:
    return home.path / "tax" / "process.toml"


def _no_federation(home: Home) -> None:
    (home.path / "federation.toml").unlink()


def _changed_federation(home: Home) -> None:
    path = home.path / "federation.toml"
    path.write_bytes(path.read_bytes().replace(b"Tax Service", b"Tax_Service"))


def _other_root(home: Home) -> None:
    path = _settings(home)
    path.write_text(path.read_text().replace(home.root_hex, "01" + "00" * 31))


def _open_key(home: Home) -> None:
    (home.path / "tax" / "keys" / "sign.key").chmod(0o644)


def _open_tls_key(home: Home) -> None:
    (home.path / "tax" / "tls" / "key.pem").chmod(0o640)


def _no_kek(home: Home) -> None:
    (home.path / "tax" / "keys" / "kek").unlink()


def _kek_beside_the_data(home: Home) -> None:
    folder = home.path / "tax"
    (folder / "keys" / "kek").rename(folder / "data" / "kek")
    with _settings(home).open("a") as file:
        file.write(f'kek_file = "{folder / "data" / "kek"}"\n')


def _short_key(home: Home) -> None:
    (home.path / "tax" / "keys" / "seal.key").write_text("abcd\n")


def _other_key(home: Home) -> None:
    (home.path / "tax" / "keys" / "sign.key").write_text("ab" * 32)


def _unpinned_certificate(home: Home) -> None:
    home.certify(who("tax"), pin=False)


def _anothers_certificate(home: Home) -> None:
    home.certify(who("tax"), certified_as="bank", pin=False)


def _expired_certificate(home: Home) -> None:
    home.certify(who("tax"), start=home.now - timedelta(days=9), days=2)


def _no_database(home: Home) -> None:
    (home.path / "tax" / "data" / "tax.db").unlink()


def _other_role(home: Home) -> None:
    path = _settings(home)
    path.write_text(path.read_text().replace('"node"', '"registrar"'))


def _other_name(home: Home) -> None:
    path = _settings(home)
    path.write_text(path.read_text().replace('"tax"', '"bank"'))


def _unknown_key(home: Home) -> None:
    with _settings(home).open("a") as file:
        file.write('lissen = "127.0.0.1:1"\n')


def _not_a_member(home: Home) -> None:
    del home.tables["adam"], home.tables["bert"]
    home.tables["tax"]["name"] = "taxes"
    home.sign()


BROKEN = {
    "no federation file": (_no_federation, errors.SettingsError, "Copy it from"),
    "a changed federation file": (_changed_federation, errors.SettingsError, "is not signed by"),
    "another root key": (_other_root, errors.SettingsError, "is not signed by"),
    "a signing key that others may read": (_open_key, errors.KeyFileError, "chmod 0600"),
    "a TLS key that a group may read": (_open_tls_key, errors.KeyFileError, "chmod 0600"),
    "no key-encryption key": (_no_kek, errors.KeyFileError, "keys/kek cannot be read"),
    "a key-encryption key beside the data": (
        _kek_beside_the_data,
        errors.KeyFileError,
        "must not lie next to the data",
    ),
    "a key that is too short": (_short_key, errors.KeyFileError, "holds 2 bytes where 32"),
    "a key that is not pinned": (_other_key, errors.KeyFileError, "sign.key is not the one"),
    "a certificate that is not pinned": (
        _unpinned_certificate,
        errors.KeyFileError,
        "not the one that federation.toml pins",
    ),
    "another's certificate": (_anothers_certificate, errors.KeyFileError, "of bank, not of tax"),
    "an expired certificate": (_expired_certificate, errors.CertificateExpired, "tax ended at"),
    "no database": (_no_database, DatabaseMissing, "hedui-node init"),
    "another role's settings": (_other_role, errors.SettingsError, 'serves "node"'),
    "another process's settings": (_other_name, errors.SettingsError, "not that of its folder"),
    "an unknown key": (_unknown_key, errors.SettingsError, 'Did you mean "listen"'),
    "no member of this name": (_not_a_member, errors.SettingsError, 'does not know "tax"'),
}


@pytest.mark.parametrize(("spoil", "error", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_it_does_not_start_with(
    home: Home, spoil: Callable[[Home], None], error: type[Exception], words: str
) -> None:
    spoil(home)
    with pytest.raises(error) as caught:
        tax(home).start()
    assert words in str(caught.value)
    assert errors.exit_code(caught.value) is not errors.ExitCode.OK
    assert read_run_file(home.path / "tax") is None


@pytest.mark.parametrize("setting", ["listen", "health_listen"])
def test_an_address_in_use_is_named_and_nothing_stays_open(home: Home, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        before = _settings(home).read_text()
        _settings(home).write_text(f'{before}{setting} = "{address}"\n')
        with pytest.raises(errors.AddressInUse, match=f"{address} is in use") as caught:
            tax(home).start()
        assert setting in str(caught.value)
    # The database's lock and everything else were given back.
    service = tax(home)
    service.start()
    service.stop()


def test_two_processes_cannot_share_a_database(home: Home) -> None:
    first = tax(home)
    first.start()
    try:
        with pytest.raises(DatabaseInUse):
            tax(home).start()
        run = read_run_file(home.path / "tax")
        assert run is not None
        assert run.address == first.address
    finally:
        first.stop()


# ------------------------------------------------------------------ what it does while it serves


def test_its_ledger_tells_start_and_stop_and_who_read(home: Home) -> None:
    service = tax(home)
    service.start()
    begun = entries(home)
    assert [e.event for e in begun] == ["ledger.created", "process.started"]
    assert begun[0].fields["suite"] == home.federation().suite == SUITE
    service.stop()
    again = tax(home)
    again.start()
    try:
        told = entries(home)
    finally:
        again.stop()
    assert [e.event for e in told] == [
        "ledger.created",
        "process.started",
        "ledger.read",
        "process.stopped",
        "process.started",
    ]
    assert told[2].fields == {"first": 0, "count": 2, "reader": "reviewer"}


def test_the_ledger_service_proves_what_it_shows(home: Home) -> None:
    service = tax(home)
    service.start()
    member = home.federation().member("tax")
    assert member is not None
    verifier = Verifier("hedui/hexi/tax", VerifyKey(bytes.fromhex(member.verify_key)))
    try:
        with Dialer(
            federation=home.federation(),
            identity=load_person(home.path, "rosa")[1],
            endpoints=Endpoints(home.path),
            clock=SystemClock(),
        ) as dialer:

            def ask(method: str, request: Any) -> Any:
                return dialer.call("tax", LedgerServiceStub, method, request, timeout_s=10)

            note = ask("GetCheckpoint", ledger_pb2.GetCheckpointRequest()).checkpoint
            head = checkpoint.read(note, verifier)
            wanted = ledger_pb2.ReadEntriesRequest(first=1, count=1)
            replies = dialer.stream("tax", LedgerServiceStub, "ReadEntries", wanted, timeout_s=10)
            leaves = [leaf for reply in replies for leaf in reply.leaves]
            assert len(leaves) == 1
            path = ask(
                "GetInclusionProof", ledger_pb2.GetInclusionProofRequest(index=1, size=head.size)
            ).path
            merkle.verify_inclusion(merkle.leaf_hash(leaves[0]), 1, head.size, path, head.root)
            beyond = ledger_pb2.GetInclusionProofRequest(index=1, size=10_000)
            with pytest.raises(errors.Refused) as caught:
                ask("GetInclusionProof", beyond)
            assert caught.value.reason is Reason.NOT_FOUND
            backwards = ledger_pb2.GetConsistencyProofRequest(old_size=2, new_size=1)
            with pytest.raises(errors.Refused) as caught:
                ask("GetConsistencyProof", backwards)
            assert caught.value.reason is Reason.MALFORMED
    finally:
        service.stop()


def test_health_turns_when_its_own_certificate_ends(home: Home) -> None:
    clock = FixedClock()
    service = tax(home, clock=clock)
    service.start()
    try:
        assert service.health.serving
        clock.move(days=350)
        service.check_certificate()
        assert service.health.serving
        clock.move(days=16)
        service.check_certificate()
        assert not service.health.serving
    finally:
        service.stop()
    log = (home.path / "tax" / "log" / "tax.jsonl").read_text()
    told = [json.loads(line)["event"] for line in log.splitlines()]
    assert told[-3:] == ["certificate.ends_soon", "certificate.expired", "process.stopped"]


def test_health_turns_when_the_ledger_cannot_be_written(home: Home) -> None:
    service = tax(home)
    service.start()
    try:
        (home.path / "tax" / "data" / "tax.db").rename(home.path / "tax" / "data" / "gone.db")
        with pytest.raises(errors.Refusal) as caught:
            service.parts.writer.run(lambda tx: tx.append("process.stopped"))
        assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
        assert not service.health.serving
    finally:
        service.stop()


def test_a_burst_at_the_door_enters_the_ledger_once(home: Home) -> None:
    service = tax(home)
    service.start()
    try:
        record = DoorRecord(counters=service.counters, writer=service.parts.writer)
        for _ in range(9):
            service.counters.add(f"{AT_THE_DOOR}wrong_role")
        record.record()
        service.counters.add(f"{AT_THE_DOOR}wrong_role", 12)
        record.record()
        record.record()
        told = [e for e in entries(home) if e.event == "call.refused"]
    finally:
        service.stop()
    assert [e.fields for e in told] == [{"reason": "wrong_role", "count": 12}]


# ------------------------------------------------------------------ as a command runs it


def test_it_does_not_start_without_constant_time_arithmetic(home: Home) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(home.path), "signal"],
        env={**os.environ, "PYCRYPTODOME_INTEGER": "native"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "not constant-time C" in ended.stderr
    assert read_run_file(home.path / "tax") is None


def _end_of_stdin(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()


ENDS: dict[str, tuple[str, Callable[[subprocess.Popen[bytes]], None]]] = {
    "SIGTERM": ("signal", lambda child: child.send_signal(signal.SIGTERM)),
    "SIGINT": ("signal", lambda child: child.send_signal(signal.SIGINT)),
    "the end of its standard input": ("stdin", _end_of_stdin),
}


@pytest.mark.parametrize(("how", "end"), ENDS.values(), ids=ENDS.keys())
def test_it_ends_in_good_order_after(
    home: Home, how: str, end: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    child = spawn(home, how)
    try:
        await_serving(home, child)
        end(child)
        assert child.wait(30) == 0
        assert child.stderr is not None
        assert child.stderr.read() == b""
    finally:
        child.kill()
        child.wait()
    assert read_run_file(home.path / "tax") is None
    service = tax(home)
    service.start()
    try:
        assert [e.event for e in entries(home)][-2:] == ["process.stopped", "process.started"]
    finally:
        service.stop()


def test_after_a_kill_it_starts_again(home: Home) -> None:
    child = spawn(home, "signal")
    try:
        await_serving(home, child)
    finally:
        child.kill()
        child.wait()
    left_behind = read_run_file(home.path / "tax")
    assert left_behind is not None
    service = tax(home)
    service.start()
    try:
        run = read_run_file(home.path / "tax")
        assert run is not None
        assert run.pid == os.getpid()
    finally:
        service.stop()
