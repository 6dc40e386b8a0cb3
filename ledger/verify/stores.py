"""Where the offline verifier finds ledgers: bundles and SQLite files.

Shares no code with the writer: Python's library alone. Nothing is written, and nothing that
is read is believed: the stores only name what is not there.
"""

import json
import sqlite3
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ledger.verify.notes import Note, parse_note, small
from ledger.verify.policies import FOLDER, MAX_POLICY
from ledger.verify.tree import BLOCK, Broken, Part, node_count

FORMAT: Final = "hedui-bundle/1"
MAX_ENTRY: Final = 16 << 10


def _cut(stored: bytes) -> list[bytes]:
    """Hashes of 32 bytes; a rest that is shorter stays as it is, and fits nothing."""
    count, rest = divmod(len(stored), 32)
    return list(struct.unpack("32s" * count + f"{rest}s" * bool(rest), stored))


def _unbroken(stored: list[tuple[int, bytes]], start: int) -> list[bytes]:
    """The hashes up to the first number that is left out."""
    if not stored or stored[-1][0] == start + len(stored) - 1 == stored[0][0] + len(stored) - 1:
        return [node for _, node in stored]
    return [node for i, (pos, node) in enumerate(stored) if pos == start + i]


def read_policies(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file in the folder's ``policies``. Raises OSError, ValueError."""
    for path in sorted(folder.glob(f"{FOLDER}/*")):
        yield path.name, small(path, MAX_POLICY)


class Bundle:
    """A folder: bundle.json, entries/, hashes/, checkpoints/, keys/, policies/."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            about = json.loads(small(folder / "bundle.json"))
            self.entries, self._chunk = int(about["entries"]), int(about["chunk"])
            self._checkpoints = int(about["checkpoints"])
            if about["format"] != FORMAT or self._chunk % BLOCK or self._chunk < 1:
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            raise Broken("unreadable", -1, f"{folder}/bundle.json is not a bundle's") from None

    def parts(self) -> Iterator[Part]:
        """Entries from the first on, in blocks. Raises Broken where they end wrongly."""
        for first in range(0, self.entries, self._chunk):
            self._demand(first)
            with (
                self._path("entries", first).open("rb") as entries,
                self._path("hashes", first).open("rb") as hashes,
            ):
                stop = min(first + self._chunk, self.entries)
                yield from self._read(first, stop, entries, hashes)
        beyond = [p for p in self._folder.glob("entries/*.jsonl") if int(p.stem) >= self.entries]
        if beyond:
            raise Broken("modified", self.entries, f"entries were added from {self.entries} on")

    def _read(self, first: int, stop: int, entries: Any, hashes: Any) -> Iterator[Part]:
        while first < stop:
            want = min(BLOCK, stop - first)
            lines = list(islice(entries, want))
            if lines and not lines[-1].endswith(b"\n"):
                lines.pop()
            stored = hashes.read(32 * (node_count(first + want) - node_count(first)))
            after = self._short(first + len(lines), stop) if len(lines) < want else None
            yield Part(first, [line[:-1] for line in lines], _cut(stored), after)
            first += want
        if entries.read(1):
            raise Broken("modified", stop, f"an entry was added after entry {stop - 1}")
        if hashes.read(1):
            raise Broken("modified", stop, f"a stored hash was added after entry {stop - 1}")

    def _short(self, index: int, stop: int) -> Broken:
        if stop == self.entries:
            return Broken("truncated", index, f"the ledger ends before entry {index}, not {stop}")
        return Broken("missing", index, f"entries {index} to {stop - 1} are missing")

    def _demand(self, first: int) -> None:
        there = [kind for kind in ("entries", "hashes") if self._path(kind, first).is_file()]
        if len(there) == 2:
            if self._path("entries", first).stat().st_size > self._chunk * (MAX_ENTRY + 1):
                raise Broken("modified", first, f"the file of entries {first} on is too large")
            return
        if there:
            lost = "the entries" if there == ["hashes"] else "the stored hashes of the entries"
            raise Broken("missing", first, f"{lost} from {first} on are missing")
        if any(int(path.stem) > first for path in self._folder.glob("entries/*.jsonl")):
            raise Broken("gap", first, f"there is a gap: entries from {first} on are not there")
        raise Broken("truncated", first, f"the ledger ends before entry {first}")

    def _path(self, kind: str, first: int) -> Path:
        return self._folder / kind / f"{first:012d}.{'jsonl' if kind == 'entries' else 'bin'}"

    def notes(self) -> Iterator[Note]:
        """Checkpoints by size."""
        paths = sorted(self._folder.glob("checkpoints/*.note"))
        if len(paths) < self._checkpoints:
            lost = self._checkpoints - len(paths)
            raise Broken("missing", -1, f"{lost} of {self._checkpoints} checkpoints are missing")
        sizes = sorted((parse_note(small(path), path.name).size, path) for path in paths)
        return (parse_note(small(path), path.name) for _, path in sizes)

    def vkeys(self) -> list[str]:
        """The vkey lines that lie beside the log."""
        return [small(path).decode() for path in sorted(self._folder.glob("keys/*.vkey"))]

    def policies(self) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of every policy."""
        return read_policies(self._folder)

    def close(self) -> None:
        """Nothing stays open."""


class Stored:
    """The SQLite file of a process, read as one snapshot and never written."""

    def __init__(self, path: Path) -> None:
        # Without a write-ahead log beside it the file is all there is, and may lie on a medium
        # that cannot be written to.
        wal = path.with_name(path.name + "-wal")
        mode = "mode=ro" if wal.exists() and wal.stat().st_size else "mode=ro&immutable=1"
        uri = f"{path.absolute().as_uri()}?{mode}"
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None)
        self._db.execute("BEGIN")
        (last,) = self._db.execute("SELECT max(idx) FROM ledger_leaf").fetchone()
        self.entries = 0 if last is None else last + 1

    def parts(self) -> Iterator[Part]:
        """Entries from the first on, in blocks. Raises Broken where they end wrongly."""
        leaves = self._db.execute("SELECT idx, entry FROM ledger_leaf ORDER BY idx")
        nodes = self._db.execute("SELECT pos, hash FROM ledger_node ORDER BY pos")
        first = 0
        while rows := leaves.fetchmany(BLOCK):
            good = self._in_row(rows, first)
            after = self._hole(first + good, rows[good][0]) if good < len(rows) else None
            stored = nodes.fetchmany(node_count(first + len(rows)) - node_count(first))
            hashes = _unbroken(stored, node_count(first))
            entries = [entry for _, entry in rows[:good]]
            if set(map(type, entries)) - {bytes}:
                good = next(i for i, entry in enumerate(entries) if type(entry) is not bytes)
                after = Broken("modified", first + good, f"entry {first + good} is not bytes")
                entries = entries[:good]
            yield Part(first, entries, hashes, after)
            first += good
        if nodes.fetchone() is not None:
            raise Broken(
                "truncated", first, f"the ledger ends before entry {first}; its hash stands"
            )

    def _in_row(self, rows: list[tuple[int, bytes]], first: int) -> int:
        if rows[0][0] == first and rows[-1][0] == first + len(rows) - 1:
            return len(rows)
        return next(i for i, (index, _) in enumerate(rows) if index != first + i)

    def _hole(self, index: int, found: int) -> Broken:
        if found < index:
            return Broken("modified", index, f"an entry numbered {found} was added")
        row = "SELECT 1 FROM ledger_node WHERE pos = ?"
        if self._db.execute(row, (node_count(index),)).fetchone():
            return Broken("missing", index, f"entries {index} to {found - 1} are missing")
        return Broken("gap", index, f"there is a gap: no trace of entries {index} to {found - 1}")

    def notes(self) -> Iterator[Note]:
        """Checkpoints by size."""
        for size, data in self._db.execute(
            "SELECT size, note FROM ledger_checkpoint ORDER BY size"
        ):
            rows = "SELECT line FROM ledger_cosignature WHERE size = ? ORDER BY witness"
            lines = b"".join(line for (line,) in self._db.execute(rows, (size,)))
            note = parse_note(bytes(data) + lines, f"of size {size}")
            if note.size != size:
                raise Broken("modified", size, f"checkpoint {note.where} was modified: other size")
            yield note

    def vkeys(self) -> list[str]:
        """The vkey lines that lie beside the log."""
        return [vkey for (vkey,) in self._db.execute("SELECT vkey FROM ledger_key ORDER BY vkey")]

    def policies(self) -> Iterator[tuple[str, bytes]] | None:
        """Name and bytes of every policy; None for a database that holds a ledger alone."""
        table = "SELECT 1 FROM sqlite_master WHERE name = 'policy'"
        if self._db.execute(table).fetchone() is None:
            return None
        rows = self._db.execute("SELECT digest, body FROM policy ORDER BY digest")
        return ((f"{digest}.toml", bytes(body)) for digest, body in rows)

    def close(self) -> None:
        """Close what is open."""
        self._db.close()
