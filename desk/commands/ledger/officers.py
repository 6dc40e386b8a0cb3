"""``hedui ledger officers``: who asked for each manifest, for ``ledger report --openings``."""

from pathlib import Path
from typing import Annotated

import typer

from desk.client.officers import open_officers
from desk.command import options
from desk.session import acting
from desk.trust import FederationFile, read_ledgers, trusted_federation
from model.roles import Role
from reviewer.sample import write_lines
from runtime.errors import SettingsError

Bundle = Annotated[Path, typer.Argument(help="The registrar's bundle, as exported.")]
Target = Annotated[Path, typer.Option("--to", help="File to write; it must not exist.")]


def officers(
    context: typer.Context, bundle: Bundle, to: Target, federation: FederationFile = None
) -> None:
    """Have the officers behind a registrar's manifests opened to you (reviewer); it ledgers that.

    Each name is checked against its commitment in the verified bundle. Then
    `hedui ledger report BUNDLES --openings FILE` tells volume and repetition by officer.
    """
    if to.exists():
        raise SettingsError(f"{to} exists already; name another file")
    data = trusted_federation(options(context), [bundle], federation)
    (ledger,) = read_ledgers([bundle], data)
    if ledger.member.role != Role.REGISTRAR:
        raise SettingsError(f"{bundle} is the bundle of {ledger.member.name}, not the registrar's")
    with acting(context) as person:
        lines = open_officers(person, ledger)
    write_lines(to, lines)
    named = len({line["commitment"] for line in lines})
    typer.echo(f"{to}: who asked for {named} of {len(ledger.of('manifest.issued'))} manifests")
