"""``hedui ledger reconcile``: all parties' bundles against one another, offline."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desk.command import Json, Options, options, visible

if TYPE_CHECKING:
    from ledger.verify.reconcile_facts import Ledger

Bundles = Annotated[list[Path], typer.Argument(help="One bundle per process, as exported.")]
FederationFile = Annotated[
    Path | None,
    typer.Option("--federation", help="federation.toml to trust; default: this home's, verified."),
]
Grace = Annotated[
    float, typer.Option("--grace-s", help="What should exist for less than this is open, seconds.")
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", help="When the bundles were taken, UTC; default: the newest entry."),
]


def register(group: typer.Typer) -> None:
    """Add this module's command to the group ``ledger``."""
    group.command("reconcile")(reconcile)


def reconcile(
    context: typer.Context,
    bundles: Bundles,
    federation: FederationFile = None,
    grace_s: Grace = 600.0,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Hold all parties' ledgers against one another. Exit code 20: findings; 0: nothing."""
    from ledger.verify.reconcile import reconcile as run
    from ledger.verify.reconcile import show

    data = trusted_federation(options(context), bundles, federation)
    moment = as_of.replace(tzinfo=UTC).timestamp() if as_of else None
    result = run(bundles, data, grace_s=grace_s, as_of=moment)
    show(result, as_json=as_json)
    raise typer.Exit(result.code)


def trusted_federation(chosen: Options, bundles: list[Path], given: Path | None) -> bytes:
    """The federation file: the one handed in, else this home's under its root key.

    Without either, the one that lies in the bundles, and standard error says so.
    """
    from ledger.verify.reconcile import find_federation
    from runtime.errors import SettingsError
    from runtime.site.identity import load_federation
    from runtime.site.joining import load_site

    if given is not None:
        return find_federation(bundles, given)
    try:
        home = chosen.home
    except SettingsError:
        home = None
    if home is not None and (home / "federation.toml").is_file():
        load_federation(home, load_site(home).root_verify_key)
        return (home / "federation.toml").read_bytes()
    typer.echo("federation file: found beside the logs; compare it with yours", err=True)
    return find_federation(bundles, None)


def read_ledgers(bundles: list[Path], federation: bytes) -> "list[Ledger]":
    """Verify bundles and read them; ends the command, with the verifier's code, where one fails."""
    from ledger.verify.reconcile import read_verified
    from ledger.verify.tree import Broken
    from ledger.verify.verdict import CODES

    try:
        return read_verified(bundles, federation)
    except Broken as broken:
        typer.echo(visible(f"{broken.sentence}. Nothing was done with it"), err=True)
        raise typer.Exit(CODES[broken.kind]) from None
