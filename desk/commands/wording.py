"""One entry for people: the leaf in words and bytes, its proof, who signed and cosigned."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from crypto.errors import CryptoError
from desk.commands.reading import Row, plain
from ledger import cosignature, merkle
from ledger.event import decode
from ledger.note import KeyType, Verifier, parse_note
from reviewer.bundle import Proven


def describe(found: Proven, keys: Sequence[str]) -> dict[str, Any]:
    """Everything about a proven entry; its proof and the log's signature have been verified."""
    row = Row(found.index, decode(found.entry))
    return row.table() | {
        "entry": found.entry.decode(),
        "leaf_hash": merkle.leaf_hash(found.entry).hex(),
        "path": [node.hex() for node in found.path],
        "origin": found.head.origin,
        "size": found.head.size,
        "root": found.head.root.hex(),
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
        at = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found.append({"witness": witness.name, "at": at})
    return found


def print_entry(found: dict[str, Any]) -> None:
    """Print what ``describe`` gave."""
    out = sys.stdout
    out.write(f"entry {found['index']} of {found['origin']}, {found['at']}\n")
    out.write(f"{found['event']}: {found['words']}\n")
    for name, value in found["fields"].items():
        out.write(f"  {name}: {plain(value)}\n")
    out.write(f"\nbytes:     {found['entry']}\nleaf hash: {found['leaf_hash']}\n")
    out.write(f"proof to the root of {found['size']} entries, verified:\n")
    for node in found["path"]:
        out.write(f"  {node}\n")
    out.write(f"\ncheckpoint, its signature verified:\n{found['checkpoint']}\n")
    for each in found["cosignatures"]:
        out.write(f"cosigned by {each['witness']} at {each['at']}, verified\n")
    if not found["cosignatures"]:
        out.write("cosigned by nobody yet\n")
