"""The one writer of a process: group commit of state and ledger, in one transaction.

Source: design.md 4.3, 4.4, 5.5.
Functions queue up; the writer's thread takes what is there, runs each in a SAVEPOINT inside one
BEGIN IMMEDIATE, appends the ledger entries of those that succeeded, commits, and only then
releases whoever waits. A function that fails rolls back alone, and its exception reaches its
caller alone. No network and no cryptography belong inside a function: everybody waits for it.

Whoever waits gets an answer in bounded time. Three outcomes are told apart:

- ``run`` returns: committed and synced; it survives a power cut.
- ``LedgerUnavailable`` with "not_written": nothing of it is stored or ever will be.
- ``LedgerUnavailable`` with "unknown": the waiter gave up while its function was already in
  hand, or the commit itself failed or was cut off. It may be stored, now or later. Refuse, and
  repeat only under the same idempotency key: the stored state decides.

A fault turns ``healthy`` off; from then on ``run`` refuses at once, while the writer tries a
small durable write of its own. When one succeeds (or a hanging batch comes through after all),
``healthy`` turns on again. A database file that was deleted or replaced never heals in place.
"""

import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, RootTransaction, select
from sqlalchemy.engine.interfaces import DBAPICursor

from ledger import event as ledger_event
from ledger import log
from ledger.errors import TornLog
from ledger.merkle import Frontier
from model.fields import format_time
from runtime.clock import Clock
from runtime.storage.database import BATCH, Database
from runtime.storage.faults import LedgerUnavailable, Outcome, WriterMisuse

T = TypeVar("T")
HealthCallback = Callable[[bool, str], None]

_MAX_POSTED: Final = 1024
# On the driver's cursor: SQLAlchemy's part would take longer than the database's.
_STAMP: Final = {
    "sqlite": "UPDATE database_batch SET token = ?",
    "postgresql": "UPDATE database_batch SET token = %s",
}
_SAVEPOINT: Final = "SAVEPOINT hedui_job"
_RELEASE: Final = "RELEASE SAVEPOINT hedui_job"
_ROLLBACK: Final = "ROLLBACK TO SAVEPOINT hedui_job"


class Tx:
    """What a function gets: the connection, the time, and the ledger."""

    def __init__(self, conn: Connection, now: str, size: int, pending: list[bytes]) -> None:
        self.conn: Final = conn
        self.now: Final = now
        self._size = size
        self._pending = pending

    def append(self, event: str, /, **fields: Any) -> int:
        """Add an entry to the ledger and return its index.

        The index holds if the function returns and the batch commits; the entry is written
        just before the commit, so ``conn`` does not show it yet. Raises EventError for what is
        not in ``ledger.events``.
        """
        entry = ledger_event.encode(event, fields, at=self.now)
        self._pending.append(entry)
        return self._size + len(self._pending) - 1


_MAX_QUEUE: Final = 1024
"""Functions that may wait; beyond it ``run`` waits to be let in."""
_MAX_BATCH: Final = 256
"""Functions in one transaction."""


