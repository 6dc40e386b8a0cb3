"""``hedui ledger verify``: offline; it is ``python -m ledger.verify``.

With a home at hand it takes the keys that the federation file pins, instead of those that lie
beside the log.
"""

from pathlib import Path
from typing import Annotated

import typer

from desk.command import Json, options
from desk.trust import pinned_keys
from ledger.verify.verdict import main

Paths = Annotated[
    list[Path], typer.Argument(help="Bundles, or the databases of stopped processes.")
]


def verify(context: typer.Context, paths: Paths, as_json: Json = False) -> None:
    """Verify ledgers offline: every byte is hashed again. Exit code 0: all are intact."""
    arguments = [str(path) for path in paths] + (["--json"] if as_json else [])
    for key in pinned_keys(options(context)):
        arguments += ["--key", key]
    raise typer.Exit(main(arguments))
