"""What a process does not start with, and homes that are none: one sentence, nothing changed.

Each row spoils a copy of a home in which the ceremony was held, and types ``serve``.

Tests design.md 3.9, 5.8.
"""

import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ceremony.authority import load_authority
from crypto.rng import system_rng
from runtime.site.certificates import (
    KeyPair,
    Validity,
    create_authority,
    create_request,
    issue,
    parse_certificate,
)
from runtime.site.identity import write_federation_signature
from simulations import plan as plans
from simulations.federation import BIN, LocalFederation
from tests.support.village import (
    SETTINGS,
    UNREACHABLE,
    UNTRUSTED,
    Village,
    copy_home,
    files_of,
    leaves,
    rows_of,
    says,
)

# ------------------------------------------------------------------ homes and federations


def test_a_home_that_is_none(village: Village, tmp_path: Path) -> None:
    ended = village.type("hedui", "case", "list", person=plans.OFFICER, home=tmp_path / "lost")
    says(ended, SETTINGS, str(tmp_path / "lost"), "is not a Hedui home", "--home")
    serve = village.type("hedui-node", "serve", "tax", home=tmp_path / "lost")
    says(serve, SETTINGS, str(tmp_path / "lost" / "tax"), "hedui-node init")
    assert not (tmp_path / "lost").exists()


def test_a_process_that_is_down_and_an_address_that_is_anothers(
    village: Village, ceremony: Path, tmp_path: Path
) -> None:
    home = copy_home(ceremony, tmp_path / "home")
    down = village.type("hedui", "case", "list", person=plans.OFFICER, home=home)
    says(down, UNREACHABLE, "coordinator is not running", "start it")
    shutil.rmtree(home / plans.COORDINATOR)
    none = village.type("hedui", "case", "list", person=plans.OFFICER, home=home)
    says(none, SETTINGS, "endpoints.toml", "coordinator")
    run_file = (village.home / "tax" / "run" / "process.json").read_text()
    address = run_file.split('"address"')[1].split('"')[1]
    (home / "endpoints.toml").write_text(f'[processes]\ncoordinator = "{address}"\n')
    wrong = village.type("hedui", "case", "list", person=plans.OFFICER, home=home)
    says(
        wrong, UNTRUSTED, f"another member than coordinator answers at {address}", "endpoints.toml"
    )


# ------------------------------------------------------------------ what a process refuses


def certify(
    home: Path,
    certificate: Path,
    key: Path,
    *,
    days_ago: int = 0,
    authority: KeyPair | None = None,
) -> None:
    """A new certificate of two days for a member, pinned in a federation file signed again."""
    own, old = load_authority(home), parse_certificate(certificate.read_bytes())
    request = create_request(old.subject, rng=system_rng)
    pem = issue(
        request.pem,
        old.subject,
        authority or own.certificates,
        server=True,
        validity=Validity(datetime.now(UTC) - timedelta(days=days_ago), 2),
        rng=system_rng,
    )
    certificate.write_bytes(pem)
    key.write_bytes(request.key_pem)
    file = home / "federation.toml"
    file.write_text(file.read_text().replace(old.sha256, parse_certificate(pem).sha256))
    write_federation_signature(home, own.root)


def _expired(home: Path) -> None:
    certify(home, home / "tax/tls/cert.pem", home / "tax/tls/key.pem", days_ago=9)


def _foreign(home: Path) -> None:
    authority = create_authority("demo", days=9, now=datetime.now(UTC), rng=system_rng)
    certify(home, home / "tax/tls/cert.pem", home / "tax/tls/key.pem", authority=authority)


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(home: Path) -> None:
        text = (home / name).read_text()
        assert old in text
        (home / name).write_text(text.replace(old, new))

    return spoil


def _remove(name: str) -> Callable[[Path], None]:
    return lambda home: (home / name).unlink()


def _copy(source: str, target: str) -> Callable[[Path], None]:
    def spoil(home: Path) -> None:
        shutil.copy(home / source, home / target)

    return spoil


