"""One way to refuse: a reason, one ledger entry, one log line, one status.

A handler says no by raising. ``Refusals.ledgered`` writes the entry before the caller hears of
it; the guard then writes the log line and answers with the status of ``transport.status``. What
fails inside is refused as ``internal``, and stands in the ledger like every other no.
Fail closed: where the entry cannot be written, the caller hears ``ledger_unavailable`` instead;
where the ledger itself was the reason, nothing is written.
Before a handler runs, nothing is known but a role: such calls are counted (``transport.door``).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from crypto.rng import Rng
from crypto.sealing import AtRestKey
from model.reasons import Reason
from runtime.storage.salting import Salted
from runtime.storage.store import keep_reveals
from runtime.storage.writer import Tx, Writer
from runtime.transport.guard import note_call
from runtime.transport.status import reason_of

_LOGGED: Final = {"query": "query_id", "case": "case_id"}
"""What an entry names in clear and the log line too, by the log's own key."""


class Refusals:
    """The refusals of one process; their reveals lie under the process's own key."""

    def __init__(
        self, writer: Writer, *, kek: AtRestKey, rng: Rng, timeout_s: float | None = None
    ) -> None:
        """``timeout_s`` bounds a write; None: the writer's own."""
        self._writer: Final = writer
        self._kek: Final = kek
        self._rng: Final = rng
        self._timeout_s: Final = timeout_s

    @contextmanager
    def ledgered(
        self,
        event: str,
        /,
        *,
        committed: Mapping[str, str] | None = None,
        clear: Mapping[str, str] | None = None,
        also: Callable[[Tx], None] | None = None,
    ) -> Iterator[None]:
        """Whatever is raised inside stands in the ledger before it leaves; it leaves as it was.

        Raises LedgerUnavailable in its place where the entry is not acknowledged.

        Args:
            event: ``….refused``.
            committed: Fields about somebody: salted commitments in the entry. Both mappings are
                read when something is refused: the caller fills in what it learns.
            clear: Fields in clear.
            also: What is remembered in the same commit although the call is refused.
        """
        try:
            yield
        except Exception as error:
            reason = reason_of(error)
            if reason is not Reason.LEDGER_UNAVAILABLE:
                self._write(event, reason, committed or {}, clear or {}, also)
            raise

    def _write(
        self,
        event: str,
        reason: Reason,
        committed: Mapping[str, str],
        clear: Mapping[str, str],
        also: Callable[[Tx], None] | None,
    ) -> None:
        note_call({key: clear[name] for name, key in _LOGGED.items() if name in clear})
        salted = Salted(rng=self._rng)
        fields: dict[str, Any] = {"reason": str(reason), **clear}
        fields |= {name: salted.commit(name, value) for name, value in committed.items()}
        sealed = salted.seal(self._kek) if committed else None

        def write(tx: Tx) -> None:
            if also is not None:
                also(tx)
            entry = tx.append(event, **fields)
            if sealed is not None:
                keep_reveals(tx.conn, entry, sealed)

        self._writer.run(write, timeout_s=self._timeout_s)
