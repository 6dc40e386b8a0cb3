"""A running process's ledger, read by a reviewer: entries and proofs, or a whole bundle.

Every entry is hashed as it arrives; the bundle appears only if they give, together, the root
of the checkpoint that the process signed with its pinned key. That is stronger than a proof per
entry: nothing is left out, nothing added.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crypto.errors import CryptoError, InvalidInput
from desk.client.acting import Acting
from hedui.v1 import ledger_pb2 as pb
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
from ledger import checkpoint, merkle
from ledger.checkpoint import Checkpoint
from ledger.errors import ExportError
from ledger.event import decode
from ledger.export import Contents, approved_policy, policy_digest, write_bundle
from ledger.note import Verifier
from model.messages import N_
from model.messages import gettext as _
from reviewer.bundle import Proven
from reviewer.entries import Row
from runtime.errors import PeerFault
from runtime.witness.verifiers import log_verifier, witness_verifiers

STREAM_TIMEOUT_S = 300.0
_A_CALL = 100_000


def fetch_checkpoint(acting: Acting, process: str) -> tuple[bytes, Checkpoint]:
    """The newest checkpoint, verified under the pinned key. Raises CallError, PeerFault."""
    peer = acting.dialer.peer(process)
    reply = acting.call(process, LedgerServiceStub, "GetCheckpoint", pb.GetCheckpointRequest())
    try:
        verifier = log_verifier(acting.federation, process, peer.verify_key)
        return reply.checkpoint, checkpoint.read(reply.checkpoint, verifier)
    except CryptoError as error:
        raise PeerFault(
            process,
            _("{process} shows a checkpoint that does not hold: {why}", process=process, why=error),
        ) from None


def export(acting: Acting, process: str, target: Path, *, extra: dict[str, bytes]) -> int:
    """Write the bundle ``target`` and return the number of entries.

    Raises CallError, or ExportError where the entries are not those of the checkpoint; then
    nothing is left behind.
    """
    note, head = fetch_checkpoint(acting, process)
    # Not before the process has shown itself willing: a refusal leaves no folder.
    target.parent.mkdir(parents=True, exist_ok=True)
    fetched = _Fetched(acting, process, head)
    notes = _cosigned(acting, process, head)
    notes.setdefault(head.size, note)
    contents = Contents(
        origin=head.origin,
        size=head.size,
        entries=fetched.entries(),
        hashes=fetched.hashes(),
        checkpoints=sorted(notes.items()),
        keys=known_keys(acting, process),
        policies=_policies(acting, process, fetched.approved),
        extra=extra | _witnessed(acting, process),
    )
    write_bundle(target, contents)
    return head.size


def _cosigned(acting: Acting, process: str, head: Checkpoint) -> dict[int, bytes]:
    """Cosigned checkpoints up to this head, by size. The verifier judges them, not we."""
    request = pb.ReadCheckpointsRequest()
    replies = acting.dialer.stream(
        process, LedgerServiceStub, "ReadCheckpoints", request, timeout_s=STREAM_TIMEOUT_S
    )
    notes = [note for reply in replies for note in reply.checkpoints]
    found = {checkpoint.unverified(note)[0].size: note for note in notes}
    return {size: note for size, note in found.items() if size <= head.size}


def _policies(acting: Acting, process: str, approved: set[str]) -> Iterator[bytes]:
    """The policies that the fetched entries approve. Raises ExportError where one is withheld.

    ``approved`` is complete when the first one is asked for; what was approved since is not taken.
    """
    request = pb.ReadPoliciesRequest()
    replies = acting.dialer.stream(
        process, LedgerServiceStub, "ReadPolicies", request, timeout_s=STREAM_TIMEOUT_S
    )
    wanted = set(approved)
    for reply in replies:
        if (digest := policy_digest(reply.policy)) in wanted:
            wanted.discard(digest)
            yield reply.policy
    if wanted:
        raise ExportError(
            _(
                "{process} does not show the policy {digest}, although it has approved it",
                process=process,
                digest=min(wanted),
            )
        )


def known_keys(acting: Acting, process: str) -> list[str]:
    """The log's own key, and the pinned keys of everybody who may have cosigned it."""
    own = acting.dialer.peer(process).verify_key
    return [
        log_verifier(acting.federation, process, own).vkey(),
        *(each.vkey() for each in witness_verifiers(acting.federation)),
    ]


def _witnessed(acting: Acting, process: str) -> dict[str, bytes]:
    """What the process has seen of others' logs: notes that their logs signed."""
    reply = acting.call(process, LedgerServiceStub, "ReadWitnessed", pb.ReadWitnessedRequest())
    found = {f"seen-{i}.note": note for i, note in enumerate(reply.seen)}
    for i, fork in enumerate(reply.forks):
        found |= {f"fork-{i}-ours.note": fork.ours, f"fork-{i}-theirs.note": fork.theirs}
    return found


