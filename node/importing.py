"""Import of one resource: the whole file is checked first, then swapped in in one transaction.

Nothing is half-written: a fault in the file, a crash or a full disk leaves the old rows.
The uploaded file lies in the node's data folder while it is read, mode 0600, and is removed.
"""

import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from crypto.rng import Rng
from crypto.sealing import AtRestKey
from model.fields import format_time
from model.reasons import Reason
from node.index import store as index
from node.records import store as records
from node.records.mapping import Mapping, parse_mapping
from node.records.problems import ImportProblem, MappingProblem
from node.records.reading import Record, read_csv
from node.records.store import Resource
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.storage.database import Database
from runtime.storage.salting import Salted
from runtime.storage.store import keep_reveals
from runtime.storage.writer import Tx, Writer

_PREFIX = "import-"
_STEP = 2000
_MAX_SENTENCE = 4000


@dataclass(frozen=True)
class Imported:
    """What an import did. ``not_indexed`` counts persons of the whole node."""

    resource: str
    rows: int
    persons: int
    not_indexed: int


@dataclass(frozen=True)
class Importer:
    """Imports CSV files into one node's records."""

    data_folder: Path
    database: Database
    writer: Writer
    clock: Clock
    kek: AtRestKey
    rng: Rng
    department: str
    departments: Collection[str]
    """All of the federation: a resource named after another's is refused."""
    epoch: int
    max_csv_bytes: int
    write_timeout_s: float

    def run(self, mapping: bytes, pieces: Iterable[bytes], *, person: str) -> Imported:
        """Import one resource.

        Args:
            mapping: Exact bytes of the mapping TOML.
            pieces: The CSV file, in order.
            person: The admin who acts; stands in the ledger as a commitment.

        Raises:
            Refusal: import_invalid, with up to ten faults by line and column.
        """
        try:
            described = parse_mapping(mapping)
            self._check(described)
            found = self._read(described, pieces)
        except ImportProblem as problem:
            raise Refusal(Reason.IMPORT_INVALID, str(problem)[:_MAX_SENTENCE]) from None
        resource = _resource(described, mapping, len(found), format_time(self.clock.now()))
        salted = Salted(rng=self.rng)
        actor = salted.commit("person", person)
        sealed = salted.seal(self.kek)

        def swap(tx: Tx) -> None:
            records.replace_resource(tx.conn, resource)
            index.forget_missing(tx.conn)
            entry = tx.append(
                "resource.imported",
                resource=resource.resource,
                data_date=resource.data_date,
                person=actor,
            )
            keep_reveals(tx.conn, entry, sealed)

        try:
            self._stage(found)
            self.writer.run(swap, timeout_s=self.write_timeout_s)
        except BaseException:
            # Where even this fails, the next import or start clears first.
            with suppress(Refusal):
                self.clear()
            raise
        return self._report(resource)

    def _check(self, mapping: Mapping) -> None:
        """What a mapping alone cannot know: the day, and who serves what."""
        where = f"mapping of {mapping.resource}"
        # East of Greenwich the department's day begins before the clock's.
        if mapping.data_date > self.clock.now().date() + timedelta(days=1):
            raise MappingProblem(
                f'{where}: key "data_date": {mapping.data_date} is still to come; write the day of '
                "these data"
            )
        owner = mapping.resource.partition(".")[0]
        if owner != self.department and owner in self.departments:
            raise MappingProblem(
                f'{where}: key "resource": by its name this is of {owner}, and this node '
                f"serves {self.department}: is it the right file, and the right node (--node)?"
            )

    def clear(self) -> None:
        """Forget what an import that was cut off has left: its upload, and its staged rows."""
        _remove_leftovers(self.data_folder)
        self.writer.run(lambda tx: records.clear_staged(tx.conn), timeout_s=self.write_timeout_s)

    def _stage(self, found: Sequence[Record]) -> None:
        # In small steps: queries write to the ledger in between.
        self.clear()
        for start in range(0, len(found), _STEP):
            part = found[start : start + _STEP]
            self.writer.run(lambda tx, part=part: records.stage(tx.conn, part))  # type: ignore[misc]

    def _report(self, resource: Resource) -> Imported:
        with self.database.read() as conn:
            persons = records.count_persons_of(conn, resource.resource)
            waiting = index.count_pending(conn, self.epoch)
        return Imported(resource.resource, resource.row_count, persons, waiting)

    def _read(self, mapping: Mapping, pieces: Iterable[bytes]) -> list[Record]:
        with _temporary(self.data_folder) as (file, path):
            self._receive(file, pieces)
            today = self.clock.now().date()
            return read_csv(path, mapping, source=f"CSV of {mapping.resource}", today=today)

    def _receive(self, file: BinaryIO, pieces: Iterable[bytes]) -> None:
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > self.max_csv_bytes:
                raise ImportProblem(
                    f"the file has more than {self.max_csv_bytes} bytes: split it into resources, "
                    "or raise max_csv_bytes in process.toml"
                )
            file.write(piece)
        file.flush()


def _remove_leftovers(data_folder: Path) -> None:
    for path in data_folder.glob(f"{_PREFIX}*.csv"):
        path.unlink(missing_ok=True)


@contextmanager
def _temporary(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".csv", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def _resource(mapping: Mapping, source: bytes, rows: int, now: str) -> Resource:
    return Resource(
        resource=mapping.resource,
        title=mapping.title,
        title_zh=mapping.title_zh,
        unit=str(mapping.unit),
        has_amount=mapping.columns.amount is not None,
        has_period=mapping.columns.period is not None,
        data_date=mapping.data_date.isoformat(),
        imported_at=now,
        row_count=rows,
        mapping=source,
    )
