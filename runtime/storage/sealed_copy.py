"""A copy of a database's rows, sealed while it is written: nothing of it touches the disk in clear.

Source: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): records of AES-256-GCM,
each bound to its number and to whether it is the last, so that a copy that was cut, swapped or
continued does not open. Their key is fresh, and wrapped under the process's ``kek``.
Learns: whoever has the file, its length. Whoever has ``kek`` too, everything but what is never
copied (``schema.NEVER_COPIED``).
Both engines give one format: lines of JSON. First whose it is; then of each table its name,
columns and the statements that make it, its rows, and their number. Memory stays flat.
"""

import base64
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from sqlalchemy import Connection, inspect, text

from crypto.errors import OpenError
from crypto.labels import Label
from crypto.rng import Rng
from crypto.sealing import (
    AT_REST_OVERHEAD,
    KEY_BYTES,
    AtRestKey,
    open_at_rest,
    seal_at_rest,
    unwrap_key,
    wrap_key,
)
from runtime.storage.faults import DatabaseUnusable

_MAGIC: Final = b"hedui sealed copy 1\n"
_WRAPPED: Final = KEY_BYTES + AT_REST_OVERHEAD
_CHUNK: Final = 1 << 16
_PAGE: Final = 1000


@dataclass(frozen=True)
class WrapKey:
    """The key that a copy's own key is wrapped under, and randomness for both."""

    kek: AtRestKey
    rng: Rng


@dataclass(frozen=True)
class CopiedTable:
    """One table of a copy: what makes it, and its rows as the driver gave them."""

    name: str
    columns: tuple[str, ...]
    made_by: tuple[str, ...]
    rows: Iterator[list[Any]]


def write_copy(
    connection: Connection, path: Path, *, version: int, tables: Sequence[str], key: WrapKey
) -> None:
    """Write the rows of ``tables``, in this order, into the new file ``path``, mode 0600.

    Synced when it returns. ``version`` stands in the first line. Raises OSError.
    """
    head = {"version": version, "engine": connection.dialect.name}
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        _seal(file, _lines(connection, head, tables), key)
        file.flush()
        os.fsync(file.fileno())


def read_copy(path: Path, kek: AtRestKey) -> tuple[dict[str, Any], Iterator[CopiedTable]]:
    """Open a copy: its first line, and its tables; each one's rows are read before the next.

    Raises OpenError where it was changed, is not whole or is sealed under another key.
    """
    lines = _split(_opened(path, kek))
    return _json(next(lines, b"")), _tables(lines)


def unseal(path: Path, target: Path, *, kek: AtRestKey) -> int:
    """Write a copy into the new SQLite file ``target``; return the number of its rows.

    Out of SQLite it has the very tables that were copied; out of PostgreSQL, columns without types.
    Raises OpenError; DatabaseUnusable where ``target`` exists.
    """
    if target.exists():
        raise DatabaseUnusable(f"{target} already exists; name another file")
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            count = sum(_restore(connection, table) for table in read_copy(path, kek)[1])
            connection.execute("COMMIT")
    except BaseException:
        target.unlink()
        raise
    return count


def _restore(connection: sqlite3.Connection, table: CopiedTable) -> int:
    for statement in table.made_by:
        connection.execute(statement)
    marks = ", ".join("?" * len(table.columns))
    insert = f'INSERT INTO "{table.name}" VALUES ({marks})'  # noqa: S608 (a table of ours)
    return connection.executemany(insert, table.rows).rowcount


# --- rows to lines, and back ------------------------------------------------------------------


def _lines(connection: Connection, head: dict[str, Any], tables: Sequence[str]) -> Iterator[bytes]:
    yield _line(head)
    for name in tables:
        columns = [column["name"] for column in inspect(connection).get_columns(name)]
        made_by = _statements(connection, name, columns)
        yield _line({"table": name, "columns": columns, "made_by": made_by})
        count = 0
        for row in _rows(connection, name, columns):
            yield _line([_plain(value) for value in row])
            count += 1
        yield _line({"end": name, "rows": count})


