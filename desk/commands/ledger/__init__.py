"""``hedui ledger``: the reviewer's commands, imported when they are called."""

from typing import ClassVar

import typer

from desk.program import Lazy, LazyGroup

_HERE = "desk.commands.ledger"


class Commands(LazyGroup):
    """In the order of ``--help``."""

    table: ClassVar = {
        "checkpoint": Lazy(
            f"{_HERE}.export",
            "Show a process's newest signed checkpoint; keep it: the log must always contain it.",
            "checkpoint",
        ),
        "export": Lazy(
            f"{_HERE}.export",
            "Fetch whole ledgers, check them against their signed heads, write a bundle of each.",
            "export",
        ),
        "copy": Lazy(
            f"{_HERE}.copy",
            "Copy a ledger from PostgreSQL into an SQLite file, for `ledger verify` and the like.",
            "copy",
        ),
        "unseal": Lazy(
            f"{_HERE}.unseal",
            "Write the copy that a failed upgrade kept into an SQLite file, in clear: mind where.",
            "unseal",
        ),
        "verify": Lazy(
            f"{_HERE}.verify",
            "Verify ledgers offline: every byte is hashed again. Exit code 0: all are intact.",
            "verify",
        ),
        "show": Lazy(
            f"{_HERE}.entries",
            "Show entries. A running process's ledger records that you read it (``ledger.read``).",
            "show",
        ),
        "entry": Lazy(
            f"{_HERE}.entries",
            "Show one entry: in words, as bytes, with its proof, checkpoint and cosignatures.",
            "entry",
        ),
        "reconcile": Lazy(
            f"{_HERE}.reconcile",
            "Compare all parties' ledgers with one another. Exit code 20: findings; 0: none.",
            "reconcile",
        ),
        "evidence": Lazy(
            f"{_HERE}.evidence",
            "Write the proof of one query; `python -m ledger.verify` checks it anywhere.",
            "evidence",
        ),
        "recheck": Lazy(
            f"{_HERE}.recheck",
            "Have other key holders open a determined case once more, and compare (reviewer).",
            "recheck",
        ),
        "report": Lazy(
            f"{_HERE}.report",
            "Show unusual queries: bursts, after revocation, undetermined, off-hours, volume.",
            "report",
        ),
        "officers": Lazy(
            f"{_HERE}.officers",
            "Have the registrar disclose to you which officer asked for each manifest (reviewer).",
            "officers",
        ),
        "sample": Lazy(
            f"{_HERE}.sample",
            "Draw entries, have them disclosed to you alone, and check them. Exit code 20: a check "
            "fails.",
            "sample",
        ),
    }


app = typer.Typer(
    cls=Commands,
    help="Ledgers: read, export, verify.",
    no_args_is_help=True,
    add_completion=False,
)
# A group, though it has no command of its own.
app.callback()(lambda: None)