BROKEN: dict[str, tuple[Callable[[Path], object], int, tuple[str, ...]]] = {
    "an expired certificate": (_expired, UNTRUSTED, ("the certificate of tax ended at",)),
    "a certificate of another authority": (_foreign, UNTRUSTED, ("issued by another authority",)),
    "another's certificate": (
        _copy("bank/tls/cert.pem", "tax/tls/cert.pem"), SETTINGS,
        ("tax/tls/cert.pem is the certificate of bank, not of tax",)),
    "a certificate that is none": (
        lambda home: (home / "tax/tls/cert.pem").write_text("\n"), SETTINGS,
        ("tax/tls/cert.pem", "not one PEM certificate", "Copy it again")),
    "no certificate": (
        _remove("tax/tls/cert.pem"), SETTINGS, ("tax/tls/cert.pem", "hedui federation deal")),
    "no database": (
        _remove("tax/data/tax.db"), SETTINGS,
        ("tax/data/tax.db does not exist", "hedui-node init", "restore a backup")),
    "the database of another node": (
        _copy("bank/data/bank.db", "tax/data/tax.db"), SETTINGS,
        ("tax/data/tax.db holds the ledger of hedui/demo/bank, not of hedui/demo/tax",)),
    "the database of the registrar": (
        _copy("registrar/data/registrar.db", "tax/data/tax.db"), SETTINGS,
        ("belongs to a registrar, not to a node",)),
    "a database that is none": (
        lambda home: (home / "tax/data/tax.db").write_text("wages\n" * 9), SETTINGS,
        ("tax/data/tax.db is not an SQLite database",)),
    "no signing key": (
        _remove("tax/keys/sign.key"), SETTINGS,
        ("tax/keys/sign.key cannot be read", "Put it back")),
    "no key share": (_remove("tax/keys/share.sealed"), SETTINGS, ("tax/keys/share.sealed",)),
    "a key that others may read": (
        lambda home: (home / "tax/keys/kek").chmod(0o644), SETTINGS,
        ("tax/keys/kek has mode 0644", "Run: chmod 0600")),
    "a changed federation file": (
        _edit("federation.toml", "Tax bureau", "Tax Bureau"), SETTINGS,
        ("federation.toml is not signed by this federation's root key", "never continue")),
    "an unsigned federation file": (
        _remove("federation.toml.sig"), SETTINGS,
        ("federation.toml.sig cannot be read", "Copy it")),
    "a mistyped setting": (
        _edit("tax/process.toml", "listen", "lisen"), SETTINGS,
        ('tax/process.toml: unknown key "lisen"', 'Did you mean "listen"?')),
    "another role's settings": (
        _edit("tax/process.toml", '"node"', '"registrar"'), SETTINGS, ('which serves "node"',)),
}  # fmt: skip


def untouched(home: Path) -> object:
    """Every file's bytes; of a database that can be read, the rows and the ledger's entries."""
    files = files_of(home)
    try:
        return files | {"tax/data/tax.db": b""}, rows_of(home, "tax"), leaves(home, "tax")
    except sqlite3.Error:
        return files


def refuses_to_serve(
    home: Path, code: int, *words: str, changes: Mapping[str, str] | None = None
) -> None:
    """``serve`` ends at once, says why, and leaves every file as it was."""
    before = untouched(home)
    line = [str(BIN / "hedui-node"), "--home", str(home), "serve", "tax", "--exit-with-stdin"]
    ended = subprocess.run(
        line,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(changes or {})},
    )
    says(ended, code, *words)
    assert untouched(home) == before
    assert not (home / "tax" / "run" / "process.json").exists()


@pytest.mark.parametrize(("spoil", "code", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_process_does_not_start_with(
    ceremony: Path,
    tmp_path: Path,
    spoil: Callable[[Path], object],
    code: int,
    words: tuple[str, ...],
) -> None:
    home = copy_home(ceremony, tmp_path / "home")
    spoil(home)
    refuses_to_serve(home, code, *words)


@pytest.mark.parametrize("setting", ["listen", "health_listen"])
def test_a_process_does_not_start_at_a_port_in_use(
    ceremony: Path, tmp_path: Path, setting: str
) -> None:
    home = copy_home(ceremony, tmp_path / "home")
    settings = home / "tax" / "process.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        lines = [x for x in settings.read_text().splitlines() if not x.startswith(f"{setting} =")]
        settings.write_text("\n".join([f'{setting} = "{address}"', *lines]) + "\n")
        refuses_to_serve(home, SETTINGS, address, "is in use", setting)


def test_a_process_does_not_start_without_constant_time_arithmetic(
    ceremony: Path, tmp_path: Path
) -> None:
    home = copy_home(ceremony, tmp_path / "home")
    words = ("not constant-time C", "unset PYCRYPTODOME_INTEGER", "pip install --force-reinstall")
    refuses_to_serve(home, 1, *words, changes={"PYCRYPTODOME_INTEGER": "native"})


def test_a_person_whose_certificate_has_expired(ceremony: Path, tmp_path: Path) -> None:
    home = copy_home(ceremony, tmp_path / "home")
    folder = home / "people" / plans.OFFICER
    certify(home, folder / "tls.crt", folder / "tls.key", days_ago=9)
    ended = LocalFederation(home).attempt("hedui", "case", "list", person=plans.OFFICER)
    says(ended, UNTRUSTED, f"the certificate of {plans.OFFICER} ended at")


def test_a_second_init_changes_nothing(ceremony: Path, tmp_path: Path) -> None:
    home = copy_home(ceremony, tmp_path / "home")
    before, run = files_of(home), LocalFederation(home)
    plan = str(home / "plan.toml")
    for program, line, words in (
        ("hedui", ["federation", "init", "--plan", plan], "exists"),
        ("hedui", ["federation", "deal"], "federation.toml"),
        ("hedui", ["registrar", "init"], "exists"),
        ("hedui-node", ["init", "tax"], "exists"),
        ("hedui", ["person", "init", plans.OFFICER], "exists"),
    ):
        says(run.attempt(program, *line), SETTINGS, words)
        assert files_of(home) == before
