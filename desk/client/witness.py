"""A reviewer's own witness: asks processes for their checkpoints, and remembers.

Source: design.md 4.8.
What extends what it saw last is kept, cosigned under the reviewer's key; of what does not, both
sides. The cosignature is left with the process as well, so that its bundles show it to everybody.
Nobody in the federation has a say in what it remembers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crypto.errors import CryptoError
from crypto.rng import system_rng
from crypto.signing import SigningKey
from desk.client.acting import Acting
from hedui.v1 import ledger_pb2 as pb
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub, WitnessServiceStub
from ledger.checkpoint import origin_of, unverified
from ledger.witness import Seen, Witness
from ledger.witness_files import FileMemory
from model.messages import gettext as _
from runtime.errors import CallError, KeyFileError, SettingsError
from runtime.site.endpoints import write_atomically
from runtime.site.identity import read_secret, write_secret
from runtime.witness.verifiers import log_verifiers, witness_name


@dataclass(frozen=True)
class Look:
    """What came of asking one process.

    Attributes:
        outcome: ``grown``, also by nothing; ``unseen``: it could not be asked; ``contradicted``:
            what it showed does not follow from what was seen, and both are kept.
        size: Entries that it signed for; of ``grown`` alone.
        new: Of them, those since the look before.
        why: Why it was not seen, or what contradicts.
        not_left: Why the process did not keep the cosignature; empty where it did, and where the
            federation file pins no key for this witness.
    """

    process: str
    outcome: Literal["grown", "unseen", "contradicted"]
    size: int = 0
    new: int = 0
    why: str = ""
    not_left: str = ""


@dataclass(frozen=True)
class OwnWitness:
    """A witness with its memory, and the person whose it is."""

    acting: Acting
    witness: Witness
    memory: FileMemory

    @property
    def pinned(self) -> bool:
        """Whether the federation file pins its key: else nobody takes what it cosigns."""
        return bool(self.acting.member.cosign_key)

    def look(self, process: str) -> Look:
        """Ask one process; whatever it shows, it is an outcome and no error."""
        seen = self.memory.load(origin_of(self.acting.federation.name, process))
        try:
            return self._ask(process, seen)
        except (CallError, SettingsError) as error:
            return Look(process, "unseen", why=str(error))

    def _ask(self, process: str, seen: Seen | None) -> Look:
        request = pb.GetCheckpointRequest()
        note = self.acting.call(process, LedgerServiceStub, "GetCheckpoint", request).checkpoint
        old = seen.checkpoint.size if seen else 0
        try:
            size = unverified(note)[0].size
            proof = self._proof(process, old, size)
            now_s = int(self.acting.clock.now().timestamp())
            signature = self.witness.cosign(note, proof, now_s=now_s)
            self.memory.keep_cosigned(note, signature)
        except CryptoError as error:
            if seen is not None:
                self.memory.keep_fork(seen.checkpoint.origin, seen.note, note)
            return Look(process, "contradicted", why=str(error))
        not_left = self._leave(process, size, signature.line()) if self.pinned else ""
        return Look(process, "grown", size, size - old, not_left=not_left)

    def _proof(self, process: str, old: int, new: int) -> Sequence[bytes]:
        if not 0 < old < new:
            return []
        request = pb.GetConsistencyProofRequest(old_size=old, new_size=new)
        reply = self.acting.call(process, LedgerServiceStub, "GetConsistencyProof", request)
        return list(reply.path)

    def _leave(self, process: str, size: int, line: bytes) -> str:
        """Leave the cosignature with the log that it is about; return why it was not kept."""
        request = pb.KeepCosignatureRequest(size=size, cosignature=line)
        try:
            self.acting.call(process, WitnessServiceStub, "KeepCosignature", request)
        except CallError as error:
            return str(error)
        return ""


def open_witness(acting: Acting, folder: Path) -> OwnWitness:
    """Memory and key of this witness; the folder is made where there is none.

    One key has one memory. Raises SettingsError for another witness's folder, KeyFileError where
    the key that the federation file pins is not there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    memory = FileMemory(folder)
    name = witness_name(acting.federation.name, acting.identity.name)
    logs = log_verifiers(acting.federation)
    witness = Witness(name, _key(acting, folder), logs=logs, store=memory)
    path, vkey = folder / "witness.vkey", witness.verifier.vkey()
    if path.is_file() and path.read_text().strip() != vkey:
        raise SettingsError(
            _("{folder} is the memory of another witness; name another folder", folder=folder)
        )
    write_atomically(path, vkey.encode() + b"\n")
    return OwnWitness(acting, witness, memory)


def _key(acting: Acting, folder: Path) -> SigningKey:
    """The key that the federation file pins for this reviewer; where it pins none, the folder's."""
    if acting.member.cosign_key:
        if acting.identity.cosign_key is None:
            name = acting.identity.name
            raise KeyFileError(
                _(
                    "people/{name}/cosign.key is missing: the federation file expects the witness "
                    "of {name} to use it. Run the witness where that key is, or put it back",
                    name=name,
                )
            )
        return acting.identity.cosign_key
    path = folder / "witness.key"
    if not path.exists():
        write_secret(path, system_rng(32))
    return SigningKey(read_secret(path))
