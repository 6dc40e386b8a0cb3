"""Entries of a ledger as a reviewer reads them: a bundle, or a database file, offline.

Trusts: the keys that the caller hands in, else those beside the log, and says so nowhere: the
caller does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crypto.errors import CryptoError
from ledger import checkpoint, cosignature, merkle
from ledger.event import Entry, decode
from ledger.events import EVENTS
from ledger.note import KeyType, Verifier, parse_note
from ledger.verify.tree import Broken
from ledger.verify.verdict import open_log
from model.fields import format_time
from reviewer.bundle import BundleReader, Proven
from runtime.errors import SettingsError


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

    def table(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        fields = dict(self.entry.fields)
        return {"index": self.index, "at": self.entry.at, "event": self.entry.event} | {
            "words": self.words,
            "fields": fields,
        }


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


def proven_offline(path: Path, index: int, keys: Sequence[str]) -> tuple[Proven, list[str]]:
    """The same from a bundle. ``keys`` are those to trust, else those beside the log."""
    reader = BundleReader(path)
    found = reader.proven(index)
    vkeys = list(keys) or reader.vkeys()
    own = next((k for k in vkeys if k.startswith(f"{found.head.origin}+")), "")
    if not own:
        raise SettingsError(f"no key of the log {found.head.origin} is known here")
    checkpoint.read(found.note, Verifier.parse(own))
    return found, vkeys


def describe(found: Proven, keys: Sequence[str]) -> dict[str, Any]:
    """Everything about a proven entry; its proof and the log's signature have been verified."""
    row = Row(found.index, decode(found.entry))
    return row.table() | {
        "entry": found.entry.decode(),
        "leaf_hash": merkle.leaf_hash(found.entry).hex(),
        "path": [node.hex() for node in found.path],
        **found.head.fields(),
        "checkpoint": found.note.decode(),
        "cosignatures": _cosignatures(found.note, keys),
    }


def _cosignatures(data: bytes, keys: Sequence[str]) -> list[dict[str, str]]:
    """Witness and time of every cosignature that holds under one of ``keys``."""
    note, found = parse_note(data), []
    for witness in map(Verifier.parse, keys):
        if witness.type is not KeyType.COSIGNATURE:
            continue
        try:
            time_s = cosignature.verify(note, witness)
        except CryptoError:
            continue
        at = format_time(datetime.fromtimestamp(time_s, UTC))
        found.append({"witness": witness.name, "at": at})
    return found
