"""A process: what it stands on, in the order in which it is checked, and its end.

Source: design.md 4.4, 5.11.
Start-up: settings; federation file under the pinned root key; own certificate and keys against
it; C arithmetic; database and writer; services; addresses. Whatever is wrong ends it before
anybody can call it. A ``Service`` is an object without signals or global state, so that a test
can run a party inside itself; ``runtime.serving`` runs one for the command line.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc

from crypto.integers import require_c_arithmetic
from crypto.rng import Rng, system_rng
from crypto.sealing import AtRestKey
from ledger import log as entries_log
from ledger.checkpoint import origin_of
from ledger.signer import LogSigner
from model.federation import Federation, Process
from model.fields import format_time
from model.messages import gettext as _
from model.roles import Role
from model.suite import SUITE
from runtime.background import Background, Ticker
from runtime.clock import Clock, SystemClock
from runtime.counters import Counters
from runtime.errors import CertificateError, SettingsError
from runtime.ledger_service import LedgerService
from runtime.logging import FileSink, Log
from runtime.refusing import Refusals
from runtime.site.endpoints import Endpoints, RunFile, remove_run_file, write_run_file
from runtime.site.identity import (
    Identity,
    load_database_password,
    load_federation,
    load_kek,
    load_process_identity,
)
from runtime.site.settings import ProcessSettings, load_settings
from runtime.storage.database import Access, Database, look_at_database, open_database
from runtime.storage.faults import LedgerUnavailable
from runtime.storage.ownership import check_fresh, check_owner
from runtime.storage.revisions import Revisions
from runtime.storage.upgrade import Upgrading
from runtime.storage.writer import Tx, Writer
from runtime.transport.channel import Dialer
from runtime.transport.door import DoorRecord
from runtime.transport.guard import Host
from runtime.transport.health import HealthServer
from runtime.transport.server import AddService, Server, build_server
from runtime.witness.service import Witnessing, WitnessService

if TYPE_CHECKING:
    from runtime.storage.store import MetaData

_CERTIFICATE_CHECK_S: Final = 3600.0


@dataclass(frozen=True, repr=False)
class Parts:
    """What a process's own code is built from. ``settings`` is of the kind's own class."""

    name: str
    home: Path
    folder: Path
    settings: Any
    federation: Federation
    member: Process
    identity: Identity
    kek: AtRestKey
    clock: Clock
    rng: Rng
    database: Database
    writer: Writer
    refusals: Refusals
    signer: LogSigner
    dialer: Dialer
    log: Log
    counters: Counters


@dataclass(frozen=True)
class Assembly:
    """What a process's own code offers: services, work at intervals, and its end."""

    services: Sequence[AddService]
    background: Sequence[Background] = ()
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Kind:
    """What a role brings: tables, settings, and the code that serves."""

    role: Role
    metadata: "MetaData"
    build: Callable[[Parts], Assembly]
    settings: type[ProcessSettings] = ProcessSettings
    revisions: Revisions = field(default_factory=Revisions)
    # The command that creates its database, for error messages.
    init_command: str = "this process's init command"


@dataclass(frozen=True)
class Instruments:
    """How tests look into a process."""

    server: Sequence[grpc.ServerInterceptor] = ()
    """Inside the guard; see ``build_server``."""
    client: Sequence[Any] = ()
    """On every channel that the process opens."""
    strict_log: bool = False
    """Raise where a log line has a key outside the allow-list."""


