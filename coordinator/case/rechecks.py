"""What happens to a case's re-check, each with its ledger entry in the same transaction.

The steps themselves are the journal's, under their kind. Only a determined case has a re-check,
one, and only until it is closed; that is looked at again in every transaction.
"""

from typing import Final

from coordinator.case import store
from coordinator.case.journal import require_determined
from coordinator.case.vault import Vault
from crypto.commit import Reveal
from crypto.rng import Rng
from ledger import log, merkle
from model.documents.opening import RecheckPermit
from model.reasons import Reason
from runtime.errors import Refusal
from runtime.storage.database import Database
from runtime.storage.salting import Salted, unseal
from runtime.storage.store import keep_reveals, reveals_of
from runtime.storage.writer import Tx, Writer


class Rechecks:
    """The re-checks of one coordinator, on its database and writer."""

    def __init__(self, database: Database, writer: Writer, *, vault: Vault, rng: Rng) -> None:
        self._database: Final = database
        self._writer: Final = writer
        self._vault: Final = vault
        self._rng: Final = rng

    def get(self, case_id: str) -> store.RecheckRow | None:
        """The re-check of a case, or None."""
        with self._database.read() as conn:
            return store.recheck(conn, case_id)

    def determined_leaf(self, case: store.CaseRow) -> str:
        """Leaf hash of the case's ``case.determined``, hex. Raises Refusal without one."""
        if case.entry is None:
            raise Refusal(Reason.CASE_NOT_DETERMINED)
        with self._database.read() as conn:
            return merkle.leaf_hash(log.leaf(conn, case.entry)).hex()

    def bits_reveal(self, case: store.CaseRow) -> Reveal:
        """The reveal of the bits that ``case.determined`` committed to. Raises Refusal."""
        with self._database.read() as conn:
            sealed = None if case.entry is None else reveals_of(conn, case.entry)
        if sealed is None:
            raise Refusal(Reason.CASE_NOT_DETERMINED)
        return next(o for o in unseal(self._vault.key(case), sealed) if o.field == "bits")

    def received(
        self, case: store.CaseRow, permit: RecheckPermit, digest: str, message: bytes
    ) -> None:
        """The registrar's permit was verified; the same one again changes nothing.

        Raises Refusal: case_closed, case_not_determined, permit_second.
        """
        salted = Salted(rng=self._rng)
        fields = {"reviewer": salted.commit("reviewer", permit.reviewer)}
        reveals = salted.seal(self._vault.key(case), owner=case.case_id)

        def write(tx: Tx) -> None:
            require_determined(store.find_case(tx.conn, case.case_id))
            there = store.recheck(tx.conn, case.case_id)
            if there is not None:
                if there.permit != message:
                    raise Refusal(Reason.PERMIT_SECOND, "this case has already had its re-check")
                return
            store.insert_recheck(tx.conn, case.case_id, message)
            entry = tx.append(
                "recheck.received",
                permit=digest,
                manifest=permit.manifest,
                first=permit.first,
                holders=list(permit.holders),
                skipped=[skip.holder for skip in permit.skips],
                **fields,
            )
            keep_reveals(tx.conn, entry, reveals)

        self._writer.run(write)

    def failed(self, case_id: str, told: Reason, /, **fields: str) -> None:
        """It failed for good under its permit; the reviewer is told ``told``.

        ``fields`` are those of ``opening.failed``.
        """

        def write(tx: Tx) -> None:
            require_determined(store.find_case(tx.conn, case_id))
            store.fail_recheck(tx.conn, case_id, told)
            store.delete_steps(tx.conn, case_id)
            tx.append("opening.failed", **fields)

        self._writer.run(write)

    def returned(self, case_id: str, *, permit: str, manifest: str) -> None:
        """What came out is about to be handed to the reviewer."""

        def write(tx: Tx) -> None:
            require_determined(store.find_case(tx.conn, case_id))
            tx.append("recheck.returned", permit=permit, manifest=manifest)

        self._writer.run(write)
