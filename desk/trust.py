"""What an offline ledger command trusts: a federation file, its pinned keys, verified bundles."""

from pathlib import Path
from typing import Annotated

import typer

from desk.command import Options
from desk.words import visible
from ledger.verify.reconcile import find_federation, read_verified
from ledger.verify.reconcile_facts import Ledger
from ledger.verify.tree import Broken
from ledger.verify.verdict import CODES
from model.messages import gettext as _
from runtime.errors import SettingsError
from runtime.site.identity import load_federation
from runtime.site.joining import load_site
from runtime.witness.verifiers import log_verifiers, witness_verifiers

FederationFile = Annotated[
    Path | None,
    typer.Option(
        "--federation", help="The federation.toml to trust; default: this home's, once verified."
    ),
]


def trusted_federation(chosen: Options, bundles: list[Path], given: Path | None) -> bytes:
    """The federation file: the one handed in, else this home's under its root key.

    Without either, the one that lies in the bundles, and standard error says so.
    """
    if given is not None:
        return find_federation(bundles, given)
    try:
        home = chosen.home
    except SettingsError:
        home = None
    if home is not None and (home / "federation.toml").is_file():
        load_federation(home, load_site(home).root_verify_key)
        return (home / "federation.toml").read_bytes()
    typer.echo(
        _("using the federation file found next to the logs; compare it with your own"), err=True
    )
    return find_federation(bundles, None)


def read_ledgers(bundles: list[Path], federation: bytes) -> list[Ledger]:
    """Verify bundles and read them; ends the command, with the verifier's code, where one fails."""
    try:
        return read_verified(bundles, federation)
    except Broken as broken:
        said = _("{fault}. Nothing was done with it", fault=broken.sentence)
        typer.echo(visible(said), err=True)
        raise typer.Exit(CODES[broken.kind]) from None


def pinned_keys(chosen: Options) -> list[str]:
    """Keys of all logs and witnesses as this home's federation file pins them; none without one.

    Raises SettingsError for a federation file that is not the root's.
    """
    try:
        home = chosen.home
    except SettingsError:
        return []
    if not (home / "federation.toml").is_file():
        return []
    federation = load_federation(home, load_site(home).root_verify_key)
    logs = log_verifiers(federation).values()
    return [each.vkey() for each in (*logs, *witness_verifiers(federation))]