class _Job(Generic[T]):
    """A function on its way. ``taken`` and ``left`` change under the writer's lock only."""

    def __init__(self, fn: Callable[[Tx], T]) -> None:
        self.fn = fn
        # Held until the job is finished. A bare lock: an event costs twice as much to wait for.
        self._running = threading.Lock()
        self._running.acquire()
        self.taken = False
        self.left = False
        self.error: BaseException | None = None
        self.result: T | None = None

    def finish(self, error: BaseException | None) -> None:
        """Release the waiter. A function's own error stands: it was rolled back either way."""
        self.error = self.error or error
        self._running.release()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is finished, at most so long; whether it is. For one thread, once."""
        return self._running.acquire(timeout=timeout_s)

    @property
    def finished(self) -> bool:
        """Whether it is finished; not to be asked after ``wait`` said so."""
        return not self._running.locked()


class _BatchFailed(Exception):
    """The whole batch cannot be written; ``outcome`` holds for every function in it."""

    def __init__(self, why: str, outcome: Outcome) -> None:
        super().__init__(why)
        self.why = why
        self.outcome: Outcome = outcome


class Writer:
    """The writer of one database. ``start`` it once; ``close`` it before the database."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        on_health: HealthCallback,
        timeout_s: float = 5.0,
        probe_interval_s: float = 0.5,
    ) -> None:
        """Take what is needed; nothing happens before ``start``.

        Args:
            database: Open; its writing connection is this writer's alone from now on.
            clock: Gives the time of entries, and measures waiting.
            on_health: Called with (healthy, reason) at each change, from any thread, in
                order; it must return at once and not call the writer.
            timeout_s: How long ``run`` waits where it is not told otherwise.
            probe_interval_s: Time between attempts to heal.
        """
        self._database = database
        self._clock = clock
        self._on_health = on_health
        self._timeout_s = timeout_s
        self._probe_interval_s = probe_interval_s
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._queue: deque[_Job[Any]] = deque()
        self._posted: deque[Callable[[Tx], object]] = deque(maxlen=_MAX_POSTED)
        self._closing = False
        self._health_lock = threading.Lock()
        self._healthy = True
        self._reason = ""
        self._frontier: Frontier | None = None
        self._thread = threading.Thread(target=self._loop, name="writer", daemon=True)

    @property
    def healthy(self) -> bool:
        """Whether the last write went through."""
        return self._healthy

    @property
    def reason(self) -> str:
        """Why it is not healthy, for logs and health; empty while it is."""
        return self._reason

    def start(self) -> "Writer":
        """Start the thread; returns the writer itself."""
        self._thread.start()
        return self

    def run(self, fn: Callable[[Tx], T], *, timeout_s: float | None = None) -> T:
        """Run ``fn`` in the writer and return its result once it is durably committed.

        ``fn`` neither commits nor rolls back; it may use savepoints that it closes itself.

        Raises what ``fn`` raised (then nothing of it is stored), LedgerUnavailable (see the
        module's head), or WriterMisuse when called from inside the writer.
        """
        if threading.current_thread() is self._thread:
            raise WriterMisuse("run was called from inside the writer: it would wait for itself")
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        deadline = self._clock.monotonic_s() + limit_s
        job = _Job(fn)
        self._enqueue(job, limit_s)
        if not job.wait(max(0.0, deadline - self._clock.monotonic_s())):
            self._give_up(job, limit_s)
        if job.error is not None:
            raise job.error
        return job.result  # type: ignore[return-value]

    def post(self, fn: Callable[[Tx], object]) -> None:
        """Leave ``fn`` for the next batch, or half a second of quiet; nobody waits for it.

        For what may be lost in a crash, such as the record of a checkpoint that was handed
        out. If it fails it is dropped; beyond 1024 the oldest are dropped.
        """
        with self._changed:
            self._posted.append(fn)
            self._changed.notify()

    def close(self, *, timeout_s: float = 10.0) -> None:
        """Write what is queued, refuse what comes, end the thread. Waits at most so long."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What callers' threads do.

    def _enqueue(self, job: _Job[Any], limit_s: float) -> None:
        with self._changed:
            free = self._changed.wait_for(
                lambda: self._closing or not self._healthy or len(self._queue) < _MAX_QUEUE,
                limit_s,
            )
            if self._closing:
                raise LedgerUnavailable("the process is stopping", "not_written")
            if not self._healthy:
                raise LedgerUnavailable(self._reason, "not_written")
            if free:
                self._queue.append(job)
                self._changed.notify_all()
                return
        why = f"{_MAX_QUEUE} writes were waiting for {limit_s} s"
        self._set_health(False, why)
        raise LedgerUnavailable(why, "not_written")

    def _give_up(self, job: _Job[Any], limit_s: float) -> None:
        with self._lock:
            if job.finished:
                return
            job.left = True
            outcome: Outcome = "unknown" if job.taken else "not_written"
        why = f"no write was finished within {limit_s} s: the disk hangs or is overloaded"
        self._set_health(False, why)
        raise LedgerUnavailable(why, outcome)

    def _set_health(self, healthy: bool, reason: str) -> None:
        with self._health_lock:
            changed = healthy != self._healthy
            self._healthy, self._reason = healthy, reason
            if changed:
                self._on_health(healthy, reason)
        if changed and not healthy:
            with self._changed:
                self._changed.notify_all()

    # What the writer's thread does.

    def _loop(self) -> None:
        # An exception that gets out of here is a fault of ours; it ends the thread, and every
        # later run is refused after its time limit: closed, not open.
        while True:
            jobs, posted = self._take()
            if not jobs and not posted and self._closing:
                return
            probes = self._healthy
            if not self._healthy and not self._write([], []):
                self._refuse(jobs, self._reason, "not_written")
                self._put_back(posted)
            elif jobs or posted or probes:
                # With nothing to write and woken all the same, it is time for a probe.
                self._write(jobs, posted)

    def _take(self) -> tuple[list[_Job[Any]], list[Callable[[Tx], object]]]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._queue or self._posted or self._closing or not self._healthy,
                self._database.backend.idle_probe_s(),
            )
            self._changed.wait_for(lambda: self._queue or self._closing, self._probe_interval_s)
            jobs: list[_Job[Any]] = []
            while self._queue and len(jobs) < _MAX_BATCH:
                job = self._queue.popleft()
                if not job.left:
                    job.taken = True
                    jobs.append(job)
            posted = list(self._posted)
            self._posted.clear()
            self._changed.notify_all()
            return jobs, posted

    def _put_back(self, posted: list[Callable[[Tx], object]]) -> None:
        with self._changed:
            if not self._closing:
                self._posted.extendleft(reversed(posted))

    def _write(self, jobs: list[_Job[Any]], posted: list[Callable[[Tx], object]]) -> bool:
        """One batch, or with nothing in it a probe. True if it was committed."""
        try:
            self._batch(jobs, posted)
        except _BatchFailed as failure:
            self._frontier = None
            self._set_health(False, failure.why)
            self._refuse(jobs, failure.why, failure.outcome)
            return False
        self._set_health(True, "")
        for job in jobs:
            self._finish(job, None)
        return True

    def _batch(self, jobs: Sequence[_Job[Any]], posted: Sequence[Callable[[Tx], object]]) -> None:
        token = uuid.uuid4().bytes
        try:
            self._guard("not_written")
            conn = self._database.writer_connection()
            transaction = conn.begin()
            with closing(conn.connection.cursor()) as cursor:
                after = self._run_all(conn, cursor, jobs, posted)
                cursor.execute(_STAMP[conn.dialect.name], (token,))
        except _BatchFailed:
            self._rollback()
            raise
        except Exception as error:
            self._rollback()
            raise _BatchFailed(self._why(error), "not_written") from error
        self._commit(transaction, token)
        self._frontier = after

    def _run_all(
        self,
        conn: Connection,
        cursor: DBAPICursor,
        jobs: Sequence[_Job[Any]],
        posted: Sequence[Callable[[Tx], object]],
    ) -> Frontier:
        frontier = self._frontier or log.frontier(conn)
        pending: list[bytes] = []
        for job in jobs:
            job.error = self._savepoint(conn, cursor, job, frontier.size, pending)
        for fn in posted:
            self._savepoint(conn, cursor, _Job(fn), frontier.size, pending)
        return log.append_many(conn, frontier, pending)

    def _savepoint(
        self,
        conn: Connection,
        cursor: DBAPICursor,
        job: _Job[Any],
        size: int,
        pending: list[bytes],
    ) -> BaseException | None:
        mark = len(pending)
        cursor.execute(_SAVEPOINT)
        try:
            job.result = job.fn(Tx(conn, format_time(self._clock.now()), size, pending))
            if conn.get_nested_transaction() is not None:
                raise _BatchFailed("a function left a savepoint of its own open", "not_written")
            cursor.execute(_RELEASE)
        except _BatchFailed:
            raise
        except BaseException as error:
            why = self._database.backend.storage_fault(error)
            if why is not None:
                raise _BatchFailed(why, "not_written") from error
            # Fails, and with it the batch, if the transaction did not survive the error.
            cursor.execute(_ROLLBACK)
            cursor.execute(_RELEASE)
            del pending[mark:]
            return error
        return None

    def _commit(self, transaction: RootTransaction, token: bytes) -> None:
        try:
            transaction.commit()
        except Exception as error:
            why = self._why(error)
            self._rollback()
            if not self._is_stored(token, why):
                never = self._database.backend.absent_means_never()
                raise _BatchFailed(why, "not_written" if never else "unknown") from error
        self._guard("unknown")

    def _is_stored(self, token: bytes, why: str) -> bool:
        """Whether the batch is there after all. Raises _BatchFailed where nobody can say."""
        try:
            conn = self._database.writer_connection()
            with conn.begin():
                return bool(conn.scalar(select(BATCH.c.token)) == token)
        except Exception as error:
            self._rollback()
            raise _BatchFailed(why, "unknown") from error

    def _guard(self, outcome: Outcome) -> None:
        why = self._database.backend.guard()
        if why is not None:
            raise _BatchFailed(why, outcome)

    def _rollback(self) -> None:
        self._frontier = None
        self._database.drop_writer_connection()

    def _why(self, error: Exception) -> str:
        fault = self._database.backend.storage_fault(error)
        # Its message only where it is ours: a driver's may quote what was to be written.
        said = f": {error}" if isinstance(error, TornLog) else ""
        return fault or f"the ledger cannot be written: {type(error).__name__}{said}"

    def _refuse(self, jobs: Sequence[_Job[Any]], why: str, outcome: Outcome) -> None:
        for job in jobs:
            self._finish(job, LedgerUnavailable(why, outcome))

    def _finish(self, job: _Job[Any], error: BaseException | None) -> None:
        with self._lock:
            job.finish(error)
