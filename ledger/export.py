"""Writing a log out as a bundle: a folder of plain files for a reviewer who is offline.

    bundle.json                      format, origin, numbers of entries and checkpoints, chunk
    entries/000000000000.jsonl       entries 0 to 65535, each its exact bytes and a line break
    hashes/000000000000.bin          the stored hashes for them, 32 bytes each, in post-order
    checkpoints/000000000007.note    signed notes, cosignatures included, named by size
    keys/0.vkey                      public keys of log and witnesses
    policies/<digest>.toml           every policy that an entry approves, its exact bytes
    extra/...                        what the caller adds: the federation file

Trusts: nobody; the verifier re-hashes all of it. bundle.json is a table of contents, not proof.
The folder appears under its name when it is complete, or not at all. Memory stays flat.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

from crypto import jcs
from crypto.errors import CryptoError
from crypto.labels import Label, digest
from ledger import event
from ledger.errors import ExportError
from ledger.merkle import node_count

FORMAT = "hedui-bundle/1"
CHUNK = 1 << 16


@dataclass(frozen=True)
class Contents:
    """What a bundle holds."""

    origin: str
    """The log's name."""
    size: int
    """Number of entries to write; ``entries`` gives as many, ``hashes`` its nodes."""
    entries: Iterable[bytes]
    """Exact entries, from 0 on."""
    hashes: Iterable[bytes]
    """All stored hashes for them in post-order, 32 bytes each."""
    checkpoints: Iterable[tuple[int, bytes]]
    """Size and signed note, ascending; at least one should cover ``size``."""
    keys: Iterable[str]
    """vkey lines."""
    policies: Iterable[bytes] = ()
    """Exact bytes of those that entries approve; asked for after all entries."""
    extra: Mapping[str, bytes] = field(default_factory=dict)
    """File name to contents, for the folder ``extra``."""


def write_bundle(target: Path, log: Contents, *, chunk: int = CHUNK) -> None:
    """Write the bundle ``target``, a folder that does not exist yet.

    Args:
        target: Its parent exists.
        log: What is written.
        chunk: Entries per file, a multiple of 1024.

    Raises ExportError, and leaves nothing behind.
    """
    if target.exists():
        raise ExportError(f"{target} already exists; name another folder")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.mkdir()
        _write_log(part, log.size, iter(log.entries), iter(log.hashes), chunk)
        count = _write_notes(part, log.checkpoints)
        _write_files(
            part / "keys", {f"{i}.vkey": f"{k}\n".encode() for i, k in enumerate(log.keys)}
        )
        _write_files(part / "policies", {f"{policy_digest(p)}.toml": p for p in log.policies})
        _write_files(part / "extra", log.extra)
        about: dict[str, jcs.Json] = {"format": FORMAT, "origin": log.origin, "chunk": chunk}
        about |= {"entries": log.size, "checkpoints": count}
        (part / "bundle.json").write_bytes(jcs.encode(about) + b"\n")
        os.sync()
        part.rename(target)
    except (OSError, CryptoError) as error:
        raise ExportError(f"bundle {target} could not be written: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def policy_digest(policy: bytes) -> str:
    """The digest by which entries name a policy, hex."""
    return digest(Label.POLICY, policy).hex()


def approved_policy(entry: bytes) -> str:
    """The digest of the policy that an entry approves; empty for any other entry."""
    if b'"event":"policy.approved"' not in entry:
        return ""
    found = event.decode(entry)
    return str(found.fields["policy"]) if found.event == "policy.approved" else ""


def _write_log(
    part: Path, size: int, entries: Iterator[bytes], hashes: Iterator[bytes], chunk: int
) -> None:
    (part / "entries").mkdir()
    (part / "hashes").mkdir()
    for first in range(0, size, chunk):
        stop = min(first + chunk, size)
        with (part / "entries" / f"{first:012d}.jsonl").open("wb") as file:
            _write_entries(file, first, stop, entries)
        with (part / "hashes" / f"{first:012d}.bin").open("wb") as file:
            _write_hashes(file, node_count(stop) - node_count(first), hashes)


def _write_entries(file: IO[bytes], first: int, stop: int, entries: Iterator[bytes]) -> None:
    index = first
    for entry in islice(entries, stop - first):
        if b"\n" in entry:
            raise ExportError(f"entry {index} was modified: it holds a line break")
        file.write(entry + b"\n")
        index += 1
    if index != stop:
        raise ExportError(f"entry {index} is missing")


def _write_hashes(file: IO[bytes], count: int, hashes: Iterator[bytes]) -> None:
    written = sum(file.write(value) for value in islice(hashes, count))
    if written != 32 * count:
        raise ExportError("a stored hash is missing or is not 32 bytes long")


def _write_notes(part: Path, checkpoints: Iterable[tuple[int, bytes]]) -> int:
    (part / "checkpoints").mkdir()
    count = 0
    for count, (size, note) in enumerate(checkpoints, start=1):  # noqa: B007
        (part / "checkpoints" / f"{size:012d}.note").write_bytes(note)
    return count


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        if Path(name).name != name or name.startswith("."):
            raise ExportError(f"{name!r} is not a plain file name")
        (folder / name).write_bytes(data)
