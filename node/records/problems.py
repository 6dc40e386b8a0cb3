"""What is wrong with a mapping or a CSV file, in words that help; numbers of persons masked.

ImportProblem
├── MappingProblem      the TOML: names table and key
└── CsvProblem          the CSV: up to ten faults, each with its line and column
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from model.identifiers import mask

MAX_SHOWN = 10
_LONG = 12
_NUMBER = re.compile(r"[0-9０-９]{6,}")


class ImportProblem(ValueError):
    """A file that is refused whole. The message is for the department's own admin."""


class MappingProblem(ImportProblem):
    """The mapping TOML is wrong."""


@dataclass(frozen=True)
class Fault:
    """One fault of a CSV file: physical line (1-based), where in it, what and the mend."""

    line: int
    place: str
    what: str

    def __str__(self) -> str:
        place = f", {self.place}" if self.place else ""
        return f"line {self.line}{place}: {self.what}"


class CsvProblem(ImportProblem):
    """The CSV file has faults; ``faults`` are the first ten, ``more`` counts the others seen."""

    def __init__(self, source: str, faults: Sequence[Fault], *, more: int = 0) -> None:
        self.faults = tuple(faults)
        self.more = more
        lines = [str(fault) for fault in self.faults]
        if more:
            lines.append(f"and {more} more")
        super().__init__(f"{source}: " + "\n  ".join(lines))


def shown(text: str) -> str:
    """Quote a cell for a message; whatever could be a person's number is masked.

    Columns get swapped: an identifier may stand where an amount is expected.
    """
    if len(text) >= _LONG or _NUMBER.search(text):
        return f'"{mask(text)}"'
    return f'"{text}"'
