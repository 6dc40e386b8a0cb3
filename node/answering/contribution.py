"""From a question to this department's ciphertext: match, read, measure, encrypt.

Source: design.md 2.4.3, 2.4.4, 2.4.19. Nothing outside the node depends on matching: whatever
goes wrong while its own data are read is one reason.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from crypto.rng import Rng
from model.documents.query import Coverage
from model.policy.contributing import contribution
from model.reasons import Reason
from node.answering.checks import Question
from node.answering.encrypting import Encrypted, Encryptor
from node.answering.matching import check_ready, read_household
from node.answering.measuring import measure_household
from node.records.mapping import parse_mapping
from node.records.store import Resource
from runtime.errors import Refusal
from runtime.logging import Log
from runtime.storage.database import Database
from runtime.storage.faults import LedgerUnavailable
from runtime.storage.store import Connection


@dataclass(frozen=True)
class Contribution:
    """The encrypted slots, and per resource date and coverage of the data they come from."""

    encrypted: Encrypted
    data_dates: dict[str, str]
    coverage: dict[str, Coverage]


@dataclass(frozen=True)
class Contributor:
    """Computes what one department contributes."""

    department: str
    encryptor: Encryptor
    database: Database
    rng: Rng
    log: Log
    index_grace: timedelta

    def check_ready(self, question: Question, now: datetime) -> None:
        """Raise Refusal where this node cannot answer that question for anybody."""
        with self._one_reason(question), self.database.read() as conn:
            self._catalogue(conn, question, now)

    def contribute(self, question: Question, now: datetime) -> Contribution:
        """Match, read, measure, encrypt. Raises Refusal, the same whether anybody is matched."""
        with self._one_reason(question):
            return self._contribute(question, now)

    def _contribute(self, question: Question, now: datetime) -> Contribution:
        layout, ticket = question.terms.layout, question.ticket
        pseudonyms = [bytes.fromhex(pseudonym) for pseudonym in ticket.pseudonyms]
        with self.database.read() as conn:
            catalogue = self._catalogue(conn, question, now)
            rows = read_household(
                conn, pseudonyms, question.resources, epoch=ticket.epoch, rng=self.rng
            )
        measures = layout.measures_of(self.department)
        reference: date = question.terms.inputs.reference_date
        values = measure_household(measures, rows, catalogue, reference)
        slots = contribution(layout, self.department, values, question.terms.inputs)
        made = self.encryptor.encrypt(layout, slots, ticket=ticket, department=self.department)
        used = {code: catalogue[code] for code in question.resources}
        return Contribution(
            made,
            {code: resource.data_date for code, resource in used.items()},
            {code: parse_mapping(each.mapping).coverage for code, each in used.items()},
        )

    def _catalogue(
        self, conn: Connection, question: Question, now: datetime
    ) -> dict[str, Resource]:
        return check_ready(
            conn,
            question.terms.layout.measures_of(self.department),
            question.ticket.resources,
            epoch=question.ticket.epoch,
            stale_since=now - self.index_grace,
        )

    @contextmanager
    def _one_reason(self, question: Question) -> Iterator[None]:
        """Any fault in here is one reason: another might show a match."""
        try:
            yield
        except Exception as error:
            if isinstance(error, Refusal) and not isinstance(error, LedgerUnavailable):
                raise
            self.log.fault("query.data_fault", error, query_id=question.ticket.query)
            raise Refusal(Reason.DATABASE_FAULT) from None