class Service:
    """One process. ``start`` it, then ``stop`` it; a second start needs a new object."""

    def __init__(
        self,
        kind: Kind,
        *,
        home: Path,
        name: str,
        clock: Clock | None = None,
        rng: Rng = system_rng,
        instruments: Instruments | None = None,
    ) -> None:
        """Nothing happens before ``start``.

        Args:
            kind: The role's tables, settings and code.
            home: HEDUI_HOME; the process's folder is ``home / name``.
            clock: The system's if none is given.
            instruments: For tests that look inside.
        """
        self.name = name
        self.home = home
        self.folder = home / name
        self.counters = Counters()
        self._kind = kind
        self._clock = clock or SystemClock()
        self._rng = rng
        self._instruments = instruments or Instruments()
        self._stack = ExitStack()
        self._writer_healthy = True
        self._certificate_holds = True
        self._started = False
        self._open = False
        self.parts: Parts
        self.server: Server
        self.health: HealthServer

    @property
    def address(self) -> str:
        """``host:port`` of the server."""
        return self.server.address

    def start(self) -> None:
        """Check everything, open everything, serve. Raises ProcessError, CertificateError.

        After an exception nothing is left open.
        """
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def stop(self) -> None:
        """Finish the calls in hand within the grace, then close everything, in order."""
        self._stack.close()

    def _start(self) -> None:
        settings = load_process_settings(self.folder, self._kind)
        self.parts = self._gather(settings)
        assembly = self._kind.build(self.parts)
        self._stack.callback(assembly.close)
        self._bind(settings, assembly)
        self._ledger_start()
        self._open_doors(assembly)

    def _gather(self, settings: ProcessSettings) -> Parts:
        federation = load_federation(self.home, settings.root_verify_key)
        identity = load_process_identity(self.folder)
        member = _own_entry(identity, federation, self._kind, self._clock)
        require_c_arithmetic()
        federation.joint_key.key.public.size_table(settings.paillier_table_mib << 20)
        kek = load_kek(self.folder, settings)
        sink = FileSink(self.folder / "log" / f"{self.name}.jsonl")
        self._stack.callback(sink.close)
        log = Log(
            sink,
            process=self.name,
            clock=self._clock,
            counters=self.counters,
            strict=self._instruments.strict_log,
        )
        origin = origin_of(federation.name, self.name)
        upgrading = Upgrading(
            folder=self.folder / "data",
            kek=kek,
            rng=self._rng,
            check=lambda conn: check_owner(conn, origin, database_location(self.folder, settings)),
            tell=lambda step, to: log.info("database.upgrade", step=step, version=to),
        )
        database = self._open_database(settings, upgrading)
        writer = Writer(
            database,
            clock=self._clock,
            on_health=self._on_writer_health,
            timeout_s=settings.ledger_timeout_ms / 1000,
        )
        self._stack.enter_context(writer.start())
        dialer = Dialer(
            federation=federation,
            identity=identity,
            endpoints=Endpoints(self.home),
            clock=self._clock,
            extra_interceptors=self._instruments.client,
        )
        self._stack.callback(dialer.close)
        return Parts(
            name=self.name,
            home=self.home,
            folder=self.folder,
            settings=settings,
            federation=federation,
            member=member,
            identity=identity,
            kek=kek,
            clock=self._clock,
            rng=self._rng,
            database=database,
            writer=writer,
            refusals=Refusals(writer, kek=kek, rng=self._rng),
            signer=LogSigner(origin, identity.sign_key),
            dialer=dialer,
            log=log,
            counters=self.counters,
        )

    def _open_database(self, settings: ProcessSettings, upgrading: Upgrading) -> Database:
        opened = _open(self.folder, settings, self._kind, upgrading=upgrading)
        database = self._stack.enter_context(opened)
        with database.read() as conn:
            upgrading.check(conn)
        return database

    def _bind(self, settings: ProcessSettings, assembly: Assembly) -> None:
        parts = self.parts
        ledger = LedgerService(database=parts.database, writer=parts.writer, signer=parts.signer)
        self.health = HealthServer(settings.health_listen, self.counters)
        self._stack.callback(self.health.stop)
        host = Host(
            member=parts.member,
            identity=parts.identity,
            federation=parts.federation,
            clock=self._clock,
            log=parts.log,
            counters=self.counters,
        )
        self.server = build_server(
            [*assembly.services, ledger.offered(), *_witness_door(parts)],
            host,
            listen=settings.listen,
            settings=settings.server,
            extra_interceptors=self._instruments.server,
        )
        self._stack.callback(self._say_goodbye)
        self._stack.callback(self.server.stop)

    def _open_doors(self, assembly: Assembly) -> None:
        self.health.start()
        self.server.start()
        door = DoorRecord(counters=self.counters, writer=self.parts.writer)
        own = (
            Background("certificate", _CERTIFICATE_CHECK_S, self.check_certificate),
            Background("door", door.every_s, door.record),
        )
        for job in (*assembly.background, *own):
            ticker = Ticker(job, log=self.parts.log)
            ticker.start()
            self._stack.callback(ticker.stop)
        self._open = True
        self._stack.callback(self._close_doors)
        self.check_certificate()
        self._write_run_file()

    def _write_run_file(self) -> None:
        run = RunFile(
            pid=os.getpid(),
            start_time=format_time(self._clock.now()),
            address=self.server.address,
            health_address=self.health.address,
        )
        write_run_file(self.folder, run)
        self.parts.log.info(
            "process.started", address=run.address, health_address=run.health_address
        )

    def _close_doors(self) -> None:
        self._open = False
        self.health.set(serving=False)
        remove_run_file(self.folder, pid=os.getpid())

    def _say_goodbye(self) -> None:
        if not self._started:
            return
        self.parts.log.info("process.stopped")
        try:
            self.parts.writer.run(lambda tx: tx.append("process.stopped"))
            self._sign_head()
        except LedgerUnavailable as error:
            self.parts.log.fault("process.stopped_unledgered", error)

    def _ledger_start(self) -> None:
        parts, running = self.parts, version("hedui")

        def write(tx: Tx) -> None:
            entries_log.store_key(tx.conn, parts.signer.verifier.vkey())
            tx.append("process.started", version=running, federation=parts.federation.digest)

        parts.writer.run(write)
        self._started = True
        self._sign_head()

    def _sign_head(self) -> None:
        """Keep a signed checkpoint: a database that was stopped or killed is held against it."""
        parts = self.parts
        with parts.database.read() as conn:
            note, size = parts.signer.checkpoint(conn), entries_log.size(conn)
        parts.writer.run(lambda tx: entries_log.store_checkpoint(tx.conn, size, note))

    def _on_writer_health(self, healthy: bool, reason: str) -> None:
        self._writer_healthy = healthy
        # Health first: the log may lie on the same disk.
        self._update_health()
        if healthy:
            self.parts.log.info("ledger.available")
        else:
            self.parts.log.error("ledger.unavailable", cause=reason)

    def check_certificate(self) -> None:
        """Look at our own certificate: warn before it ends, stop claiming to serve once it has."""
        certificate, log = self.parts.identity.certificate, self.parts.log
        now = self._clock.now()
        try:
            certificate.check_validity(now)
            self._certificate_holds = True
        except CertificateError:
            self._certificate_holds = False
            log.error("certificate.expired", not_after=format_time(certificate.not_after))
        left = certificate.not_after - now
        if self._certificate_holds and left < timedelta(
            days=self.parts.settings.certificate_warning_days
        ):
            log.warning("certificate.ends_soon", days_left=left.days)
        self._update_health()

    def _update_health(self) -> None:
        if self._open:
            self.health.set(serving=self._writer_healthy and self._certificate_holds)