@dataclass
class _Fetched:
    """Entries as they arrive, the tree's nodes that follow, and the policies they approve."""

    acting: Acting
    process: str
    head: Checkpoint
    nodes: deque[bytes] = field(default_factory=deque)
    approved: set[str] = field(default_factory=set)

    def entries(self) -> Iterator[bytes]:
        """Yield each entry; raise ExportError before the last unless all give the signed root."""
        tree = merkle.Frontier()
        for entry in read_entries(self.acting, self.process, 0, self.head.size):
            tree, added = tree.extend([merkle.leaf_hash(entry)])
            self.nodes.extend(added)
            if policy := approved_policy(entry):
                self.approved.add(policy)
            if tree.size == self.head.size and tree.root() != self.head.root:
                raise ExportError(
                    _(
                        "{process} shows entries that are not those of its own checkpoint",
                        process=self.process,
                    )
                )
            yield entry

    def hashes(self) -> Iterator[bytes]:
        """Nodes of what was yielded so far, in post-order."""
        while self.nodes:
            yield self.nodes.popleft()


def read_entries(acting: Acting, process: str, first: int, stop: int) -> Iterator[bytes]:
    """Entries ``first`` to ``stop`` - 1 of a running process, in order; nothing is checked yet.

    Raises CallError, or ExportError where the process shows others or fewer.
    """
    while first < stop:
        before = first
        for entry in _one_call(acting, process, first, min(_A_CALL, stop - first)):
            first += 1
            yield entry
        if first == before:
            raise ExportError(f"{process} shows {first} of {stop} entries")


def _one_call(acting: Acting, process: str, first: int, count: int) -> Iterator[bytes]:
    request = pb.ReadEntriesRequest(first=first, count=count)
    replies = acting.dialer.stream(
        process, LedgerServiceStub, "ReadEntries", request, timeout_s=STREAM_TIMEOUT_S
    )
    for reply in replies:
        if reply.first != first:
            raise ExportError(_("{process} shows entries out of order", process=process))
        first += len(reply.leaves)
        yield from reply.leaves


# ---------------------------------------------------------------- entries


class LiveLog:
    """A running process's ledger, from the first entry on."""

    def __init__(self, acting: Acting, process: str) -> None:
        self._acting = acting
        self._process = process
        self._tree = merkle.Frontier()

    def poll(self) -> Iterator[Row]:
        """Entries since the last poll. Raises PeerFault where they are not what was signed.

        Reading writes an entry of its own there (``ledger.read``), which is no reason to read
        again: a poll that would find nothing else finds nothing.
        """
        _note, head = fetch_checkpoint(self._acting, self._process)
        before = self._tree.size
        if head.size < before:
            raise self._fault(N_("{process} shows an older ledger than before"))
        if head.size - before <= (1 if before else 0):
            return
        for entry in read_entries(self._acting, self._process, before, head.size):
            index = self._tree.size
            self._tree, _nodes = self._tree.extend([merkle.leaf_hash(entry)])
            if self._tree.size == head.size and self._tree.root() != head.root:
                raise self._fault(N_("{process} shows entries that its checkpoint does not cover"))
            yield Row(index, decode(entry))
        if self._tree.size != head.size:
            raise self._fault(N_("{process} shows fewer entries than it has signed for"))

    def _fault(self, sentence: str) -> PeerFault:
        return PeerFault(self._process, _(sentence, process=self._process))


def proven_live(acting: Acting, process: str, index: int) -> tuple[Proven, list[str]]:
    """One entry of a running process and its proof; and the vkeys that say whose it is.

    Raises InvalidInput, CallError, ProofError.
    """
    note, head = fetch_checkpoint(acting, process)
    if index >= head.size:
        raise InvalidInput(
            _(
                "there is no entry {index}: the ledger of {process} has {size}",
                index=index,
                process=process,
                size=head.size,
            )
        )
    cosigned = pb.ReadCheckpointsRequest(first_size=index + 1)
    replies = acting.dialer.stream(
        process, LedgerServiceStub, "ReadCheckpoints", cosigned, timeout_s=STREAM_TIMEOUT_S
    )
    for reply in replies:
        best = max(reply.checkpoints, key=lambda each: each.count(b"\n"), default=note)
        note = best if checkpoint.unverified(best)[0].size <= head.size else note
        break
    size = checkpoint.unverified(note)[0].size
    entry = next(read_entries(acting, process, index, index + 1))
    request = pb.GetInclusionProofRequest(index=index, size=size)
    path: Sequence[bytes] = acting.call(
        process, LedgerServiceStub, "GetInclusionProof", request
    ).path
    keys = known_keys(acting, process)
    found = Proven(index, entry, tuple(path), checkpoint.read(note, Verifier.parse(keys[0])), note)
    merkle.verify_inclusion(merkle.leaf_hash(entry), index, size, path, found.head.root)
    return found, keys
