"""``hedui ledger evidence``: one query's self-contained proof, from everybody's bundles."""

from pathlib import Path
from typing import Annotated

import typer

from desk.command import Json, options, print_table
from desk.trust import pinned_keys
from ledger.verify.verdict import CODES
from ledger.verify.verdict import verify as verified
from reviewer.evidence import write_evidence
from runtime.errors import SettingsError

Query = Annotated[str, typer.Argument(help="The query id, in full.")]
Bundles = Annotated[
    list[Path], typer.Option("--from", help="A bundle; once for each process that took part.")
]
Target = Annotated[Path, typer.Option("--to", help="Folder to write; it must not exist yet.")]


def evidence(
    context: typer.Context, query: Query, bundles: Bundles, to: Target, as_json: Json = False
) -> None:
    """Write one query's proof; `python -m ledger.verify` checks it, also elsewhere."""
    keys = pinned_keys(options(context))
    for path in bundles:
        report, _ = verified(path, keys, [], lambda _done, _all: None)
        if report["kind"] != "intact":
            typer.echo(f"{path}: {report['sentence']}. Nothing was written", err=True)
            raise typer.Exit(CODES[report["kind"]])
    chosen = write_evidence(query, bundles, to)
    report, _ = verified(to, keys, [], lambda _done, _all: None)
    if report["kind"] != "intact":
        raise SettingsError(f"{to} does not verify: {report['sentence']}")
    rows = [{"process": name, "entries": indices} for name, indices in chosen.items()]
    print_table(rows, {"process": "ledger of", "entries": "entries"}, as_json=as_json)
