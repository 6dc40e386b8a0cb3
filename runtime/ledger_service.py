"""The ledger that every process shows: checkpoints, exact entries, proofs.

Source: design.md 4.12; proto/hedui/v1/ledger.proto; RFC 9162, 2.1.3 and 2.1.4.
Learns: a reader, what stands in the ledger; nothing in it is personal.
Reading is ledgered before anything is shown. Entries go out in batches that fit a message, each
read from a snapshot of its own, so that a slow reader holds no transaction open.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import grpc

from crypto.errors import InvalidInput
from hedui.v1 import ledger_pb2 as pb
from hedui.v1 import ledger_pb2_grpc
from ledger import log as entries_log
from ledger import log_witness
from ledger.signer import LogSigner
from model.reasons import Reason
from runtime.errors import Refusal
from runtime.storage import store
from runtime.storage.database import Database
from runtime.storage.writer import Writer
from runtime.transport.guard import current_caller, ensure_time
from runtime.transport.server import AddService, offer

MAX_ENTRIES: Final = 100_000
BATCH_ENTRIES: Final = 500
BATCH_BYTES: Final = 1 << 20


class LedgerService(ledger_pb2_grpc.LedgerServiceServicer):
    """Reads one process's log for reviewers and for the admins of its organisation."""

    def __init__(self, *, database: Database, writer: Writer, signer: LogSigner) -> None:
        self._database = database
        self._writer = writer
        self._signer = signer

    def offered(self) -> AddService:
        """Return what registers it with a server."""
        return offer(ledger_pb2_grpc.add_LedgerServiceServicer_to_server, self)

    def GetCheckpoint(
        self, request: pb.GetCheckpointRequest, context: grpc.ServicerContext
    ) -> pb.GetCheckpointReply:
        """The newest signed checkpoint."""
        with self._database.read() as connection:
            note, size = self._signer.checkpoint(connection), entries_log.size(connection)
        # What was shown is kept: a fork would show between two of our own checkpoints.
        self._writer.post(lambda tx: entries_log.store_checkpoint(tx.conn, size, note))
        return pb.GetCheckpointReply(checkpoint=note)

    def ReadEntries(
        self, request: pb.ReadEntriesRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReadEntriesReply]:
        """Exact leaf bytes in order, at most 100,000 a call."""
        start, stop = self._range(request.first, request.count)
        role = str(current_caller().role)
        self._writer.run(
            lambda tx: tx.append("ledger.read", first=start, count=stop - start, reader=role)
        )
        while start < stop:
            ensure_time()
            batch = self._batch(start, stop)
            yield pb.ReadEntriesReply(first=start, leaves=batch)
            start += len(batch)

    def GetInclusionProof(
        self, request: pb.GetInclusionProofRequest, context: grpc.ServicerContext
    ) -> pb.ProofReply:
        """RFC 9162, 2.1.3."""
        return self._proof(request.size, entries_log.inclusion, request.index, request.size)

    def GetConsistencyProof(
        self, request: pb.GetConsistencyProofRequest, context: grpc.ServicerContext
    ) -> pb.ProofReply:
        """RFC 9162, 2.1.4."""
        old, new = request.old_size, request.new_size
        return self._proof(new, entries_log.consistency, old, new)

    def ReadCheckpoints(
        self, request: pb.ReadCheckpointsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReadCheckpointsReply]:
        """Cosigned checkpoints, by size."""
        first = request.first_size
        while True:
            ensure_time()
            with self._database.read() as connection:
                batch = entries_log.cosigned(connection, first, BATCH_ENTRIES)
            if not batch:
                return
            yield pb.ReadCheckpointsReply(checkpoints=[note for _, note in batch])
            first = batch[-1][0] + 1

    def ReadWitnessed(
        self, request: pb.ReadWitnessedRequest, context: grpc.ServicerContext
    ) -> pb.ReadWitnessedReply:
        """What others' logs showed this process."""
        with self._database.read() as connection:
            seen, forks = log_witness.seen(connection), log_witness.forks(connection)
        pairs = [pb.Fork(ours=ours, theirs=theirs) for _, ours, theirs in forks]
        return pb.ReadWitnessedReply(seen=seen, forks=pairs)

    def ReadPolicies(
        self, request: pb.ReadPoliciesRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReadPoliciesReply]:
        """Exact bytes of what was approved, oldest approval first; a policy holds no secret."""
        with self._database.read() as connection:
            rows = store.policy_rows(connection)
        for row in rows:
            ensure_time()
            yield pb.ReadPoliciesReply(policy=row.body)

    def _range(self, first: int, count: int) -> tuple[int, int]:
        with self._database.read() as connection:
            size = entries_log.size(connection)
        if first > size:
            raise Refusal(Reason.NOT_FOUND, f"the ledger has {size} entries")
        return first, min(size, first + min(count or MAX_ENTRIES, MAX_ENTRIES))

    def _batch(self, start: int, stop: int) -> list[bytes]:
        batch: list[bytes] = []
        total = 0
        with self._database.read() as connection:
            for leaf in entries_log.entries(connection, start, min(stop, start + BATCH_ENTRIES)):
                total += len(leaf)
                if batch and total > BATCH_BYTES:
                    break
                batch.append(leaf)
        return batch

    def _proof(self, size: int, prove: Callable[..., Sequence[bytes]], *args: Any) -> pb.ProofReply:
        with self._database.read() as connection:
            if size > entries_log.size(connection):
                raise Refusal(Reason.NOT_FOUND, "the ledger is not that long yet")
            try:
                return pb.ProofReply(path=prove(connection, *args))
            except InvalidInput as error:
                raise Refusal(Reason.MALFORMED, str(error)) from None
