"""The coordinator's rounds: its log is shown to every process, and theirs to it.

Source: design.md 4.7, 4.8. Rounds go by the clock, and by whether the ledger has
grown by more than the rounds themselves; never by what a query matched.
A peer that does not answer is asked again in the next round. A peer that contradicts itself is
kept with both checkpoints (``peer.forked.v2``) and shown in the log; cases go on: a reviewer
decides.
"""

from typing import Any, Final

from crypto.errors import CryptoError
from hedui.v1 import ledger_pb2 as pb
from hedui.v1.ledger_pb2_grpc import WitnessServiceStub
from ledger import checkpoint, event
from ledger import log as entries_log
from ledger.checkpoint import origin_of
from ledger.errors import WitnessRefused
from model.federation import Process
from runtime.errors import CallError, Refused, SettingsError
from runtime.logging import Log
from runtime.storage.database import Database
from runtime.transport.channel import Dialer
from runtime.witness.service import Witnessing
from runtime.witness.verifiers import witness_verifier

_OWN: Final = frozenset({"peer.cosigned.v2", "peer.forked.v2", "peer.cosigned", "peer.forked"})


class WitnessExchange:
    """Exchanges checkpoints and cosignatures with every other process that has a witness key."""

    def __init__(
        self,
        witnessing: Witnessing,
        *,
        name: str,
        dialer: Dialer,
        database: Database,
        log: Log,
        timeout_s: float,
    ) -> None:
        self._witnessing = witnessing
        self._dialer = dialer
        self._database = database
        self._log = log
        self._timeout_s = timeout_s
        members = witnessing.federation.process
        self._peers = [p for p in members if p.name != name and p.cosign_key]
        self._known: dict[str, int] = {}
        self._late: set[str] = {p.name for p in self._peers}
        self._done = 0

    def round(self) -> None:
        """Exchange with everybody if something happened, else with those who did not answer."""
        grown = self._has_grown()
        for peer in self._peers:
            if grown or peer.name in self._late:
                self._one(peer)
        with self._database.read() as conn:
            self._done = entries_log.size(conn)

    def _has_grown(self) -> bool:
        """Whether there are entries since the last round that are not its own."""
        with self._database.read() as conn:
            entries = entries_log.entries(conn, self._done, entries_log.size(conn))
            return any(event.decode(entry).event not in _OWN for entry in entries)

    def _one(self, peer: Process) -> None:
        self._late.add(peer.name)
        try:
            self._show_ours(peer)
            self._see_theirs(peer)
        except Refused as refused:
            self._log.error("witness.refused", peer=peer.name, reason=str(refused.reason))
        except (CallError, SettingsError) as error:
            self._log.warning("witness.unanswered", peer=peer.name, error=type(error).__name__)
            return
        except WitnessRefused as error:
            self._log.error("witness.contradicted", peer=peer.name, error=type(error).__name__)
        except CryptoError as error:
            self._log.error("witness.invalid", peer=peer.name, error=type(error).__name__)
        self._late.discard(peer.name)

    def _show_ours(self, peer: Process) -> None:
        reply, size = self._add(peer)
        if not reply.cosignature:
            # It has seen another size than we remember: once more, with a proof from there.
            self._known[peer.name] = reply.size
            reply, size = self._add(peer)
        self._known[peer.name] = reply.size
        witness = witness_verifier(self._witnessing.federation, peer)
        if witness is not None and reply.cosignature:
            self._witnessing.keep(size, reply.cosignature, witness)

    def _add(self, peer: Process) -> tuple[pb.AddCheckpointReply, int]:
        old = self._known.get(peer.name, 0)
        head, note, proof = self._witnessing.present(old)
        request = pb.AddCheckpointRequest(checkpoint=note, old_size=old, proof=proof)
        return self._call(peer, "AddCheckpoint", request), head.size

    def _see_theirs(self, peer: Process) -> None:
        origin = origin_of(self._witnessing.federation.name, peer.name)
        seen = self._witnessing.seen(origin)
        old = seen.checkpoint.size if seen else 0
        reply = self._call(peer, "ShowCheckpoint", pb.ShowCheckpointRequest(old_size=old))
        line = self._witnessing.cosign(reply.checkpoint, list(reply.proof)).line()
        size = checkpoint.unverified(reply.checkpoint)[0].size
        keep = pb.KeepCosignatureRequest(size=size, cosignature=line)
        self._call(peer, "KeepCosignature", keep)

    def _call(self, peer: Process, method: str, request: Any) -> Any:
        return self._dialer.call(
            peer.name, WitnessServiceStub, method, request, timeout_s=self._timeout_s
        )
