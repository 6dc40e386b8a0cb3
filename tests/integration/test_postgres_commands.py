"""``init``, ``check`` and ``serve`` on PostgreSQL: what an admin types, and what he is told.

Tests design.md 5.6.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ceremony.authority import init_authority
from crypto.rng import system_rng
from desk.commands.main import build as build_hedui
from desk.node_commands.main import build as build_node
from desk.words import sentence
from registrar.process import KIND
from runtime.clock import SystemClock
from runtime.site.settings import load_toml
from runtime.storage.database import open_database
from tests.support.county import HOLDERS, _plan
from tests.support.postgres import PASSWORD, PostgresServer


@dataclass
class Site:
    """A home before the ceremony, a server, and what was said last."""

    home: Path
    server: PostgresServer

    def type(self, *words: str) -> str:
        """Run ``hedui`` or ``hedui-node``; return the error's sentence, empty for none."""
        app = build_node() if words[0] == "hedui-node" else build_hedui()
        result = CliRunner().invoke(app, ["--home", str(self.home), *words[1:]])
        if result.exception is None:
            return ""
        assert isinstance(result.exception, Exception), result.output
        return sentence(result.exception)

    def init(self, url: str, *more: str) -> str:
        """``hedui registrar init`` on this database."""
        return self.type("hedui", "registrar", "init", "--database-url", url, *more)

    def password(self, text: str = PASSWORD + "\n", mode: int = 0o600) -> str:
        """A password file."""
        path = self.home.parent / "password"
        path.write_text(text)
        path.chmod(mode)
        return str(path)


@pytest.fixture
def site(postgres: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    """An authority has been made; no member yet."""
    plan = tmp_path / "plan.toml"
    plan.write_text(_plan(2, HOLDERS))
    home = tmp_path / "home"
    init_authority(home, plan, key_bits=None, now=SystemClock().now(), rng=system_rng)
    yield Site(home, postgres)


def test_init_keeps_url_and_password_file_in_the_settings_and_makes_no_file(site: Site) -> None:
    url = site.server.database("owner guarded").replace("hedui@", "guarded@")
    assert site.init(url, "--database-password-file", site.password()) == ""
    settings = load_toml(site.home / "registrar" / "process.toml")
    assert settings["database_url"] == url
    assert settings["database_password_file"] == site.password()
    assert list((site.home / "registrar" / "data").iterdir()) == []
    # A second member cannot have it, whichever it is.
    said = site.type(
        "hedui", "coordinator", "init", "--database-url", url.replace("guarded", "hedui")
    )
    assert "belongs to a registrar" in said


def test_every_kind_of_process_takes_it(site: Site) -> None:
    for words in (("hedui", "coordinator", "init"), ("hedui-node", "init", "tax")):
        assert site.type(*words, "--database-url", site.server.database()) == "", words
        folder = site.home / ("tax" if "tax" in words else "coordinator")
        assert load_toml(folder / "process.toml")["database_url"].startswith("postgresql://")


def test_what_an_init_left_that_broke_off_is_taken_up(site: Site) -> None:
    """Tables without a ledger: the next init begins it."""
    url = site.server.database()
    open_database(
        url, KIND.metadata, service="registrar", version=KIND.schema_version, create=True
    ).close()
    assert site.init(url) == ""


Words = Callable[[Site], str]
REFUSED: dict[str, tuple[Words, str]] = {
    "a password on the command line": (
        lambda s: s.init(f"postgresql://hedui:{PASSWORD}@127.0.0.1/hedui"),
        "--database-url: it holds",
    ),
    "not a URL": (lambda s: s.init("hedui"), "--database-url: it is not a postgresql:// URL"),
    "no such database": (lambda s: s.init(s.server.url("none")), "none does not exist; create it"),
    "the wrong password": (
        lambda s: s.init(
            s.server.url("postgres", "guarded"), "--database-password-file", s.password("no")
        ),
        "write the right password to database_password_file",
    ),
    "a password file for everybody": (
        lambda s: s.init(
            s.server.url("postgres", "guarded"), "--database-password-file", s.password(mode=0o644)
        ),
        "others may read",
    ),
    "a password file that is none": (
        lambda s: s.init(
            s.server.url("postgres", "guarded"), "--database-password-file", s.password("a\nb\n")
        ),
        "one line of text",
    ),
    "a password file that is not there": (
        lambda s: s.init(s.server.url("postgres"), "--database-password-file", "/none"),
        "/none is missing: write",
    ),
    "a password for SQLite": (
        lambda s: s.type("hedui", "registrar", "init", "--database-password-file", s.password()),
        "SQLite has no password",
    ),
    "one database for two nodes": (
        lambda s: s.type("hedui-node", "init", "tax", "bank", "--database-url", "postgresql:///a"),
        "each node needs its own database",
    ),
    "a database that has a ledger": (
        lambda s: again(s), "not empty: it holds a ledger of 1 entries",
    ),
}  # fmt: skip


def again(site: Site) -> str:
    """Init, the folder lost, init again on the same database."""
    url = site.server.database()
    assert site.init(url) == ""
    shutil.rmtree(site.home / "registrar")
    return site.init(url)


@pytest.mark.parametrize(("type_", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_init_refuses_and_leaves_nothing(type_: Words, words: str, site: Site) -> None:
    said = type_(site)
    assert words in said
    assert PASSWORD not in said
    assert not (site.home / "registrar").exists()
    assert not (site.home / "tax").exists()


def test_serve_and_check_name_what_became_of_the_database(site: Site) -> None:
    url = site.server.database()
    assert site.type("hedui-node", "init", "tax", "--database-url", url) == ""
    # Without a ceremony the check stops at the certificate: the database was found before.
    assert "cert.pem is missing" in site.type("hedui-node", "check", "tax")
    site.server.execute(f"drop database {url.rpartition('/')[2]}")
    said = site.type("hedui-node", "check", "tax")
    assert f"{url} does not exist; create it with `hedui-node init`" in said
    settings = site.home / "tax" / "process.toml"
    settings.write_text(settings.read_text().replace("hedui@", f"hedui:{PASSWORD}@"))
    for command in ("check", "serve"):
        said = site.type("hedui-node", command, "tax")
        assert 'process.toml: key "database_url": it holds a password' in said
        assert PASSWORD not in said
