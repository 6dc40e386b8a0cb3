"""The person who acts in a command, by the global options."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from desk.client.acting import Acting, act
from desk.client.node import Line, connect
from desk.command import options


@contextmanager
def acting(context: typer.Context) -> Iterator[Acting]:
    """Act as the person of this command line; raises what ``act`` raises."""
    chosen = options(context)
    with act(chosen.home, chosen.person) as found:
        yield found


@contextmanager
def at_node(context: typer.Context, node: str) -> Iterator[Line]:
    """Connect to the node as the admin of this command line; raises what ``connect`` raises."""
    chosen = options(context)
    with connect(chosen.home, chosen.person, node) as found:
        yield found
