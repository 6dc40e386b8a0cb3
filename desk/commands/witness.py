"""``hedui witness serve``: a reviewer's own witness, on the reviewer's own machine."""

import time
from pathlib import Path
from typing import Annotated

import typer

from desk.client.witness import Look, OwnWitness, open_witness
from desk.command import group
from desk.session import acting
from model.messages import gettext as _
from model.messages import ngettext

CONTRADICTED = 20
Processes = Annotated[list[str] | None, typer.Argument(help="Processes, by name; default: all.")]
Folder = Annotated[
    Path, typer.Option("--to", help="Folder of the witness's memory; created if missing.")
]
Every = Annotated[float, typer.Option("--every-s", min=1, help="Seconds between two rounds.")]
Once = Annotated[
    bool,
    typer.Option("--once", help="Ask each process once, then stop. Exit code 20: contradicted."),
]

app = group("A reviewer's own witness.")


@app.command()
def serve(
    context: typer.Context,
    to: Folder,
    processes: Processes = None,
    every_s: Every = 60.0,
    once: Once = False,
) -> None:
    """Watch ledgers: see that each of them only ever grows. Runs until stopped."""
    with acting(context) as person:
        own = open_witness(person, to)
        if not own.pinned:
            _warn(to)
        names = processes or [each.name for each in person.federation.process]
        while True:
            good = [_look(own, name) for name in names]
            if once:
                raise typer.Exit(0 if all(good) else CONTRADICTED)
            time.sleep(every_s)


def _warn(folder: Path) -> None:
    typer.echo(
        _(
            "the federation file has no key for this witness: processes do not accept its "
            "cosignatures, and they count only with --key {file}",
            file=folder / "witness.vkey",
        ),
        err=True,
    )


def _look(own: OwnWitness, process: str) -> bool:
    """Ask one process and say so; False where it contradicts what was seen."""
    found = own.look(process)
    if found.outcome == "grown":
        typer.echo(_grown(found))
    elif found.outcome == "unseen":
        typer.echo(_("{process}: not seen: {why}", process=process, why=found.why), err=True)
    else:
        said = _(
            "{process}: CONTRADICTED: {why}; what it showed is kept", process=process, why=found.why
        )
        typer.echo(said, err=True)
    return found.outcome != "contradicted"


def _grown(found: Look) -> str:
    said = ngettext(
        "{process}: {n} entry, {new} new",
        "{process}: {n} entries, {new} new",
        found.size,
        process=found.process,
        new=found.new,
    )
    if not found.not_left:
        return said
    return _("{said} (it did not keep the cosignature: {why})", said=said, why=found.not_left)
