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
            "Show a process's newest signed checkpoint; keep it: the log must contain it for ever.",
            "checkpoint",
        ),
        "export": Lazy(
            f"{_HERE}.export",
            "Fetch whole ledgers, check them against their signed heads, write one bundle each.",
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
            "Verify ledgers offline: every byte is hashed again. Exit code 0: all intact.",
            "verify",
        ),
        "show": Lazy(
            f"{_HERE}.entries",
            "Show entries. A running process ledgers that it was read (``ledger.read``).",
            "show",
        ),
        "entry": Lazy(
            f"{_HERE}.entries",
            "Show one entry: in words, as bytes, with its proof, checkpoint and cosignatures.",
            "entry",
        ),
        "reconcile": Lazy(
            f"{_HERE}.reconcile",
            "Hold all parties' ledgers against one another. Exit code 20: findings; 0: nothing.",
            "reconcile",
        ),
        "evidence": Lazy(
            f"{_HERE}.evidence",
            "Write one query's proof; `python -m ledger.verify` checks it, also elsewhere.",
            "evidence",
        ),
        "recheck": Lazy(
            f"{_HERE}.recheck",
            "Open a determined case once more, by other key holders, and compare (reviewer).",
            "recheck",
        ),
        "report": Lazy(
            f"{_HERE}.report",
            "Show unusual queries: bursts, after revocation, without determination, off-hours, "
            "volume.",
            "report",
        ),
        "officers": Lazy(
            f"{_HERE}.officers",
            "Have the officers behind a registrar's manifests opened to you (reviewer); it ledgers "
            "that.",
            "officers",
        ),
        "sample": Lazy(
            f"{_HERE}.sample",
            "Draw entries of the registrar, have them opened to you alone, check them. 20: a check "
            "fails.",
            "sample",
        ),
    }


app = typer.Typer(
    cls=Commands,
    help="Ledgers (账本): read, export, verify.",
    no_args_is_help=True,
    add_completion=False,
)
# A group, though it has no command of its own.
app.callback()(lambda: None)
