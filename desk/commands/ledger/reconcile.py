"""``hedui ledger reconcile``: all parties' bundles against one another, offline."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from desk.command import Json, options
from desk.trust import FederationFile, trusted_federation
from ledger.verify.reconcile import reconcile as run
from ledger.verify.reconcile import show

Bundles = Annotated[list[Path], typer.Argument(help="One exported bundle for each process.")]
Grace = Annotated[
    float,
    typer.Option("--grace-s", help="Seconds for which something missing may still be on its way."),
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", help="When the bundles were exported, UTC; default: the newest entry."),
]


def reconcile(
    context: typer.Context,
    bundles: Bundles,
    federation: FederationFile = None,
    grace_s: Grace = 600.0,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Compare all parties' ledgers with one another. Exit code 20: findings; 0: none."""
    data = trusted_federation(options(context), bundles, federation)
    moment = as_of.replace(tzinfo=UTC).timestamp() if as_of else None
    result = run(bundles, data, grace_s=grace_s, as_of=moment)
    show(result, as_json=as_json)
    raise typer.Exit(result.code)
