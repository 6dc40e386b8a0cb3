"""Write docs/clauses.md, who carries out which clause: python -m simulations.clauses_page.

A citation is "design.md" and numbers, in a docstring or a comment: ``design.md 2.4.3, 2.6.1 to
2.6.5``. What ends with *Not built.* in docs/design.md is not looked for in the tests.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DESIGN: Final = ROOT / "docs" / "design.md"
ROOMS: Final = (
    *("crypto", "ledger", "model", "runtime", "holder", "node", "registrar"),
    *("coordinator", "ceremony", "reviewer", "desk", "simulations"),
)

ANCHOR: Final = re.compile(r'<a id="(\d[\d.]*)"></a>')
NUMBER: Final = r"\d+(?:\.\d+)*"
CITATION: Final = re.compile(rf"\bdesign\.md\s+({NUMBER}(?:(?:,|\s+and|\s+to)\s+{NUMBER}\b)*)")

HEAD: Final = """# Clauses 设计条款对照

Which modules, which tests and which attacks cite which clause of [the design](design.md). Citing
is not proving: whether a test would fail without its clause, its reader judges; where an attack
is shown to work against a weakened copy, [the threat model](threat-model.md#attacks-and-defences)
names both tests. A module that cites a whole section stands in the section's row. Section 6 is
held by import-linter in `make check`.
Written by `python -m simulations.clauses_page`.

"""


@dataclass(frozen=True)
class Clause:
    """A clause or a section: its number, what it is called, whether the code carries it out."""

    number: str
    title: str
    is_section: bool
    is_built: bool
    """False for what says *Not built*; what is built in part is built."""


def clauses(text: str) -> dict[str, Clause]:
    """Return the clauses of the design by number, in the page's order."""
    starts = [(m.group(1), m.start(), m.end()) for m in ANCHOR.finditer(text)]
    ends = [start for _, start, _ in starts[1:]] + [len(text)]
    return {
        number: _clause(number, text[:start], text[after:end])
        for (number, start, after), end in zip(starts, ends, strict=True)
    }


def _clause(number: str, before: str, body: str) -> Clause:
    is_section = before.endswith("# ")
    said = body.splitlines()[0] if is_section else body.removeprefix("**").partition("**")[0]
    built = is_section or "*Not built" not in body
    return Clause(number, said.removeprefix(number).strip(" ."), is_section, built)


def citations(text: str) -> list[str]:
    """Return the numbers that a source cites, ranges written out, in its order."""
    found: list[str] = []
    for match in CITATION.finditer(text):
        words = re.findall(rf"{NUMBER}|to", match.group(1))
        for before, word in pairwise(["", *words]):
            found += _range(found[-1], word) if before == "to" else [word] * (word != "to")
    return found


def _range(first: str, last: str) -> list[str]:
    """What "first to last" adds to ``first``: its siblings up to ``last``."""
    above, _, start = first.rpartition(".")
    head, _, end = last.rpartition(".")
    if head != above or int(end) <= int(start):
        return [f"{first} to {last}"]
    return [f"{above}.{n}" if above else str(n) for n in range(int(start) + 1, int(end) + 1)]


def sources() -> list[Path]:
    """Everything that may cite: code, wire contract, tests, and what the linter holds."""
    files = [p for name in ROOMS for p in (ROOT / name).rglob("*.py")]
    files += [*(ROOT / "proto" / "hedui").rglob("*.proto"), *(ROOT / "tests").rglob("*.py")]
    files += [ROOT / ".importlinter"]
    return sorted(p for p in files if p != Path(__file__))


def cited() -> dict[str, list[str]]:
    """Clause number → the files that cite it, relative to the root."""
    by_clause: dict[str, list[str]] = {}
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        for number in dict.fromkeys(citations(path.read_text(encoding="utf-8"))):
            by_clause.setdefault(number, []).append(name)
    return by_clause


def page() -> str:
    """The whole page."""
    known, by_clause = clauses(DESIGN.read_text(encoding="utf-8")), cited()
    return HEAD + _summary(known, by_clause) + _table(known.values(), by_clause)


def _table(known: Iterable[Clause], by_clause: Mapping[str, Sequence[str]]) -> str:
    head = "| clause | | modules | tests | attacks |\n|---|---|---|---|---|\n"
    rows = (_row(clause, by_clause.get(clause.number, [])) for clause in known)
    return head + "".join(rows)


def _row(clause: Clause, files: Sequence[str]) -> str:
    attacks = [f for f in files if f.startswith("tests/attacks/")]
    tests = [f for f in files if f.startswith("tests/") and f not in attacks]
    modules = [f for f in files if not f.startswith("tests/")]
    title = f"**{clause.title}**" if clause.is_section else clause.title
    title += "" if clause.is_built else " (not built)"
    link = f"[{clause.number}](design.md#{clause.number})"
    return f"| {link} | {title} | {_names(modules)} | {_names(tests)} | {_names(attacks)} |\n"


def _names(files: Sequence[str]) -> str:
    return " ".join(f"`{f.removeprefix('tests/attacks/')}`" for f in files)


def _summary(known: Mapping[str, Clause], by_clause: Mapping[str, Sequence[str]]) -> str:
    own = [c for c in known.values() if not c.is_section]
    built = [c for c in own if c.is_built]
    tested = {n for n, files in by_clause.items() if any(f.startswith("tests/") for f in files)}
    bare = [c for c in built if c.number not in tested]
    absent = [c for c in own if not c.is_built]
    return (
        f"{len(own)} clauses: {len(built)} built, {len(absent)} not.\n\n"
        f"**Built, and no test cites them ({len(bare)}).** {_listed(bare)}\n\n"
        f"**Not built ({len(absent)}).** {_listed(absent)}\n\n"
    )


def _listed(listed: Iterable[Clause]) -> str:
    said = [f"[{c.number}](design.md#{c.number}) {c.title}" for c in listed]
    return "; ".join(said) + "." if said else "None."


if __name__ == "__main__":
    (ROOT / "docs" / "clauses.md").write_text(page(), encoding="utf-8")
