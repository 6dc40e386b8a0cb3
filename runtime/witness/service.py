"""Processes witness each other's logs: what a process answers, and who may ask.

Source: C2SP tlog-witness (its rules, not its transport) and tlog-cosignature; design.md 4.7.
Trusts: the federation file for logs' and witnesses' keys; its own store of what it has seen.
Learns: size and root of the other's log.
The witness's own entry, ``peer.cosigned.v2``, is committed before the cosignature leaves.
"""

from collections.abc import Sequence
from typing import Any, Final

from crypto.errors import CryptoError
from crypto.signing import SigningKey
from hedui.v1 import ledger_pb2 as pb
from hedui.v1 import ledger_pb2_grpc
from ledger import checkpoint, cosignature, log
from ledger.checkpoint import Checkpoint, origin_of, process_of
from ledger.note import Signature, Verifier, parse_note
from ledger.signer import MAX_PATH, LogSigner
from ledger.witness import Seen, Witness
from model.federation import Federation
from model.reasons import Reason
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.storage.database import Database
from runtime.storage.writer import Tx, Writer
from runtime.transport.guard import current_caller
from runtime.transport.server import AddService, offer
from runtime.witness.kept import StoredWitness
from runtime.witness.verifiers import log_verifiers, witness_name, witness_verifier

MAX_CHECKPOINT_BYTES: Final = 8 << 10
MAX_LINE_BYTES: Final = 1 << 10


class Witnessing:
    """One process as a log that is witnessed, and as a witness of the others' logs."""

    def __init__(
        self,
        *,
        federation: Federation,
        key: SigningKey,
        signer: LogSigner,
        database: Database,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self.federation = federation
        self._signer = signer
        self._database = database
        self._writer = writer
        self._clock = clock
        self._memory = StoredWitness(database, writer)
        logs = dict(log_verifiers(federation))
        del logs[signer.origin]
        own = witness_name(federation.name, process_of(signer.origin))
        self._witness = Witness(own, key, logs=logs, store=self._memory)

    # --- as a witness ---------------------------------------------------------------------------

    def seen(self, origin: str) -> Seen | None:
        """What was seen last of a log."""
        return self._memory.load(origin)

    def cosign(self, note: bytes, proof: Sequence[bytes]) -> Signature:
        """Check, store and ledger, then sign. Raises WitnessRefused, NoteError and the like."""
        return self._witness.cosign(note, proof, now_s=int(self._clock.now().timestamp()))

    # --- as a log -------------------------------------------------------------------------------

    def present(self, old_size: int) -> tuple[Checkpoint, bytes, list[bytes]]:
        """The present head, its note, and the proof from ``old_size``; no proof from 0."""
        with self._database.read() as conn:
            note = self._signer.checkpoint(conn)
            head = checkpoint.parse_text(parse_note(note).text)
            leads = 0 < old_size < head.size
            proof = log.consistency(conn, old_size, head.size) if leads else []
        self._writer.post(lambda tx: log.store_checkpoint(tx.conn, head.size, note))
        return head, note, proof

    def keep(self, size: int, line: bytes, witness: Verifier) -> None:
        """Verify and keep a cosignature on this log's head of ``size`` entries.

        Raises NoteError or SignatureError, InvalidInput where the log is not that long.
        """
        with self._database.read() as conn:
            note = self._signer.checkpoint_at(conn, size)
        cosignature.verify(parse_note(note + line), witness)

        def write(tx: Tx) -> None:
            log.store_key(tx.conn, witness.vkey())
            log.store_checkpoint(tx.conn, size, note)
            log.store_cosignature(tx.conn, size, witness.name, line)

        self._writer.run(write)


class WitnessService(ledger_pb2_grpc.WitnessServiceServicer):
    """The coordinator's door to a process's log and witness; a reviewer's to leave a signature."""

    def __init__(self, witnessing: Witnessing) -> None:
        self._witnessing = witnessing

    def offered(self) -> AddService:
        """Return what registers it with a server."""
        return offer(ledger_pb2_grpc.add_WitnessServiceServicer_to_server, self)

    def AddCheckpoint(
        self, request: pb.AddCheckpointRequest, context: Any
    ) -> pb.AddCheckpointReply:
        """Cosign the caller's own log."""
        own = origin_of(self._witnessing.federation.name, current_caller().name)
        _check_sizes(request.checkpoint, request.proof)
        try:
            claimed, _ = checkpoint.unverified(request.checkpoint)
            if claimed.origin != own:
                raise Refusal(Reason.SIGNATURE_INVALID, "a checkpoint of another's log")
            seen = self._witnessing.seen(own)
            size = seen.checkpoint.size if seen else 0
            if request.old_size != size:
                return pb.AddCheckpointReply(size=size)
            signature = self._witnessing.cosign(request.checkpoint, list(request.proof))
        except CryptoError as error:
            raise Refusal(Reason.PROOF_INVALID, str(error)) from None
        return pb.AddCheckpointReply(cosignature=signature.line(), size=claimed.size)

    def ShowCheckpoint(
        self, request: pb.ShowCheckpointRequest, context: Any
    ) -> pb.ShowCheckpointReply:
        """This log's head."""
        _, note, proof = self._witnessing.present(request.old_size)
        return pb.ShowCheckpointReply(checkpoint=note, proof=proof)

    def KeepCosignature(
        self, request: pb.KeepCosignatureRequest, context: Any
    ) -> pb.KeepCosignatureReply:
        """The caller's cosignature on this log."""
        witness = witness_verifier(self._witnessing.federation, current_caller().member)
        if witness is None or len(request.cosignature) > MAX_LINE_BYTES:
            raise Refusal(Reason.SIGNATURE_INVALID, "no cosignature of a pinned witness")
        try:
            self._witnessing.keep(request.size, request.cosignature, witness)
        except CryptoError as error:
            raise Refusal(Reason.SIGNATURE_INVALID, str(error)) from None
        return pb.KeepCosignatureReply()


def _check_sizes(note: bytes, proof: Sequence[bytes]) -> None:
    if len(note) > MAX_CHECKPOINT_BYTES or len(proof) > MAX_PATH:
        raise Refusal(Reason.MALFORMED, "a checkpoint or proof that is too large")
