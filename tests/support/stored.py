"""The stored federation of version 1 (tests/data/version-1), served inside the test process.

The clock begins at the moment at which it was stopped and goes on from there: letters, tickets
and permits are as old as they were.
"""

import json
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from coordinator.process import KIND as COORDINATOR_KIND
from crypto.rng import system_rng
from crypto.sealing import AtRestKey
from desk.client.acting import Acting
from ledger import event, log
from ledger.event import Entry
from model.federation import Federation
from node.process import node_kind
from registrar.process import KIND as REGISTRAR_KIND
from runtime.clock import SystemClock
from runtime.process import Instruments, Kind, Service, database_location, load_process_settings
from runtime.site.endpoints import Endpoints
from runtime.site.identity import load_kek, load_person
from runtime.storage.database import Access, Database, open_database
from runtime.storage.revisions import Revisions
from runtime.storage.upgrade import Upgrading
from runtime.transport.channel import Dialer
from tests.support.postgres import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
ARCHIVES = ROOT / "tests" / "data" / "version-1"
NAMES = ("registrar", "coordinator", "tax", "social-security", "banks")
KINDS: dict[str, Kind] = {"registrar": REGISTRAR_KIND, "coordinator": COORDINATOR_KIND}


def kind_of(name: str) -> Kind:
    """What a process of this name is."""
    return KINDS.get(name) or node_kind()


class StoredClock(SystemClock):
    """Goes on from the moment at which the federation was stopped."""

    def __init__(self, stopped_at: str) -> None:
        self._start = datetime.strptime(stopped_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        self._begun = time.monotonic()

    def now(self) -> datetime:
        """A minute after it was stopped, and what has passed since this clock was made."""
        return self._start + timedelta(minutes=1, seconds=time.monotonic() - self._begun)


@dataclass
class Stored:
    """Its home, and what was noted of it when it was stopped."""

    folder: Path
    facts: dict[str, Any]
    clock: StoredClock
    services: dict[str, Service] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """HEDUI_HOME."""
        return self.folder / "home"

    def start(self, *names: str) -> None:
        """Serve; all by default."""
        for name in names or NAMES:
            service = Service(
                kind_of(name),
                home=self.home,
                name=name,
                clock=self.clock,
                instruments=Instruments(strict_log=True),
            )
            service.start()
            self.services[name] = service

    def stop(self) -> None:
        """Stop what serves."""
        while self.services:
            self.services.popitem()[1].stop()

    def place(self, name: str) -> str | Path:
        """Where a process's database is."""
        folder = self.home / name
        return database_location(folder, load_process_settings(folder, kind_of(name)))

    def kek(self, name: str) -> AtRestKey:
        """The key that seals what is sealed at rest."""
        folder = self.home / name
        return load_kek(folder, load_process_settings(folder, kind_of(name)))

    def open(self, name: str, *, revisions: Revisions | None = None, **more: Any) -> Database:
        """Open a process's database as its start does; ``more``: fields of Upgrading."""
        kind = kind_of(name)
        upgrading = Upgrading(
            folder=self.home / name / "data", kek=self.kek(name), rng=system_rng, **more
        )
        access = Access(revisions=revisions or kind.revisions, upgrading=upgrading)
        return open_database(self.place(name), kind.metadata, service=str(kind.role), access=access)

    def ledger(self, name: str, *, event_name: str = "") -> list[Entry]:
        """The decoded entries of a running process's ledger."""
        with self.services[name].parts.database.read() as conn:
            found = [event.decode(e) for e in log.entries(conn, 0, log.size(conn))]
        return [e for e in found if event_name in ("", e.event)]

    def told(self, name: str) -> list[str]:
        """Steps of upgrades in a process's log."""
        lines = (self.home / name / "log" / f"{name}.jsonl").read_text().splitlines()
        facts = [json.loads(line) for line in lines]
        return [fact["step"] for fact in facts if fact["event"] == "database.upgrade"]

    @contextmanager
    def acting(self, name: str) -> Iterator[Acting]:
        """Act as a person."""
        identity = load_person(self.home, name)[1]
        federation = Federation.parse((self.home / "federation.toml").read_bytes())
        member = federation.member(name)
        assert member is not None
        with Dialer(
            federation=federation,
            identity=identity,
            endpoints=Endpoints(self.home),
            clock=self.clock,
        ) as dialer:
            yield Acting(identity, member, federation, dialer, self.clock)


def unpack(engine: str, folder: Path, server: PostgresServer | None = None) -> Stored:
    """Unpack the federation; for PostgreSQL with its dumps loaded into new databases."""
    with tarfile.open(ARCHIVES / f"{engine}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    stored = resume(folder)
    for dump in folder.glob("dumps/*.sql"):
        assert server is not None
        _load(dump, stored.home / dump.stem / "process.toml", server.database())
    return stored


def resume(folder: Path) -> Stored:
    """What was unpacked before, perhaps by another process."""
    facts = json.loads((folder / "facts.json").read_text())
    return Stored(folder, facts, StoredClock(facts["stopped_at"]))


def _load(dump: Path, settings: Path, url: str) -> None:
    # Lines of psql's own, which guard a terminal, are not SQL.
    lines = [line for line in dump.read_text().split("\n") if not line.startswith("\\")]
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("\n".join(lines).encode())
    kept = [row for row in settings.read_text().split("\n") if not row.startswith("database_url")]
    settings.write_text("\n".join([f'database_url = "{url}"', *kept]))
