"""``hedui witness serve``: a reviewer's own witness, on the reviewer's own machine."""

import time
from pathlib import Path
from typing import Annotated

import typer

from desk.client.witness import Look, OwnWitness, open_witness
from desk.command import group
from desk.session import acting

CONTRADICTED = 20
Processes = Annotated[list[str] | None, typer.Argument(help="Processes, by name; default: all.")]
Folder = Annotated[Path, typer.Option("--to", help="The witness's memory; made if not there.")]
Every = Annotated[float, typer.Option("--every-s", min=1, help="How often to ask, seconds.")]
Once = Annotated[bool, typer.Option("--once", help="Ask each once. Exit code 20: contradicted.")]

app = group("A reviewer's own witness (见证).")


@app.command()
def serve(
    context: typer.Context,
    to: Folder,
    processes: Processes = None,
    every_s: Every = 60.0,
    once: Once = False,
) -> None:
    """Watch ledgers: see that each only ever grows. Goes on until it is stopped."""
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
        "the federation file pins no key for this witness: processes do not take its cosignatures, "
        f"and they count only with --key {folder / 'witness.vkey'}",
        err=True,
    )


def _look(own: OwnWitness, process: str) -> bool:
    """Ask one process and say so; False where it contradicts what was seen."""
    found = own.look(process)
    if found.outcome == "grown":
        typer.echo(_grown(found))
    elif found.outcome == "unseen":
        typer.echo(f"{process}: not seen: {found.why}", err=True)
    else:
        typer.echo(f"{process}: CONTRADICTED: {found.why}; what it showed is kept", err=True)
    return found.outcome != "contradicted"


def _grown(found: Look) -> str:
    said = f"{found.process}: {found.size} entries, {found.new} new"
    return said + (
        f" (it did not keep the cosignature: {found.not_left})" if found.not_left else ""
    )
