"""Where a reviewer reads a ledger: a running process, a bundle, a database file.

A running process's entries are hashed as they arrive and held against its signed checkpoints,
as in an export: what is shown here is what was signed, or the command fails.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crypto.errors import InvalidInput
from desk.client.acting import Acting
from desk.command import one_line
from desk.commands.exporting import STREAM_TIMEOUT_S, fetch_checkpoint, read_entries
from hedui.v1 import ledger_pb2 as pb
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
from ledger import checkpoint, merkle
from ledger.event import Entry, decode
from ledger.events import EVENTS
from ledger.verify.tree import Broken
from ledger.verify.verdict import open_log
from reviewer.bundle import BundleReader, Proven
from runtime.errors import PeerFault, SettingsError


@dataclass(frozen=True)
class Row:
    """An entry and its place."""

    index: int
    entry: Entry

    @property
    def words(self) -> str:
        """What the event says."""
        spec = EVENTS.get(self.entry.event)
        return spec.text if spec else self.entry.event

    @property
    def fields(self) -> str:
        """The fields in one line, in the entry's order."""
        return " ".join(f"{name}={plain(value)}" for name, value in self.entry.fields.items())

    def table(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        fields = dict(self.entry.fields)
        return {"index": self.index, "at": self.entry.at, "event": self.entry.event} | {
            "words": self.words,
            "fields": fields,
        }


def plain(value: Any) -> str:
    """A field's value: text as it is, its controls spelled out; everything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text)


def is_offline(place: str) -> bool:
    """Whether a command's argument is a bundle or a file, and not the name of a process."""
    path = Path(place)
    return path.is_file() or (path / "bundle.json").is_file() or "/" in place


def offline_rows(path: Path) -> Iterator[Row]:
    """Entries of a bundle or database file. Raises SettingsError where it is neither."""
    try:
        source = open_log(path)
    except Broken as broken:
        raise SettingsError(f"{path}: {broken.sentence}") from None
    try:
        for part in source.parts():
            for index, entry in enumerate(part.entries, part.first):
                yield Row(index, decode(entry))
    except Broken as broken:
        raise SettingsError(f"{path}: {broken.sentence}. Run `hedui ledger verify`") from None
    finally:
        source.close()


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
        _, head = fetch_checkpoint(self._acting, self._process)
        before = self._tree.size
        if head.size < before:
            raise PeerFault(self._process, f"{self._process} shows an older ledger than before")
        if head.size - before <= (1 if before else 0):
            return
        for entry in read_entries(self._acting, self._process, before, head.size):
            index = self._tree.size
            self._tree, _ = self._tree.extend([merkle.leaf_hash(entry)])
            if self._tree.size == head.size and self._tree.root() != head.root:
                raise PeerFault(
                    self._process, f"{self._process} shows entries that its checkpoint does not"
                )
            yield Row(index, decode(entry))
        if self._tree.size != head.size:
            raise PeerFault(self._process, f"{self._process} shows fewer entries than it signed")


def proven_live(acting: Acting, process: str, index: int) -> tuple[Proven, list[str]]:
    """One entry of a running process and its proof; and the vkeys that say whose it is.

    Raises InvalidInput, CallError, ProofError.
    """
    from desk.commands.exporting import known_keys

    note, head = fetch_checkpoint(acting, process)
    if index >= head.size:
        raise InvalidInput(f"there is no entry {index}: {process} has {head.size}")
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
    found = Proven(index, entry, tuple(path), _verified(note, keys[0]), note)
    merkle.verify_inclusion(merkle.leaf_hash(entry), index, size, path, found.head.root)
    return found, keys


def proven_offline(path: Path, index: int, keys: Sequence[str]) -> tuple[Proven, list[str]]:
    """The same from a bundle. ``keys`` are those to trust, else those beside the log."""
    reader = BundleReader(path)
    found = reader.proven(index)
    vkeys = list(keys) or reader.vkeys()
    own = next((k for k in vkeys if k.startswith(f"{found.head.origin}+")), "")
    if not own:
        raise SettingsError(f"no key of the log {found.head.origin} is known here")
    _verified(found.note, own)
    return found, vkeys


def _verified(note: bytes, vkey: str) -> checkpoint.Checkpoint:
    from ledger.note import Verifier

    return checkpoint.read(note, Verifier.parse(vkey))
