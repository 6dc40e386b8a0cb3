"""``hedui ledger evidence``: one query's self-contained proof, from everybody's bundles."""

from pathlib import Path
from typing import Annotated

import typer

from desk.command import Json, options, print_table
from desk.trust import pinned_keys
from ledger.verify.verdict import CODES
from ledger.verify.verdict import verify as verified
from model.messages import N_
from model.messages import gettext as _
from reviewer.evidence import write_evidence
from runtime.errors import SettingsError

Query = Annotated[str, typer.Argument(help="The query's id, in full.")]
Bundles = Annotated[
    list[Path], typer.Option("--from", help="A bundle; repeat for each process that took part.")
]
Target = Annotated[Path, typer.Option("--to", help="The folder to write; it must not exist yet.")]


def evidence(
    context: typer.Context, query: Query, bundles: Bundles, to: Target, as_json: Json = False
) -> None:
    """Write the proof of one query; `python -m ledger.verify` checks it anywhere."""
    keys = pinned_keys(options(context))
    for path in bundles:
        report, _index = verified(path, keys, [], lambda _done, _all: None)
        if report["kind"] != "intact":
            said = _("{path}: {fault}. Nothing was written", path=path, fault=report["sentence"])
            typer.echo(said, err=True)
            raise typer.Exit(CODES[report["kind"]])
    chosen = write_evidence(query, bundles, to)
    report, _index = verified(to, keys, [], lambda _done, _all: None)
    if report["kind"] != "intact":
        raise SettingsError(_("{path} does not verify: {fault}", path=to, fault=report["sentence"]))
    rows = [{"process": name, "entries": indices} for name, indices in chosen.items()]
    print_table(rows, {"process": N_("ledger of"), "entries": N_("entries")}, as_json=as_json)
