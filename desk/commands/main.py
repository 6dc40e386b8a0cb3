"""``hedui``: its commands, each in the module of its noun, imported when it is called."""

from typing import ClassVar

import typer

from desk.program import Lazy, LazyGroup, root, run


class Nouns(LazyGroup):
    """In the order of ``--help``."""

    table: ClassVar = {
        "authorize": Lazy(
            "desk.commands.authorize",
            "Register letters (clerk). They come into force once a checker confirms them.",
            "authorize",
        ),
        "verify": Lazy(
            "desk.commands.verify",
            "Verify households: met or not met for each rule, and nothing else.",
            "verify",
        ),
        "health": Lazy(
            "desk.commands.health",
            "Show whether each process of this home is serving, and which calls it turned away.",
            "health",
        ),
        "federation": Lazy(
            "desk.commands.federation", "The ceremony: from a plan to a federation."
        ),
        "person": Lazy(
            "desk.commands.person", "People: officers, clerks, checkers, admins, reviewers."
        ),
        "registrar": Lazy(
            "desk.commands.registrar",
            "The registrar: authorizations, manifests, tickets, permits, enrolment.",
        ),
        "budget": Lazy(
            "desk.commands.budget",
            "Enrolment budgets: one registrar officer proposes, another approves.",
        ),
        "authorization": Lazy(
            "desk.commands.authorization",
            "Authorization letters: confirm, revoke, list, show, erase.",
        ),
        "coordinator": Lazy(
            "desk.commands.coordinator", "The coordinator: cases of the verification centre."
        ),
        "policy": Lazy("desk.commands.policy", "Policies: check, approve, list, withdraw."),
        "case": Lazy("desk.commands.case", "Cases: list, show, decide, countersign, erase."),
        "ledger": Lazy("desk.commands.ledger", "Ledgers: read, export, verify."),
        "witness": Lazy("desk.commands.witness", "A reviewer's own witness."),
        "keys": Lazy("desk.commands.keys", "Keys: which ones there are, and where."),
    }


def build() -> typer.Typer:
    """Return the whole command line."""
    return root(
        Nouns,
        name="hedui",
        help="Hedui 核对: does this household qualify? For civil affairs, registrar and reviewers.",
    )


def main() -> None:
    """The entry point of ``hedui``."""
    run(build(), "hedui")


if __name__ == "__main__":
    main()
