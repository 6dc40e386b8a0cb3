"""Enrolment: the node's people go through the registrar's oblivious PRF, batch by batch.

Source: design.md 2.2.2, 2.2.3; RFC 9497, mode VOPRF. Each batch is kept sealed before it is sent
and until its pseudonyms are stored, so that a crash at any moment neither loses nor counts one
twice.
Trusts: the PRF key that the federation file pins; an evaluation under any other is refused,
for it would tag this node's people.
Learns: the registrar, how many people are enrolled.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crypto import jcs, oprf
from crypto.errors import CryptoError
from crypto.rng import Rng
from crypto.sealing import AtRestKey, open_at_rest, seal_at_rest
from hedui.v1 import registrar_pb2 as pb
from hedui.v1 import registrar_pb2_grpc as registrar_grpc
from model.explanations import EXPLANATIONS
from model.federation import Federation, PrfKey, Process
from model.identifiers import parse as parse_identifier
from model.pseudonym import oprf_input, pseudonym
from model.reasons import Reason
from node.index import store
from node.index.store import StoredBatch
from node.records.store import count_persons
from runtime.errors import (
    CallError,
    Refusal,
    Refused,
    SettingsError,
)
from runtime.failed_calls import judge
from runtime.storage.database import Database
from runtime.storage.writer import Writer
from runtime.transport.channel import Dialer

BATCH_ID_BYTES = 16
_MAX_STATE_BYTES = 4 << 20
_BUDGET = frozenset({Reason.BUDGET_MISSING, Reason.BUDGET_EXHAUSTED})


@dataclass(frozen=True)
class Progress:
    """Persons indexed, persons held, evaluations left (None before the first batch)."""

    done: int
    total: int
    budget_left: int | None


@dataclass
class _Batch:
    """A batch under way: what is stored of it, whose it is, and the blinds."""

    stored: StoredBatch
    local_keys: list[int]
    blinds: oprf.Blinds


@dataclass(frozen=True)
class Enroller:
    """Fills one node's index."""

    federation: Federation
    member: Process
    dialer: Dialer
    database: Database
    writer: Writer
    kek: AtRestKey
    rng: Rng
    batch_size: int
    timeout_s: float

    @property
    def key(self) -> PrfKey:
        """The pinned PRF key of the newest epoch."""
        key = self.member.prf_key(self.member.newest_epoch)
        if key is None:
            raise Refusal(Reason.EPOCH_UNKNOWN)
        return key

    def run(self, keep_going: Callable[[], bool]) -> Iterator[Progress]:
        """Enrol batch by batch; yields after each. Ends when nobody is pending, or is told to.

        Args:
            keep_going: Asked before each batch.

        Raises:
            Refusal: the registrar's reason, budget included; proof_invalid for a wrong key.
        """
        yield self._progress(None)
        while keep_going():
            batch = self._next()
            if batch is None:
                return
            left = self._finish(batch, self._evaluate(batch))
            yield self._progress(left)

    def _progress(self, budget_left: int | None) -> Progress:
        with self.database.read() as conn:
            total = count_persons(conn)
            return Progress(total - store.count_pending(conn, self.key.epoch), total, budget_left)

    def _next(self) -> _Batch | None:
        """The batch that was begun before, or a new one; None when nobody is pending."""
        with self.database.read() as conn:
            begun = store.open_batch(conn)
            pending = store.pending(conn, self.key.epoch, limit=self.batch_size)
        if begun is not None:
            batch = self._reopen(begun)
            if batch is not None:
                return batch
            self._drop(begun.batch)
        return self._begin(pending) if pending else None

    def _begin(self, pending: Sequence[store.Pending]) -> _Batch:
        inputs = [oprf_input(parse_identifier(person.identifier)) for person in pending]
        blinds, _ = oprf.blind(self._suite, inputs, rng=self.rng)
        keys = [person.local_key for person in pending]
        batch, epoch = self.rng(BATCH_ID_BYTES), self.key.epoch
        sealed = seal_at_rest(self.kek, _encode(keys, blinds), aad=_aad(batch, epoch), rng=self.rng)
        stored = StoredBatch(batch, epoch, sealed)
        self.writer.run(lambda tx: store.begin_batch(tx.conn, stored))
        return _Batch(stored, keys, blinds)

    def _reopen(self, stored: StoredBatch) -> _Batch | None:
        """A stored batch, None where it is of another epoch or does not open any more."""
        if stored.epoch != self.key.epoch:
            return None
        try:
            aad = _aad(stored.batch, stored.epoch)
            keys, blinds = _decode(open_at_rest(self.kek, stored.sealed, aad=aad))
        except CryptoError:
            return None
        return _Batch(stored, keys, blinds)

    @property
    def _suite(self) -> oprf.Suite:
        return oprf.suite(self.key.suite)

    def _evaluate(self, batch: _Batch) -> pb.EvaluateReply:
        request = pb.EvaluateRequest(
            department=self.member.department,
            epoch=batch.stored.epoch,
            blinded=batch.blinds.elements,
            batch=batch.stored.batch,
        )
        registrar = self.federation.registrar.name
        try:
            reply: pb.EvaluateReply = self.dialer.call(
                registrar,
                registrar_grpc.EnrolmentServiceStub,
                "Evaluate",
                request,
                timeout_s=self.timeout_s,
            )
        except Refused as refused:
            if not _is_repeatable(refused.reason):
                self._drop(batch.stored.batch)
            raise Refusal(refused.reason, f"registrar: {refused.detail}") from None
        except (CallError, SettingsError) as error:
            said = f"enrolment stopped, to be resumed: {error}"
            raise Refusal(judge(error).reason, said) from None
        return reply

    def _finish(self, batch: _Batch, reply: pb.EvaluateReply) -> int:
        public = oprf.PublicKey(self._suite, bytes.fromhex(self.key.public_key))
        try:
            outputs = oprf.finalize(public, batch.blinds, list(reply.evaluated), reply.proof)
        except CryptoError:
            self._drop(batch.stored.batch)
            raise Refusal(
                Reason.PROOF_INVALID,
                "the registrar did not evaluate under the key that the federation file pins; "
                "nothing was taken. Tell the security reviewer",
            ) from None
        found = [(k, pseudonym(out)) for k, out in zip(batch.local_keys, outputs, strict=True)]
        self.writer.run(lambda tx: store.finish_batch(tx.conn, batch.stored, found))
        return int(reply.budget_left)

    def _drop(self, batch: bytes) -> None:
        self.writer.run(lambda tx: store.drop_batch(tx.conn, batch))


def _is_repeatable(reason: Reason) -> bool:
    """Whether the very same batch may be taken later; any other would stop enrolment for ever."""
    return reason in _BUDGET or EXPLANATIONS[reason].waits


def _aad(batch: bytes, epoch: int) -> list[bytes]:
    return [b"enrolment", batch, epoch.to_bytes(2, "big")]


def _encode(local_keys: Sequence[int], blinds: oprf.Blinds) -> bytes:
    return jcs.encode(
        {
            "keys": list(local_keys),
            "inputs": [value.hex() for value in blinds.inputs],
            "scalars": [scalar.hex() for scalar in blinds.scalars()],
            "elements": [element.hex() for element in blinds.elements],
        }
    )


def _decode(data: bytes) -> tuple[list[int], oprf.Blinds]:
    state: Any = jcs.decode(data, max_bytes=_MAX_STATE_BYTES)
    inputs, scalars, elements = (
        [bytes.fromhex(text) for text in state[name]] for name in ("inputs", "scalars", "elements")
    )
    return state["keys"], oprf.Blinds(inputs, b"".join(scalars), elements)
