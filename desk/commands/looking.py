"""``hedui ledger show`` and ``hedui ledger entry``: what stands in a ledger, in words.

Both take the name of a running process, or the path of a bundle. A ledger holds commitments
where people are meant, so filters by person take what the reviewer has: a commitment's first
digits, or the role of a reader.
"""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.command import Json, options, print_table

if TYPE_CHECKING:
    from desk.commands.filtering import Filter
    from desk.commands.reading import Row

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


def register(group: typer.Typer) -> None:
    """Add this module's commands to the group ``ledger``."""
    group.command("show")(show)
    group.command("entry")(entry)


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
    from desk.client.acting import act
    from desk.commands.filtering import Filter
    from desk.commands.reading import LiveLog, is_offline, offline_rows

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
    with act(options(context)) as acting:
        live = LiveLog(acting, place)
        if follow:
            _follow(live, chosen, every_s=every_s, as_json=as_json)
        _print(chosen.rows(live.poll()), last=last, as_json=as_json)


def entry(context: typer.Context, place: Place, index: Index, as_json: Json = False) -> None:
    """Show one entry: in words, as bytes, with its proof, checkpoint and cosignatures."""
    from desk.client.acting import act
    from desk.commands.ledger import pinned_keys
    from desk.commands.reading import is_offline, proven_live, proven_offline
    from desk.commands.wording import describe, print_entry

    if is_offline(place):
        found, keys = proven_offline(Path(place), index, pinned_keys(options(context)))
    else:
        with act(options(context)) as acting:
            found, keys = proven_live(acting, place, index)
    described = describe(found, keys)
    if as_json:
        print_table([described], {}, as_json=True)
    else:
        print_entry(described)


def _print(rows: "Iterable[Row]", *, last: int, as_json: bool) -> None:
    from collections import deque

    kept = deque(rows, maxlen=last or None)
    if as_json:
        print_table([row.table() for row in kept], {}, as_json=True)
        return
    print_table([_line(row) for row in kept], COLUMNS, as_json=False, empty="no such entry")


def _line(row: "Row") -> dict[str, Any]:
    return row.table() | {"at": local(row.entry.at), "fields": row.fields}


def local(at: str) -> str:
    """A time of the ledger in the local zone."""
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _follow(live: Any, chosen: "Filter", *, every_s: float, as_json: bool) -> None:
    import time

    for row in chosen.rows(_polled(live, lambda: time.sleep(every_s))):
        sys.stdout.write(_as_line(row, as_json=as_json) + "\n")
        sys.stdout.flush()


def _polled(live: Any, wait: Any) -> "Iterator[Row]":
    while True:
        yield from live.poll()
        wait()


def _as_line(row: "Row", *, as_json: bool) -> str:
    import json

    if as_json:
        return json.dumps(row.table(), ensure_ascii=False)
    return f"{row.index:>7}  {local(row.entry.at)}  {row.entry.event}  {row.fields}"


def _utc(moment: datetime | None) -> str:
    """A local time, given by a person, as the ledger writes it; empty for none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