def witnessing_of(parts: Parts) -> Witnessing | None:
    """This process as a witness; None where the federation file pins no key for it."""
    if parts.identity.cosign_key is None:
        return None
    return Witnessing(
        federation=parts.federation,
        key=parts.identity.cosign_key,
        signer=parts.signer,
        database=parts.database,
        writer=parts.writer,
        clock=parts.clock,
    )


def _witness_door(parts: Parts) -> list[AddService]:
    witnessing = witnessing_of(parts)
    return [] if witnessing is None else [WitnessService(witnessing).offered()]


def load_process_settings(folder: Path, kind: Kind) -> ProcessSettings:
    """Load ``process.toml`` and check that it is this process's; raises SettingsError."""
    if not folder.is_dir():
        raise SettingsError(
            _(
                "{folder} does not exist: create it with {command}",
                folder=folder,
                command=kind.init_command,
            )
        )
    settings = load_settings(folder / "process.toml", kind.settings)
    if settings.name != folder.name:
        raise SettingsError(
            _(
                '{file}: name "{name}" is not that of its folder',
                file=folder / "process.toml",
                name=settings.name,
            )
        )
    if settings.role != kind.role:
        raise SettingsError(
            _(
                '{file}: role "{role}" is not served by this command, which serves "{served}"',
                file=folder / "process.toml",
                role=settings.role,
                served=kind.role,
            )
        )
    return settings


def database_location(folder: Path, settings: ProcessSettings) -> str | Path:
    """Return the database's URL, or the path of the SQLite file in the data folder."""
    return settings.database_url or folder / "data" / f"{folder.name}.db"


def create_database(folder: Path, kind: Kind, *, federation: str, clock: Clock) -> None:
    """Create a process's database, for ``init``; its ledger begins with ``ledger.created``.

    Raises StorageError; one that exists already is refused.
    """
    settings = load_process_settings(folder, kind)
    (folder / "data").mkdir(mode=0o700, exist_ok=True)
    if isinstance(at := database_location(folder, settings), Path) and at.exists():
        raise SettingsError(
            _(
                "{database} already exists. Move it away if you really want to replace it",
                database=at,
            )
        )
    with (
        _open(folder, settings, kind, create=True) as database,
        Writer(database, clock=clock, on_health=lambda _healthy, _reason: None).start() as writer,
    ):
        check_fresh(database)
        origin = origin_of(federation, folder.name)
        writer.run(lambda tx: tx.append("ledger.created", origin=origin, suite=SUITE))


def look_for_database(folder: Path, settings: ProcessSettings, kind: Kind) -> None:
    """Check that there is a database, without opening it. Raises StorageError, KeyFileError."""
    look_at_database(
        database_location(folder, settings),
        password=load_database_password(settings),
        mend=_mend(kind),
    )


def _open(
    folder: Path,
    settings: ProcessSettings,
    kind: Kind,
    *,
    create: bool = False,
    upgrading: Upgrading | None = None,
) -> Database:
    return open_database(
        database_location(folder, settings),
        kind.metadata,
        service=str(kind.role),
        create=create,
        mend=_mend(kind),
        access=Access(
            revisions=kind.revisions,
            upgrading=upgrading,
            password=load_database_password(settings),
        ),
    )


def _mend(kind: Kind) -> str:
    return f"create it with {kind.init_command}, or restore a backup"


def _own_entry(identity: Identity, federation: Federation, kind: Kind, clock: Clock) -> Process:
    member = identity.check(federation, clock=clock)
    if not isinstance(member, Process) or member.role is not kind.role:
        raise SettingsError(
            _(
                'federation.toml says that "{name}" is a {role}, not a {served}',
                name=identity.name,
                role=member.role,
                served=kind.role,
            )
        )
    return member
