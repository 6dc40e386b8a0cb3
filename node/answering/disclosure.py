"""Opening a stored answer to a reviewer who brings the registrar's grant for a drawn entry.

Source: design.md 4.13; docs/adr/0019-samples.md.
Trusts: the federation file for the registrar's key and the reviewer's sealing key.
Learns: the reviewer, which ticket was answered and, where wanted, what this department contributed
to each rule of this one household; the registrar and the coordinator, nothing: the reply is
sealed, and only the ledger says that it left.
Not protected: registrar and reviewer together learn what is opened; both ledgers hold each
grant's digest, and the node opens so many answers a day and no more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from crypto import integers
from crypto.errors import CryptoError
from crypto.labels import Label
from crypto.paillier import PublicKey
from crypto.rng import Rng
from crypto.sealing import AtRestKey, SealingPublicKey
from model.disclosure import (
    AnswerDisclosure,
    RevealedField,
    SignedText,
    answer_parts,
    seal_disclosure,
)
from model.documents.sampling import SampleGrant
from model.documents.signed import Signed
from model.federation import Federation
from model.fields import format_time, parse_time
from model.reasons import Reason
from node.answering import store
from node.answering.encrypting import SealedCopy, randomness_bytes, unseal_copy
from runtime.clock import Clock
from runtime.documents import open_signed
from runtime.errors import Refusal
from runtime.refusing import Refusals
from runtime.storage.database import Database
from runtime.storage.salting import Salted
from runtime.storage.store import keep_reveals
from runtime.storage.writer import Tx, Writer
from runtime.transport.guard import Caller

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class AnswerOpener:
    """Opens answers of one node."""

    name: str
    federation: Federation
    key: PublicKey
    kek: AtRestKey
    database: Database
    writer: Writer
    refusals: Refusals
    clock: Clock
    rng: Rng
    max_a_day: int
    """Answers whose values are opened within 24 hours, whatever the registrar grants."""

    def open(
        self, read: Callable[[], Signed], query: str, caller: Caller, *, values: bool
    ) -> bytes:
        """Return which ticket was answered, and with what, sealed to the caller; ledgered before.

        Raises Refusal; every refusal is ledgered.

        Args:
            read: Parses the grant; what it refuses is ledgered like everything else.
            query: The query id, unchecked.
            caller: To whom it is sealed.
            values: Whether plaintext and randomness are opened too.
        """
        # What is no id is the caller's own text, and no business of the ledger's.
        about, who = {"query": query} if is_query_id(query) else {}, {"reviewer": caller.name}
        with self.refusals.ledgered("sample.refused", committed=who, clear=about):
            signed = read()
            grant = check_grant(
                signed, query, caller, federation=self.federation, now=self.clock.now()
            )
            opened = self._opened(grant, query, values=values)
            self._record(grant, signed.digest, opened, values=values)
        key = SealingPublicKey(bytes.fromhex(caller.member.seal_key))
        parts = answer_parts(signed.digest, query, caller.name)
        return seal_disclosure(opened, key, Label.ANSWER_DISCLOSURE_SEAL, parts)

    def _opened(self, grant: SampleGrant, query: str, *, values: bool) -> AnswerDisclosure:
        with self.database.read() as conn:
            found, kept = store.by_query(conn, query), store.sealed_answer(conn, query)
        if found is None or found.manifest != grant.manifest:
            raise Refusal(Reason.NOT_FOUND, "this node was not asked that query")
        if found.body is None or found.signature is None or kept is None:
            raise Refusal(Reason.NOT_FOUND, "this node has not answered that query")
        try:
            copy = unseal_copy(self.key, self.kek, SealedCopy(*kept), query=query)
        except CryptoError:
            raise Refusal(
                Reason.DATABASE_FAULT, "the sealed copy of this answer does not open"
            ) from None
        signed = Signed(found.body, found.signature, self.name)
        plaintext = integers.encode(copy.plaintext, self.key.plaintext_bytes).hex()
        randomness = integers.encode(copy.randomness, randomness_bytes(self.key)).hex()
        return AnswerDisclosure(
            format="hedui-answer/1",
            query=query,
            answer=SignedText.of(signed),
            plaintext=plaintext if values else "",
            randomness=randomness if values else "",
            ticket=RevealedField.of(copy.ticket),
        )

    def _record(
        self, grant: SampleGrant, digest: str, opened: AnswerDisclosure, *, values: bool
    ) -> None:
        salted, since = Salted(rng=self.rng), format_time(self.clock.now() - _DAY)
        fields = {
            "query": opened.query,
            "manifest": grant.manifest,
            "answer": opened.answer.signed.digest,
            "grant": digest,
            "values": values,
            "reviewer": salted.commit("reviewer", grant.reviewer),
        }
        sealed = salted.seal(self.kek)

        def write(tx: Tx) -> None:
            if values:
                self._count(tx, digest, opened.query, since)
            keep_reveals(tx.conn, tx.append("answer.opened", **fields), sealed)

        self.writer.run(write)

    def _count(self, tx: Tx, grant: str, query: str, since: str) -> None:
        if store.count_disclosed(tx.conn, since, but=grant) >= self.max_a_day:
            raise Refusal(Reason.SAMPLE_LIMIT, f"{self.max_a_day} answers were opened in 24 hours")
        store.note_disclosed(tx.conn, grant, query, tx.now)


def check_grant(
    signed: Signed, query: str, caller: Caller, *, federation: Federation, now: datetime
) -> SampleGrant:
    """Return the grant if it lets this caller see this query's answer now. Raises Refusal."""
    if not is_query_id(query):
        raise Refusal(Reason.MALFORMED, "query: 32 digits, hex")
    grant = open_signed(signed, SampleGrant, federation.registrar)
    if grant.reviewer != caller.name:
        raise Refusal(Reason.GRANT_MISMATCH, "the grant is another reviewer's")
    if query not in grant.queries:
        raise Refusal(Reason.GRANT_MISMATCH, "the grant does not name this query")
    if now >= parse_time(grant.expires_at):
        raise Refusal(Reason.SAMPLE_EXPIRED)
    return grant


def is_query_id(text: str) -> bool:
    """Whether a text has the form of a query id."""
    return len(text) == 32 and set(text) <= set("0123456789abcdef")