def _rows(connection: Connection, table: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    names = ", ".join(f'"{name}"' for name in columns)
    query = text(f'SELECT {names} FROM "{table}" {_order(connection, table)}')  # noqa: S608
    # For this statement alone: as the connection's own option it would stay with it.
    with connection.execute(query, execution_options={"yield_per": _PAGE}) as found:
        yield from found


def _order(connection: Connection, table: str) -> str:
    """By primary key: entries of a ledger are hashed as they come."""
    key = inspect(connection).get_pk_constraint(table)["constrained_columns"]
    return "ORDER BY " + ", ".join(f'"{name}"' for name in key) if key else ""


def _statements(connection: Connection, table: str, columns: Sequence[str]) -> list[str]:
    if connection.dialect.name == "sqlite":
        query = text(
            "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL"
            " ORDER BY type = 'index'"
        )
        return list(connection.scalars(query, {"name": table}))
    names = ", ".join(f'"{name}"' for name in columns)
    return [f'CREATE TABLE "{table}" ({names})']


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return {"b": base64.b64encode(value).decode("ascii")}
    if value is None or isinstance(value, int | str):
        return value
    raise TypeError(f"a value of type {type(value).__name__} has no place in a copy")


def _raw(value: Any) -> Any:
    return base64.b64decode(value["b"]) if isinstance(value, dict) else value


def _tables(lines: Iterator[bytes]) -> Iterator[CopiedTable]:
    for line in lines:
        head = _json(line)
        if "table" not in head:
            raise OpenError("not a table of a copy")
        name = head["table"]
        yield CopiedTable(name, tuple(head["columns"]), tuple(head["made_by"]), _body(lines, name))


def _body(lines: Iterator[bytes], name: str) -> Iterator[list[Any]]:
    for count, line in enumerate(lines):
        found = _json(line)
        if isinstance(found, dict):
            if found != {"end": name, "rows": count}:
                raise OpenError(f"table {name} is not whole")
            return
        yield [_raw(value) for value in found]
    raise OpenError(f"table {name} is not whole")


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise OpenError("not a copy") from None


# --- lines to sealed records, and back --------------------------------------------------------


def _seal(file: BinaryIO, lines: Iterable[bytes], under: WrapKey) -> None:
    key, rng = AtRestKey.generate(rng=under.rng), under.rng
    file.write(_MAGIC + wrap_key(under.kek, key, aad=[_MAGIC], rng=rng))
    number, pending = 0, bytearray()
    for line in lines:
        pending += line
        while len(pending) > _CHUNK:
            _record(file, key, number, bytes(pending[:_CHUNK]), last=False, rng=rng)
            del pending[:_CHUNK]
            number += 1
    _record(file, key, number, bytes(pending), last=True, rng=rng)
    key.wipe()


def _record(
    file: BinaryIO, key: AtRestKey, number: int, body: bytes, *, last: bool, rng: Rng
) -> None:
    aad = _place(number, last=last)
    sealed = seal_at_rest(key, body, aad=aad, rng=rng, label=Label.SEALED_COPY)
    file.write(len(sealed).to_bytes(4, "big") + sealed)


def _place(number: int, *, last: bool) -> list[bytes]:
    return [number.to_bytes(8, "big"), b"last" if last else b"more"]


def _opened(path: Path, kek: AtRestKey) -> Iterator[bytes]:
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise OpenError(f"{path} is not a sealed copy")
        key = unwrap_key(kek, file.read(_WRAPPED), aad=[_MAGIC])
        number, sealed = 0, _next(file)
        while sealed:
            after = _next(file)
            aad = _place(number, last=not after)
            yield open_at_rest(key, sealed, aad=aad, label=Label.SEALED_COPY)
            number, sealed = number + 1, after
    if not number:
        raise OpenError(f"{path} is not whole")


def _next(file: BinaryIO) -> bytes:
    """The next record, b"" at the end of the file. A cut one does not open."""
    size = int.from_bytes(file.read(4), "big")
    return file.read(min(size, _CHUNK + AT_REST_OVERHEAD))


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        raise OpenError("the copy ends in the middle of a line")
