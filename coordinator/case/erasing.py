"""Erasure: a case that is over is destroyed, by an officer who asks and a checker who does it.

Source: design.md 4.6: destroying data key and salts is the erasure; the tree stays whole.
Trusts: whoever keeps copies of the database to destroy them in time: a copy together with the
key-encryption key still opens the case.
Learns: the ledger's reader, that a case was erased, and why.
What stays: the case's number, when it was opened and erased, which departments were asked, when
they answered or why they did not, and what officer and checker signed. Their commitments are
opened with the process's own key, so that the erasure itself can be shown.
"""

from datetime import timedelta
from typing import Final

from coordinator.case import store
from coordinator.case.state import OVER, CaseState
from crypto.rng import Rng
from crypto.sealing import AtRestKey, seal_at_rest
from model.documents.desk import CaseErasure
from model.fields import parse_time
from model.reasons import Reason
from model.roles import Role
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.storage.database import Database
from runtime.storage.salting import Salted
from runtime.storage.store import destroy_reveals, keep_reveals
from runtime.storage.writer import Tx, Writer


class Erasures:
    """The erasures of one coordinator, on its database and writer."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        *,
        kek: AtRestKey,
        rng: Rng,
        clock: Clock,
        retention_days: int,
    ) -> None:
        self._database: Final = database
        self._writer: Final = writer
        self._kek: Final = kek
        self._rng: Final = rng
        self._clock: Final = clock
        self._retention: Final = timedelta(days=retention_days)

    def erase(self, wanted: CaseErasure, message: bytes, role: Role) -> int:
        """Ask for an erasure (officer), or carry it out (checker); return the ledger entry.

        Args:
            wanted: What the caller signed; the signature was verified.
            message: The same, as it arrived.

        Raises Refusal: case_unknown, case_erased, case_not_over, retention_not_over,
        erasure_not_asked.
        """
        with self._database.read() as conn:
            case, asked = store.find_case(conn, wanted.case), store.erasure(conn, wanted.case)
        case = self._erasable(case, wanted)
        if role is Role.OFFICER:
            return self._ask(case, wanted, message)
        if asked is None or asked.reason != wanted.reason:
            raise Refusal(Reason.ERASURE_NOT_ASKED)
        with self._database.erasing():
            return self._carry_out(case, asked, wanted, message)

    def _erasable(self, case: store.CaseRow | None, wanted: CaseErasure) -> store.CaseRow:
        """The case if it is over, the registrar knows, and its time of keeping is past."""
        if case is None:
            raise Refusal(Reason.CASE_UNKNOWN)
        if case.state is CaseState.ERASED:
            raise Refusal(Reason.CASE_ERASED)
        if case.state not in OVER or (case.state is CaseState.CLOSED and not case.told):
            raise Refusal(Reason.CASE_NOT_OVER)
        kept_until = (parse_time(case.updated_at) + self._retention).date()
        if wanted.reason == "retention-over" and self._clock.now().date() <= kept_until:
            raise Refusal(
                Reason.RETENTION_NOT_OVER,
                f"its records are kept until {kept_until} ({self._retention.days} days from its "
                "end); to erase it earlier, officer and checker must both give another reason",
            )
        return case

    def _ask(self, case: store.CaseRow, wanted: CaseErasure, message: bytes) -> int:
        salted = Salted(rng=self._rng)
        fields = {"case": case.case_id, "reason": wanted.reason}
        fields["officer"] = salted.commit("officer", wanted.person)
        reveals = salted.seal(self._kek)
        sealed = self._seal(case.case_id, "asked", message)
        asked = store.ErasureRow(wanted.reason, wanted.person, sealed)

        def write(tx: Tx) -> int:
            _unchanged(tx, case)
            store.ask_erasure(tx.conn, case.case_id, asked)
            entry = tx.append("case.erasure_asked", **fields)
            keep_reveals(tx.conn, entry, reveals)
            return entry

        return self._writer.run(write)

    def _carry_out(
        self, case: store.CaseRow, asked: store.ErasureRow, wanted: CaseErasure, message: bytes
    ) -> int:
        salted, case_id = Salted(rng=self._rng), case.case_id
        fields = {"case": case_id, "reason": wanted.reason}
        fields["officer"] = salted.commit("officer", asked.officer)
        fields["checker"] = salted.commit("checker", wanted.person)
        reveals = salted.seal(self._kek)
        done = self._seal(case_id, "done", message)
        blank = self._rng(32).hex()

        def write(tx: Tx) -> int:
            _unchanged(tx, case)
            if store.erasure(tx.conn, case_id) != asked:
                raise Refusal(Reason.ERASURE_NOT_ASKED)
            entry = tx.append("case.erased", **fields)
            store.erase(tx.conn, case_id, now=tx.now, entry=entry, blank=blank, done=done)
            destroy_reveals(tx.conn, case_id)
            keep_reveals(tx.conn, entry, reveals)
            return entry

        return self._writer.run(write)

    def _seal(self, case_id: str, what: str, message: bytes) -> bytes:
        aad = [b"case-erasure", case_id.encode(), what.encode()]
        return seal_at_rest(self._kek, message, aad=aad, rng=self._rng)


def _unchanged(tx: Tx, case: store.CaseRow) -> None:
    if store.find_case(tx.conn, case.case_id) != case:
        raise Refusal(Reason.CASE_NOT_OVER, "the case has changed in the meantime")
