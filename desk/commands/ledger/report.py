"""``hedui ledger report``: what is unusual in the ledgers, offline."""

from dataclasses import asdict
from datetime import UTC, datetime, time, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.command import Json, options, print_table, zone_named
from desk.trust import FederationFile, read_ledgers, trusted_federation
from model.fields import format_time
from model.messages import N_
from model.messages import gettext as _
from reviewer.report import Unusual, Usual, read_reveals
from reviewer.report import report as run

Bundles = Annotated[list[Path], typer.Argument(help="Exported bundles.")]
Hours = Annotated[str, typer.Option(help="Office hours in local time.")]
Days = Annotated[str, typer.Option(help="Working days; Monday is 1.")]
Zone = Annotated[
    str, typer.Option(help="Time zone, such as Asia/Shanghai; default: this machine's.")
]
Burst = Annotated[int, typer.Option(min=2, help="This many refusals are a burst ...")]
Minutes = Annotated[
    int, typer.Option("--burst-minutes", min=1, help="... within this many minutes.")
]
Waiting = Annotated[
    int, typer.Option("--waiting-days", min=0, help="Days after which waiting is unusual.")
]
Factor = Annotated[
    float, typer.Option(min=1, help="This many times a usual day's volume is unusual.")
]
Reveals = Annotated[
    Path | None,
    typer.Option(help="Reveals of officers' commitments, as JSON lines: tells officers apart."),
]

COLUMNS = {
    "kind": N_("what"),
    "when": N_("when"),
    "ledger": N_("ledger of"),
    "index": N_("entry"),
    "sentence": "",
}


def report(
    context: typer.Context,
    bundles: Bundles,
    federation: FederationFile = None,
    hours: Hours = "08:00-18:00",
    days: Days = "1-5",
    zone: Zone = "",
    burst: Burst = 5,
    burst_minutes: Minutes = 10,
    waiting_days: Waiting = 7,
    factor: Factor = 3.0,
    reveals: Reveals = None,
    as_json: Json = False,
) -> None:
    """Show unusual queries: bursts, after revocation, undetermined, off-hours, volume."""
    opens, closes = _hours(hours)
    where = zone_named(zone)
    usual = Usual(
        zone=where,
        opens=opens,
        closes=closes,
        days=_days(days),
        burst=burst,
        burst_s=60.0 * burst_minutes,
        waiting_s=86_400.0 * waiting_days,
        factor=factor,
        officers=read_reveals(reveals) if reveals else {},
    )
    data = trusted_federation(options(context), bundles, federation)
    rows = run(read_ledgers(bundles, data), usual)
    table = [_row(row, where) for row in rows]
    print_table(table, COLUMNS, as_json=as_json, empty=N_("nothing unusual"))


def _row(row: Unusual, zone: tzinfo) -> dict[str, Any]:
    at = datetime.fromtimestamp(row.at, UTC)
    return asdict(row) | {
        "at": format_time(at),
        "when": at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
    }


def _hours(text: str) -> tuple[time, time]:
    try:
        first, _dash, second = text.partition("-")
        return time.fromisoformat(first), time.fromisoformat(second)
    except ValueError:
        raise typer.BadParameter(
            _('"{text}" are not office hours; write, for example, 08:00-18:00', text=text)
        ) from None


def _days(text: str) -> frozenset[int]:
    first, _dash, last = text.partition("-")
    if not (first.isdigit() and (last or first).isdigit()):
        raise typer.BadParameter(
            _('"{text}" are not days of the week; write, for example, 1-5', text=text)
        )
    return frozenset(range(int(first), int(last or first) + 1))
