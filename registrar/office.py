"""What all parts of the registrar stand on."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from hedui.v1 import common_pb2
from ledger import log
from model.documents.signed import Document, DocumentError, Signed, sign
from model.federation import Federation, Person
from model.fields import in_utc
from model.reasons import Reason
from model.roles import Role
from registrar.keys import RegistrarKeys
from registrar.settings import RegistrarLimits
from runtime.documents import open_signed
from runtime.errors import Refusal
from runtime.policy_service import Policies
from runtime.process import Parts
from runtime.storage import store
from runtime.storage.salting import Salted, SealedReveals
from runtime.storage.store import Connection
from runtime.storage.writer import Tx
from runtime.transport.guard import Caller

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Issued:
    """What goes with a letter when it ends. Manifests build on letters, so this is handed in.

    Both take the number of the letter, and run in the transaction that ends or erases it.
    """

    revoke: Callable[[Connection, str], None]
    erase: Callable[[Connection, str], None]


@dataclass(frozen=True, repr=False)
class Office:
    """The registrar's parts, keys and limits."""

    parts: Parts
    keys: RegistrarKeys
    limits: RegistrarLimits
    policies: Policies
    pool: ThreadPoolExecutor
    issued: Issued

    @property
    def federation(self) -> Federation:
        """The federation file."""
        return self.parts.federation

    def today(self) -> date:
        """The local day that dates in letters mean."""
        return self.day_of(self.parts.clock.now())

    def day_of(self, moment: datetime) -> date:
        """The local day of a moment in UTC."""
        return (in_utc(moment) + timedelta(minutes=self.limits.utc_offset_minutes)).date()

    def sign(self, document: Document) -> Signed:
        """Sign with the registrar's key."""
        return sign(document, self.parts.identity.sign_key, self.parts.name)

    def salted(self) -> Salted:
        """A collector for the commitments of one entry."""
        return Salted(rng=self.parts.rng)

    def open_by_person(self, signed: Signed, kind: type[D], role: Role) -> tuple[D, Person]:
        """Verify a document that a person of this role signed. Raises Refusal."""
        signer = self.federation.member(signed.signer)
        if not isinstance(signer, Person) or signer.role is not role:
            raise Refusal(Reason.SIGNATURE_INVALID, f"{kind.__name__}: not signed by a {role}")
        return open_signed(signed, kind, signer), signer

    def open_by_caller(self, signed: Signed, kind: type[D], caller: Caller) -> D:
        """Verify a document that the calling person signed. Raises Refusal."""
        if signed.signer != caller.name:
            raise Refusal(Reason.SIGNATURE_INVALID, f"{kind.__name__}: not signed by the caller")
        return open_signed(signed, kind, caller.member)

    def receipt(self, entry: int) -> common_pb2.LedgerReceipt:
        """Proof that a committed entry stands in this registrar's ledger."""
        with self.parts.database.read() as conn:
            found, leaf = self.parts.signer.receipt(conn, entry), log.leaf(conn, entry)
        return common_pb2.LedgerReceipt(
            index=found.index, path=list(found.path), checkpoint=found.checkpoint, leaf=leaf
        )


def record(
    tx: Tx, event: str, fields: Mapping[str, object], reveals: SealedReveals | None = None
) -> int:
    """Append an entry and keep the reveals of its commitments, if any; return its index."""
    entry = tx.append(event, **fields)
    if reveals is not None:
        store.keep_reveals(tx.conn, entry, reveals)
    return entry


def parse_document(kind: type[D], body: bytes) -> D:
    """Parse a stored document; a refusal if it does not."""
    try:
        return kind.decode(body)
    except DocumentError as error:
        raise Refusal(Reason.MALFORMED, str(error)) from None
