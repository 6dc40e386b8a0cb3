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
from model.messages import N_
from model.messages import gettext as _
from reviewer.entries import Row, describe, offline_rows, proven_offline
from reviewer.filter import Filter

Place = Annotated[str, typer.Argument(help="The name of a process, or the path of a bundle.")]
Index = Annotated[int, typer.Argument(min=0, help="The entry's number.")]
About = Annotated[
    list[str] | None,
    typer.Option("--case", help="Id of a case, manifest, query or permit: 8 digits or more."),
]
Officer = Annotated[
    str,
    typer.Option(help="First digits of the commitment to an officer or other person, or a role."),
]
Department = Annotated[str, typer.Option(help="Department, by name.")]
Events = Annotated[
    list[str] | None, typer.Option("--event", help="Event, or how it begins, such as query.")
]
ReasonCode = Annotated[str, typer.Option("--reason", help="Reason code.")]
Since = Annotated[datetime | None, typer.Option("--from", help="Not before this local time.")]
Until = Annotated[datetime | None, typer.Option("--to", help="Before this local time.")]
Last = Annotated[int, typer.Option(min=0, help="Only the newest, this many; 0: all.")]
Follow = Annotated[bool, typer.Option("--follow", help="Keep showing new entries, one line each.")]
Every = Annotated[float, typer.Option("--every-s", min=0.2, help="Seconds between two looks.")]

COLUMNS = {
    "index": N_("#"),
    "at": N_("when"),
    "event": N_("event"),
    "words": N_("what"),
    "fields": N_("fields"),
}


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
    """Show entries. A running process's ledger records that you read it (``ledger.read``)."""
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
    print_table([_line(row) for row in kept], COLUMNS, as_json=False, empty=N_("no such entry"))


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
    head = _(
        "entry {index} of {origin}, {at}",
        index=found["index"],
        origin=found["origin"],
        at=found["at"],
    )
    out.write(f"{head}\n{found['event']}: {found['words']}\n")
    for name, value in found["fields"].items():
        out.write(f"  {name}: {plain(value)}\n")
    leaf = _("bytes:     {entry}\nleaf hash: {hash}", entry=found["entry"], hash=found["leaf_hash"])
    path = _("proof up to the root of {size} entries, verified:", size=found["size"])
    out.write(f"\n{leaf}\n{path}\n")
    for node in found["path"]:
        out.write(f"  {node}\n")
    signed = _("checkpoint, with its signature verified:")
    out.write(f"\n{signed}\n{found['checkpoint']}\n")
    for each in found["cosignatures"]:
        by = _("cosigned by {witness} at {at}, verified", witness=each["witness"], at=each["at"])
        out.write(f"{by}\n")
    if not found["cosignatures"]:
        out.write(_("not cosigned by anybody yet") + "\n")
