"""``hedui ledger show`` and ``hedui ledger entry``: what stands in a ledger, in words.

Both take the name of a running process, or the path of a bundle. A ledger holds commitments
where people are meant, so filters by person take what the reviewer has: a commitment's first
digits, or the role of a reader.
"""

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.client.ledgers import LiveLog, proven_live
from desk.command import Json, local, options, print_table
from desk.session import acting
from desk.trust import pinned_keys
from desk.words import one_line
from ledger.event import Entry
from model.fields import format_time
from reviewer.entries import Row, describe, offline_rows, proven_offline
from reviewer.filter import Filter

Place = Annotated[str, typer.Argument(help="A process, by name, or the path of a bundle.")]
Index = Annotated[int, typer.Argument(min=0, help="The entry's number.")]
About = Annotated[
    list[str] | None,
    typer.Option("--case", help="Case, manifest, query or permit id, 8 digits or more."),
]
Officer = Annotated[
    str,
    typer.Option(help="First digits of an officer's (or other person's) commitment, or a role."),
]
Department = Annotated[str, typer.Option(help="Department, by name.")]
Events = Annotated[
    list[str] | None, typer.Option("--event", help="Event, or its beginning: query.")
]
ReasonCode = Annotated[str, typer.Option("--reason", help="Reason code.")]
Since = Annotated[datetime | None, typer.Option("--from", help="Not before, local time.")]
Until = Annotated[datetime | None, typer.Option("--to", help="Before, local time.")]
Last = Annotated[int, typer.Option(min=0, help="Only so many, the newest; 0: all.")]
Follow = Annotated[bool, typer.Option("--follow", help="Go on showing; a line for each entry.")]
Every = Annotated[float, typer.Option("--every-s", min=0.2, help="How often to look, seconds.")]

COLUMNS = {"index": "#", "at": "when", "event": "event", "words": "what", "fields": "fields"}


def show(
    context: typer.Context,
    place: Place,
    case: About = None,
    officer: Officer = "",
    department: Department = "",
    event: Events = None,
    reason: ReasonCode = "",
    since: Since = None,
    until: Until = None,
    last: Last = 0,
    follow: Follow = False,
    every_s: Every = 2.0,
    as_json: Json = False,
) -> None:
    """Show entries. A running process ledgers that it was read (``ledger.read``)."""
    chosen = Filter(
        about=tuple(case or ()),
        person=officer,
        department=department,
        events=tuple(event or ()),
        reason=reason,
        since=_utc(since),
        until=_utc(until),
    )
    if is_offline(place):
        path = Path(place)
        rows = chosen.rows(offline_rows(path), before=lambda: offline_rows(path))
        _print(rows, last=last, as_json=as_json)
        return
    with acting(context) as person:
        live = LiveLog(person, place)
        if follow:
            _follow(live, chosen, every_s=every_s, as_json=as_json)
        _print(chosen.rows(live.poll()), last=last, as_json=as_json)


def entry(context: typer.Context, place: Place, index: Index, as_json: Json = False) -> None:
    """Show one entry: in words, as bytes, with its proof, checkpoint and cosignatures."""
    if is_offline(place):
        found, keys = proven_offline(Path(place), index, pinned_keys(options(context)))
    else:
        with acting(context) as person:
            found, keys = proven_live(person, place, index)
    described = describe(found, keys)
    if as_json:
        print_table([described], {}, as_json=True)
    else:
        print_entry(described)


def is_offline(place: str) -> bool:
    """Whether a command's argument is a bundle or a file, and not the name of a process."""
    path = Path(place)
    return path.is_file() or (path / "bundle.json").is_file() or "/" in place


def _print(rows: Iterable[Row], *, last: int, as_json: bool) -> None:
    kept = deque(rows, maxlen=last or None)
    if as_json:
        print_table([row.table() for row in kept], {}, as_json=True)
        return
    print_table([_line(row) for row in kept], COLUMNS, as_json=False, empty="no such entry")


def _line(row: Row) -> dict[str, Any]:
    return row.table() | {"at": local(row.entry.at), "fields": in_one_line(row.entry)}


def _follow(live: LiveLog, chosen: Filter, *, every_s: float, as_json: bool) -> None:
    for row in chosen.rows(_polled(live, lambda: time.sleep(every_s))):
        sys.stdout.write(_as_line(row, as_json=as_json) + "\n")
        sys.stdout.flush()


def _polled(live: LiveLog, wait: Callable[[], None]) -> Iterator[Row]:
    while True:
        yield from live.poll()
        wait()


def _as_line(row: Row, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(row.table(), ensure_ascii=False)
    return f"{row.index:>7}  {local(row.entry.at)}  {row.entry.event}  {in_one_line(row.entry)}"


def _utc(moment: datetime | None) -> str:
    """A local time, given by a person, as the ledger writes it; empty for none."""
    return format_time(moment.astimezone()) if moment else ""


def in_one_line(entry: Entry) -> str:
    """The fields in one line, in the entry's order."""
    return " ".join(f"{name}={plain(value)}" for name, value in entry.fields.items())


def plain(value: Any) -> str:
    """A field's value: text as it is, its controls spelled out; everything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text)


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
