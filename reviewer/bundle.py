"""Reading a bundle that was verified: one entry, one proof, what belongs to a query.

Trusts: ``ledger.verify``, which the caller ran before. Memory stays flat.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from crypto.errors import InvalidInput
from ledger import checkpoint, merkle
from ledger.checkpoint import Checkpoint, process_of
from ledger.errors import ExportError
from ledger.export import FORMAT

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Proven:
    """An entry with what proves it: ``path`` from leaf to root; ``note`` signs ``head``."""

    index: int
    entry: bytes
    path: tuple[bytes, ...]
    head: Checkpoint
    note: bytes


class BundleReader:
    """Random access to a bundle."""

    def __init__(self, folder: Path) -> None:
        """Raises ExportError for a folder that is no bundle."""
        self.folder = folder
        try:
            about: dict[str, Any] = json.loads((folder / "bundle.json").read_bytes())
            self.origin = str(about["origin"])
            self.size, self._chunk = int(about["entries"]), int(about["chunk"])
            if about["format"] != FORMAT:
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            raise ExportError(f"{folder} is not a bundle") from None

    @property
    def process(self) -> str:
        """The last part of the origin."""
        return process_of(self.origin)

    def entries(self, first: int = 0) -> Iterator[tuple[int, bytes]]:
        """Index and exact bytes from ``first`` on."""
        start = first // self._chunk * self._chunk
        for begin in range(start, self.size, self._chunk):
            with (self.folder / "entries" / f"{begin:012d}.jsonl").open("rb") as file:
                for index, line in enumerate(file, begin):
                    if index >= first:
                        yield index, line[:-1]

    def entry(self, index: int) -> bytes:
        """The exact bytes of one entry. Raises InvalidInput if there is none."""
        if not 0 <= index < self.size:
            raise InvalidInput(f"there is no entry {index}: {self.folder} has {self.size}")
        return next(islice(self.entries(index), 1))[1]

    def checkpoints(self) -> list[tuple[Checkpoint, bytes]]:
        """Every checkpoint with its note, by size."""
        notes = [path.read_bytes() for path in self.folder.glob("checkpoints/*.note")]
        found = [(checkpoint.unverified(note)[0], note) for note in notes]
        return sorted(found, key=lambda each: each[0].size)

    def vkeys(self) -> list[str]:
        """The vkey lines that lie in the bundle."""
        return [p.read_text().strip() for p in sorted(self.folder.glob("keys/*.vkey"))]

    def policy(self, digest: str) -> bytes | None:
        """The exact bytes of a policy; None where it is not here.

        ``digest`` is what an entry says, which may be a path to somewhere else.
        """
        if _DIGEST.fullmatch(digest) is None:
            return None
        path = self.folder / "policies" / f"{digest}.toml"
        return path.read_bytes() if path.is_file() else None

    def proven(self, index: int) -> Proven:
        """An entry and its proof, to the checkpoint that most witnesses signed, else the newest.

        Raises InvalidInput where no checkpoint covers the entry.
        """
        entry = self.entry(index)
        covering = [each for each in self.checkpoints() if each[0].size > index]
        if not covering:
            raise InvalidInput(f"no checkpoint covers entry {index} of {self.folder}")
        head, note = max(covering, key=lambda each: (each[1].count(b"\n"), each[0].size))
        path = tuple(merkle.inclusion(index, head.size, self._nodes))
        merkle.verify_inclusion(merkle.leaf_hash(entry), index, head.size, path, head.root)
        return Proven(index, entry, path, head, note)

    def _nodes(self, numbers: Sequence[int]) -> list[bytes]:
        return [self._node(number) for number in numbers]

    def _node(self, number: int) -> bytes:
        begin = 0
        while merkle.node_count(begin + self._chunk) <= number:
            begin += self._chunk
        with (self.folder / "hashes" / f"{begin:012d}.bin").open("rb") as file:
            file.seek(merkle.HASH_BYTES * (number - merkle.node_count(begin)))
            return file.read(merkle.HASH_BYTES)
