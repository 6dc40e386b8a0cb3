"""``hedui keys list``: every file of keys has its row, and no secret leaves its file.

Tests design.md 5.14.
"""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ceremony.inventory import Key, inventory
from desk.commands.main import build
from runtime.site.identity import load_federation
from runtime.site.joining import load_site
from tests.support import ceremony

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def dealt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("inventory") / "home"
    ceremony.whole_federation(home, NOW - timedelta(days=40))
    return home


@pytest.fixture
def home(dealt: Path, tmp_path: Path) -> Path:
    shutil.copytree(dealt, tmp_path / "home")
    return tmp_path / "home"


def listed(home: Path, now: datetime = NOW) -> dict[tuple[str, str], Key]:
    federation = load_federation(home, load_site(home).root_verify_key)
    keys = inventory(federation, home, now)
    found = {(key.holder, key.key): key for key in keys}
    assert len(found) == len(keys)
    return found


def secrets(home: Path) -> list[Path]:
    """Every file of this home that only its owner may read, and that is no database."""
    inside = [p for p in home.rglob("*") if p.is_file() and not p.stat().st_mode & 0o077]
    return [p for p in inside if p.parent.name not in ("data", "run", "log")]


def test_every_secret_file_of_the_home_has_its_row(home: Path) -> None:
    places = {key.place for key in listed(home).values()}
    files = secrets(home)
    assert len(files) > 30
    assert [str(p) for p in files if str(p) not in places] == []
    assert {key.status for key in listed(home).values()} == {"here", "public"}


def test_each_kind_of_key_stands_there_with_its_algorithm(home: Path) -> None:
    algorithms = {(key.key.split()[0], key.algorithm.split()[0]) for key in listed(home).values()}
    assert algorithms == {
        ("certificates", "ECDSA"),
        ("root", "Ed25519"),
        ("joint", "Paillier"),
        ("tls", "ECDSA"),
        ("sign", "Ed25519"),
        ("seal", "X25519"),
        ("cosign", "Ed25519"),
        ("kek", "AES-256-GCM"),
        ("share", "share"),
        ("tag", "HMAC-SHA256"),
        ("prf", "OPRF"),
        ("document", "ECDSA"),
    }
    document = listed(home)["Civil Affairs, verification", "document"]
    assert (document.public, document.status) == (ceremony.DOCUMENT_KEY, "public")


def test_the_table_and_its_json_hold_no_secret(home: Path) -> None:
    for more in ([], ["--json"]):
        result = CliRunner().invoke(build(), ["--home", str(home), "keys", "list", *more])
        assert result.exit_code == 0, result.exception
        for path in secrets(home):
            data = path.read_bytes()
            for form in (data.decode("latin-1").strip(), data.hex()):
                assert form not in result.output, path
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    tls = next(row for row in rows if row["key"] == "tls" and row["holder"] == "registrar")
    assert tls["age_days"] == 40
    assert tls["expires"] == (NOW + timedelta(days=690)).date().isoformat()


def _missing(home: Path) -> None:
    (home / "registrar" / "keys" / "kek").unlink()


def _open(home: Path) -> None:
    (home / "registrar" / "keys" / "kek").chmod(0o644)


def _moved(home: Path) -> None:
    (home / "registrar" / "keys" / "kek").rename(home / "kek")
    settings = home / "registrar" / "process.toml"
    settings.write_text(f'kek_file = "{home / "kek"}"\n' + settings.read_text())


def _elsewhere(home: Path) -> None:
    shutil.rmtree(home / "registrar")


STATES = {
    "a file that is gone": (_missing, "missing"),
    "a file that others may read": (_open, "others may read or change it"),
    "a file that settings put elsewhere": (_moved, "here"),
    "a member of another machine": (_elsewhere, "elsewhere"),
}


@pytest.mark.parametrize(("change", "status"), STATES.values(), ids=STATES.keys())
def test_what_became_of_a_key_is_said(home: Path, change: Any, status: str) -> None:
    change(home)
    key = listed(home)["registrar", "kek"]
    assert key.status == status
    assert key.place == str(home / "kek" if change is _moved else home / "registrar/keys/kek")


def test_a_certificate_that_ended_or_is_not_the_pinned_one_is_marked(home: Path) -> None:
    keys = listed(home, NOW + timedelta(days=691))
    assert {key.status for key in keys.values() if key.key == "tls"} == {"expired"}
    assert keys["authority", "certificates"].status == "here"
    shutil.copy(home / "coordinator/tls/cert.pem", home / "registrar/tls/cert.pem")
    assert listed(home)["registrar", "tls"].status == "certificate is not the pinned one"
