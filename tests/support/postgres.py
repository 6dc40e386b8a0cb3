"""A PostgreSQL server of the tests' own: on loopback, as a plain user, stopped and started at will.

Skips where the server's programs are not installed, unless CI says that they must be: there a
skip would look like a pass.
"""

import os
import pwd
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import psycopg
import pytest

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
"""Where distributions keep the server's programs, off the PATH."""
PASSWORD = "correct horse"
_ACCESS = """host all guarded 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""


ENGINES = ("sqlite", "postgresql")


def database_for(engine: str, request: pytest.FixtureRequest) -> str:
    """``database_url`` for a test that runs on both engines: empty, or a schema of its own."""
    if engine == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.schema()


def keep_on_server(folder: Path, url: str) -> None:
    """Write ``database_url`` into a process's settings, where there is one."""
    settings = folder / "process.toml"
    if url:
        settings.write_text(f'database_url = "{url}"\n{settings.read_text()}')


def programs() -> Path | None:
    """The folder with ``initdb`` and ``postgres`` of the newest version; None for none."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    for place in PLACES:
        found += sorted(Path("/").glob(place[1:]), reverse=True)
    return next((f for f in found if (f / "initdb").exists() and (f / "postgres").exists()), None)


def absent() -> NoReturn:
    """Skip, or fail where the machine was to have it."""
    why = "no PostgreSQL server on this machine: install its programs (apt-get install postgresql)"
    if os.environ.get("CI") or os.environ.get("HEDUI_TEST_POSTGRES") == "required":
        pytest.fail(why)
    pytest.skip(why)


class PostgresServer:
    """One server, with as many databases as tests ask for."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        self._home = home
        self._user = _as_user(home)
        self._process: subprocess.Popen[Any] | None = None
        self._count = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._run(
            folder / "initdb", "-D", home / "data", "-U", "hedui", "-A", "trust", "-E", "UTF8"
        )
        (home / "data" / "pg_hba.conf").write_text(_ACCESS)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        options += ["-c", "max_connections=200", "-c", "shared_buffers=32MB"]
        command: list[str | Path] = [
            self._folder / "postgres",
            "-D",
            self._home / "data",
            "-p",
            str(self.port),
        ]
        process = self._process = subprocess.Popen([*command, *options], **self._quiet())
        for _ in range(600):
            try:
                self.execute("select 1")
            except psycopg.OperationalError:
                assert process.poll() is None, "PostgreSQL ended while starting"
                threading.Event().wait(0.1)
            else:
                return
        raise AssertionError("PostgreSQL did not start in a minute")

    def stop(self) -> None:
        """Stop it at once, as its administrator would: sessions are cut off, nothing is lost."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait()
            self._process = None

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the server's owner."""
        url = self.url(database)
        with closing(psycopg.connect(url, autocommit=True, connect_timeout=5)) as conn:
            conn.execute(statement.encode())

    def database(self, options: str = "") -> str:
        """The URL of a new, empty database."""
        self._count += 1
        name = f"hedui_{self._count}"
        self.execute(f"create database {name} {options}")
        return self.url(name)

    def schema(self) -> str:
        """The URL of a new, empty schema: quicker to have than a database."""
        self._count += 1
        name = f"hedui_{self._count}"
        self.execute(f"create schema {name}")
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def url(self, database: str, user: str = "hedui") -> str:
        """The URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def _run(self, *command: Any) -> None:
        subprocess.run(command, check=True, **self._quiet())

    def _quiet(self) -> dict[str, Any]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        return {**quiet, **self._user}


def _as_user(home: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then another account that exists everywhere."""
    home.chmod(0o700)
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def serving() -> Iterator[PostgresServer]:
    """A server that runs; skips or fails where there is none."""
    folder = programs()
    if folder is None:
        absent()
    with TemporaryDirectory(prefix="hedui-pg-") as home:
        server = PostgresServer(folder, Path(home))
        server.start()
        try:
            server.execute(f"create role guarded login createdb password '{PASSWORD}'")
            yield server
        finally:
            server.stop()
