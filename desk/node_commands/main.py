"""``hedui-node``: its commands, imported when they are called. Without a noun: the node's."""

from typing import ClassVar

import typer

from desk.program import Lazy, LazyGroup, root, run

_NODE = "desk.node_commands.node"


class Nouns(LazyGroup):
    """In the order of ``--help``."""

    table: ClassVar = {
        "init": Lazy(
            _NODE,
            "Create a node's keys, join request and database. The private keys never leave it.",
            "init",
        ),
        "serve": Lazy(
            _NODE,
            "Run until stopped. It is ready once run/process.json exists in its folder.",
            "serve",
        ),
        "check": Lazy(
            _NODE,
            "Check a node's files, keys and certificate offline; nothing is changed.",
            "check",
        ),
        "status": Lazy(
            _NODE, "Show what the node holds: resources, rows, people in the index.", "status"
        ),
        "import": Lazy(
            _NODE,
            "Replace one resource with the rows of a CSV file: all of it, or nothing.",
            "import_csv",
        ),
        "enrol": Lazy(
            _NODE, "Put people into the index, blinded; continues where it stopped.", "enrol"
        ),
        "health": Lazy(
            "desk.commands.health",
            "Show whether each process of this home is serving, and which calls it turned away.",
            "health",
        ),
        "policy": Lazy("desk.node_commands.policy", "Policies that this node answers to."),
    }


def build() -> typer.Typer:
    """Return the whole command line."""
    return root(
        Nouns,
        name="hedui-node",
        help="A department's node: its records, its index, what it answers. For department admins.",
    )


def main() -> None:
    """The entry point of ``hedui-node``."""
    run(build(), "hedui-node")


if __name__ == "__main__":
    main()
