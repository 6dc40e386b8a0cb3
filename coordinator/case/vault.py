"""What of a case is sealed at rest: under a data key of its own, wrapped by the process's key.

Source: design.md 3.11, 4.6. Destroying a case's data key erases request, manifest, tickets,
answers, determination, decisions and the reveals of the ledger's commitments, while ledger and
case list stay whole.
Trusts: the key-encryption key's file; it lies outside the data folder.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

from coordinator.case.store import CaseRow, TicketRow
from crypto.rng import Rng
from crypto.sealing import AtRestKey, open_at_rest, seal_at_rest, unwrap_key, wrap_key


class Vault:
    """Seals and opens what belongs to one case."""

    def __init__(self, kek: AtRestKey, *, rng: Rng) -> None:
        self._kek: Final = kek
        self._rng: Final = rng

    def new_key(self, case_id: str) -> tuple[bytes, AtRestKey]:
        """Return a new data key, wrapped and open."""
        key = AtRestKey.generate(rng=self._rng)
        wrapped = wrap_key(self._kek, key, aad=[b"case", case_id.encode()], rng=self._rng)
        return wrapped, key

    def key(self, case: CaseRow) -> AtRestKey:
        """Unwrap a case's data key. Raises OpenError where it was destroyed."""
        return unwrap_key(self._kek, case.data_key, aad=[b"case", case.case_id.encode()])

    def seal(self, case_id: str, key: AtRestKey, what: str, data: bytes) -> bytes:
        """Seal one column of a case, bound to case and column."""
        return seal_at_rest(key, data, aad=_place(case_id, what), rng=self._rng)

    def open(self, case: CaseRow, what: str, sealed: bytes) -> bytes:
        """Open one column; b"" stays b"". Raises OpenError."""
        return _open(self.key(case), case, what, sealed) if sealed else b""

    def opened(self, case: CaseRow) -> CaseRow:
        """The same case with its sealed columns open; of an erased one nothing is left."""
        if not case.data_key:
            return case
        key = self.key(case)
        return dataclasses.replace(
            case,
            request=_open(key, case, "request", case.request),
            countersigned=_open(key, case, "countersigned", case.countersigned),
            manifest=_open(key, case, "manifest", case.manifest),
            determination=_open(key, case, "determination", case.determination),
            detail=_open(key, case, "detail", case.detail),
        )

    def seal_ticket(self, case: CaseRow, department: str, ticket: bytes) -> bytes:
        """Seal one department's ticket."""
        return self.seal(case.case_id, self.key(case), f"ticket:{department}", ticket)

    def seal_answer(self, case: CaseRow, department: str, answer: bytes) -> bytes:
        """Seal one department's answer."""
        return self.seal(case.case_id, self.key(case), f"answer:{department}", answer)

    def opened_tickets(self, case: CaseRow, rows: Sequence[TicketRow]) -> list[TicketRow]:
        """The same tickets with ticket and answer open; of an erased case nothing is left."""
        if not case.data_key:
            return list(rows)
        key = self.key(case)
        return [
            dataclasses.replace(
                row,
                ticket=_open(key, case, f"ticket:{row.department}", row.ticket),
                answer=_open(key, case, f"answer:{row.department}", row.answer),
            )
            for row in rows
        ]


def _open(key: AtRestKey, case: CaseRow, what: str, sealed: bytes) -> bytes:
    return open_at_rest(key, sealed, aad=_place(case.case_id, what)) if sealed else b""


def _place(case_id: str, what: str) -> list[bytes]:
    return [b"case", case_id.encode(), what.encode()]
