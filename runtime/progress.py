"""Progress of long commands, on standard error; nothing where that is no terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


@contextmanager
def progress(title: str, *, total: int | None = None, quiet: bool = False) -> Iterator[Advance]:
    """Yield ``advance(count)``; with a bar where ``total`` is known, else with a count.

    Args:
        title: What is being done, a few words.
        total: How many steps there are, if that is known.
        quiet: Whether ``--json`` was given, or nobody looks.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count: bar.advance(task, count)
