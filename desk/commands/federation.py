"""``hedui federation init | deal | check``: the ceremony."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ceremony.authority import init_authority
from ceremony.checking import findings
from ceremony.dealing import hold_ceremony
from ceremony.pool import prime_pool
from crypto.rng import system_rng
from desk.command import group, options
from model.federation import Federation
from model.messages import gettext as _
from runtime.clock import SystemClock
from runtime.site.identity import load_federation
from runtime.site.joining import load_site

PlanFile = Annotated[Path, typer.Option("--plan", help="Who will be a member: plan.toml.")]
Bits = Annotated[
    int | None, typer.Option("--bits", help="Length of the joint key, instead of the plan's.")
]
WORKERS = 2

app = group("The ceremony: from a plan to a federation.")


@app.command()
def init(context: typer.Context, plan: PlanFile, bits: Bits = None) -> None:
    """Create the authority and the root key, and copy the plan. Run it on the ceremony machine."""
    home = options(context).home
    made = init_authority(home, plan, key_bits=bits, now=SystemClock().now(), rng=system_rng)
    typer.echo(
        _(
            '{home} is the home of federation "{name}": {processes} processes, {people} people. '
            "Each of them now runs its own init; after that: hedui federation deal",
            home=home,
            name=made.name,
            processes=len(made.process),
            people=len(made.person),
        )
    )


@app.command()
def deal(context: typer.Context) -> None:
    """Check all join requests, issue certificates, deal the joint key, sign federation.toml."""
    home, clock = options(context).home, SystemClock()
    began = clock.monotonic_s()

    def progress(text: str) -> None:
        typer.echo(f"[{clock.monotonic_s() - began:5.1f} s] {text}")

    with prime_pool(WORKERS) as pool, Console(stderr=True).status(_("searching for safe primes")):
        federation = hold_ceremony(
            home, now=clock.now(), rng=system_rng, pool=pool, progress=progress
        )
    file = home / "federation.toml"
    progress(_("done: {file}, digest {digest}", file=file, digest=federation.digest))
    _warn(home)


@app.command()
def check(context: typer.Context) -> None:
    """Verify federation.toml against the root key and list what weakens its guarantees."""
    home = options(context).home
    federation, file = _signed(home), home / "federation.toml"
    typer.echo(
        _(
            "{file}: number {number}, digest {digest}",
            file=file,
            number=federation.number,
            digest=federation.digest,
        )
    )
    if not _warn(home):
        typer.echo(_("{file}: nothing to warn about", file=file))


def _signed(home: Path) -> Federation:
    return load_federation(home, load_site(home).root_verify_key)


def _warn(home: Path) -> int:
    found = findings(_signed(home), home=home, now=SystemClock().now())
    for line in found:
        typer.echo(_("warning: {line}", line=line))
    return len(found)
