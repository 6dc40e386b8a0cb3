"""``hedui ledger report``: what is unusual in the ledgers, offline."""

from dataclasses import asdict
from datetime import UTC, datetime, time, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.command import Json, options, print_table, zone_named
from desk.trust import FederationFile, read_ledgers, trusted_federation
from model.fields import format_time
from reviewer.report import Unusual, Usual, read_reveals
from reviewer.report import report as run

Bundles = Annotated[list[Path], typer.Argument(help="Bundles, as exported.")]
Hours = Annotated[str, typer.Option(help="Office hours, local: 08:00-18:00.")]
Days = Annotated[str, typer.Option(help="Working days, Monday is 1: 1-5.")]
Zone = Annotated[str, typer.Option(help="Time zone: Asia/Shanghai; default: this machine's.")]
Burst = Annotated[int, typer.Option(min=2, help="So many refusals are a burst ...")]
Minutes = Annotated[int, typer.Option("--burst-minutes", min=1, help="... within these minutes.")]
Waiting = Annotated[int, typer.Option("--waiting-days", min=0, help="Longer is worth a question.")]
Factor = Annotated[float, typer.Option(min=1, help="Times the usual day's volume.")]
Openings = Annotated[
    Path | None,
    typer.Option(help="Openings of officers' commitments, JSON lines: tells officers apart."),
]

COLUMNS = {
    "kind": "what",
    "when": "when",
    "ledger": "ledger of",
    "index": "entry",
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
    openings: Openings = None,
    as_json: Json = False,
) -> None:
    """Show unusual queries: bursts, after revocation, without determination, off-hours, volume."""
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
        officers=read_reveals(openings) if openings else {},
    )
    data = trusted_federation(options(context), bundles, federation)
    rows = run(read_ledgers(bundles, data), usual)
    table = [_row(row, where) for row in rows]
    print_table(table, COLUMNS, as_json=as_json, empty="nothing unusual")


def _row(row: Unusual, zone: tzinfo) -> dict[str, Any]:
    at = datetime.fromtimestamp(row.at, UTC)
    return asdict(row) | {
        "at": format_time(at),
        "when": at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
    }


def _hours(text: str) -> tuple[time, time]:
    try:
        first, _, second = text.partition("-")
        return time.fromisoformat(first), time.fromisoformat(second)
    except ValueError:
        raise typer.BadParameter(f"{text!r} are no hours; write 08:00-18:00") from None


def _days(text: str) -> frozenset[int]:
    first, _, last = text.partition("-")
    if not (first.isdigit() and (last or first).isdigit()):
        raise typer.BadParameter(f"{text!r} are no days; write 1-5")
    return frozenset(range(int(first), int(last or first) + 1))
