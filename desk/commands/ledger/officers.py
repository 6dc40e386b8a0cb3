"""``hedui ledger officers``: who asked for each manifest, for ``ledger report --reveals``."""

from pathlib import Path
from typing import Annotated

import typer

from desk.client.officers import open_officers
from desk.command import options
from desk.session import acting
from desk.trust import FederationFile, read_ledgers, trusted_federation
from model.messages import gettext as _
from model.roles import Role
from reviewer.sample import write_lines
from runtime.errors import SettingsError

Bundle = Annotated[Path, typer.Argument(help="The registrar's bundle, as exported.")]
Target = Annotated[Path, typer.Option("--to", help="The file to write; it must not exist yet.")]


def officers(
    context: typer.Context, bundle: Bundle, to: Target, federation: FederationFile = None
) -> None:
    """Have the registrar disclose to you which officer asked for each manifest (reviewer).

    Its ledger records that. Each name is checked against its commitment in the verified bundle.
    `hedui ledger report BUNDLES --reveals FILE` then shows volume and repetition by officer.
    """
    if to.exists():
        raise SettingsError(_("{file} already exists; name another file", file=to))
    data = trusted_federation(options(context), [bundle], federation)
    (ledger,) = read_ledgers([bundle], data)
    if ledger.member.role != Role.REGISTRAR:
        raise SettingsError(
            _(
                "{bundle} is the bundle of {process}, not the registrar's",
                bundle=bundle,
                process=ledger.member.name,
            )
        )
    with acting(context) as person:
        lines = open_officers(person, ledger)
    write_lines(to, lines)
    named = len({line["commitment"] for line in lines})
    of = len(ledger.of("manifest.issued"))
    typer.echo(_("{file}: who asked for {n} of {of} manifests", file=to, n=named, of=of))
