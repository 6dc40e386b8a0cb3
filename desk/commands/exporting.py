"""A process's ledger, fetched by a reviewer and written as a bundle.

Every entry is hashed as it arrives; the bundle appears only if they give, together, the root
of the checkpoint that the process signed with its pinned key. That is stronger than a proof per
entry: nothing is left out, nothing added.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crypto.errors import CryptoError
from crypto.signing import VerifyKey
from desk.client.acting import Acting
from hedui.v1 import ledger_pb2 as pb
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
from ledger import checkpoint, merkle
from ledger.checkpoint import Checkpoint, origin_of
from ledger.errors import ExportError
from ledger.export import approved_policy, policy_digest, write_bundle
from ledger.note import Verifier
from model.federation import Federation
from runtime.errors import PeerFault
from runtime.witness.service import witness_verifiers

STREAM_TIMEOUT_S = 300.0
_A_CALL = 100_000


def verifier_of(federation: Federation, process: str, key_hex: str) -> Verifier:
    """The pinned key of a process's log."""
    return Verifier(origin_of(federation.name, process), VerifyKey(bytes.fromhex(key_hex)))


def fetch_checkpoint(acting: Acting, process: str) -> tuple[bytes, Checkpoint]:
    """The newest checkpoint, verified under the pinned key. Raises CallError, PeerFault."""
    peer = acting.dialer.peer(process)
    reply = acting.call(process, LedgerServiceStub, "GetCheckpoint", pb.GetCheckpointRequest())
    try:
        verifier = verifier_of(acting.federation, process, peer.verify_key)
        return reply.checkpoint, checkpoint.read(reply.checkpoint, verifier)
    except CryptoError as error:
        raise PeerFault(
            process, f"{process} shows a checkpoint that does not hold: {error}"
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
    write_bundle(
        target,
        origin=head.origin,
        size=head.size,
        entries=fetched.entries(),
        hashes=fetched.hashes(),
        checkpoints=sorted(notes.items()),
        keys=known_keys(acting, process),
        policies=_policies(acting, process, fetched.approved),
        extra=extra | _witnessed(acting, process),
    )
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
        raise ExportError(f"{process} does not show the policy {min(wanted)}, which it approved")


def known_keys(acting: Acting, process: str) -> list[str]:
    """The log's own key, and the pinned keys of everybody who may have cosigned it."""
    own = acting.dialer.peer(process).verify_key
    return [
        verifier_of(acting.federation, process, own).vkey(),
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
                    f"{self.process} shows entries that are not those of its own checkpoint"
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
            raise ExportError(f"{process} shows entries out of order")
        first += len(reply.leaves)
        yield from reply.leaves
