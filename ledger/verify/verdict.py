"""Offline verification of a ledger: ``python -m ledger.verify PATH... [--key NAME+ID+KEY]``.

PATH is a bundle or the evidence of one query (folders, layouts in docs/ledger.md), or the SQLite
file of a stopped or copied process. Every byte is hashed again; stored hashes, tree nodes,
checkpoints and cosignatures are held against it. The ``verify*.py`` files share no code with the
writer, need Python and pycryptodome alone, and can be copied elsewhere, in a folder ``ledger``.

Source: design.md 4.9; RFC 6962 section 2.1; C2SP signed-note, tlog-checkpoint, tlog-cosignature.
Trusts: the keys handed in with --key; without them, the keys that lie beside the log, and says so.
Cannot show: that something was never written, or entries after the last checkpoint removed.

Exit codes: 0 intact, 2 usage, 3 nothing to verify, 4 unreadable, 5 nothing signed,
10 modified, 11 missing, 12 truncated, 13 forked, 14 gap. Of several paths, the first that fails.
"""

import argparse
import heapq
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from ledger.verify.evidence import FILE as EVIDENCE
from ledger.verify.evidence import check_evidence
from ledger.verify.notes import Keyring, Note, parse_key, parse_note, small
from ledger.verify.policies import Approvals
from ledger.verify.stores import Bundle, Stored
from ledger.verify.tree import Broken, Tree

CODES: Final = {
    "intact": 0, "nothing": 3, "unreadable": 4, "unsigned": 5,
    "modified": 10, "missing": 11, "truncated": 12, "forked": 13, "gap": 14,
}  # fmt: skip
_KEPT: Final = "a checkpoint that somebody else kept: the log must contain what it covers"


class Judge:
    """Holds checkpoints against the tree, smallest first."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self.head: Note | None = None
        self.signed, self.witnesses = 0, dict[str, int]()
        self._bad: tuple[int, Note] | None = None
        self._last: Note | None = None

    def take(self, note: Note, root: bytes | None) -> None:
        """Raises Broken for one that is not signed or lies beyond the end (``root`` None)."""
        signed, witnesses = self._ring.check(note)
        if not signed:
            if note.origin in self._ring.names():
                raise Broken("modified", note.size, f"checkpoint {note.where} is not signed")
            return
        if self._last is not None and self._last.origin != note.origin:
            sentence = f"checkpoint {note.where} is of another log, {note.origin}"
            raise Broken("modified", note.size, sentence)
        self.signed += 1
        self.witnesses.update(dict.fromkeys(witnesses, note.size))
        good = self.head.size if self.head else 0
        last, self._last = self._last, note
        if last and last.size == note.size and last.root != note.root:
            sentence = f"the log signed two different heads of {note.size} entries"
            raise Broken("forked", good, sentence)
        if root is None:
            return
        if note.root == root:
            self.head = note
        elif self._bad is None:
            self._bad = (good, note)

    @property
    def origin(self) -> str:
        """The one log that all signed checkpoints are of; empty while there is none."""
        return self._last.origin if self._last else ""

    def conclude(self, entries: int) -> None:
        """Raises Broken unless signed checkpoints held, and all of them did."""
        if self._bad is not None:
            good, note = self._bad
            span = f"entries {good} to {note.size - 1} do not give checkpoint {note.where}"
            if self.head is not None and self.head.size >= note.size:
                raise Broken("forked", good, f"{span}, and yet the log signed both")
            raise Broken("modified", good, f"{span}: one of them was modified, added or removed")
        if self._last is not None and self._last.size > entries:
            sentence = f"the ledger ends before entry {entries}; {self._last.size} were signed"
            raise Broken("truncated", entries, sentence)
        if not self.signed and not entries:
            raise Broken("nothing", -1, "nothing to verify: no entries and no signed checkpoint")
        if not self.signed:
            sentence = "nothing signed to hold it against: hand in the log's key with --key"
            raise Broken("unsigned", -1, f"the hashes agree with one another, but {sentence}")


def verify(
    path: Path, given: Sequence[str], known: Sequence[Note], progress: Callable[[int, int], None]
) -> tuple[dict[str, Any], Note | None]:
    """Verify one ledger; return its report, and the last checkpoint that held."""
    report = {"path": str(path), "kind": "intact", "index": -1, "sentence": "", "entries": 0}
    head = None
    try:
        if (path / EVIDENCE).is_file():
            check_evidence(path, list(given), report)
            return report, None
        with closing(open_log(path)) as source:
            report["entries"] = source.entries
            head = _hold(source, given, known, progress, report)
    except Broken as broken:
        report.update(kind=broken.kind, index=broken.index, sentence=broken.sentence)
    except FileNotFoundError:
        report.update(kind="unreadable", sentence="there is no such bundle, evidence or database")
    except (OSError, sqlite3.Error, ValueError) as error:
        report.update(kind="unreadable", sentence=f"cannot be read: {error}")
    return report, head


def _hold(
    source: Bundle | Stored,
    given: Sequence[str],
    known: Sequence[Note],
    progress: Callable[[int, int], None],
    report: dict[str, Any],
) -> Note | None:
    beside = [parse_key(text) for text in source.vkeys()]
    names = {key.name for key in beside if key.type == 1}
    report.update(keys="given" if given else "found beside the log", origin="")
    judge, tree = Judge(Keyring([parse_key(k) for k in given] if given else beside)), Tree()
    approvals = Approvals()
    extra = sorted((n for n in known if n.origin in names), key=lambda n: n.size)
    notes = heapq.merge(source.notes(), extra, key=lambda n: n.size)
    note = next(notes, None)
    for part in source.parts():
        if part.entries:
            tree.add(part)
            approvals.take(part.first, part.entries)
        while note is not None and note.size <= tree.size:
            judge.take(note, tree.root(note.size))
            note = next(notes, None)
        if part.after is not None:
            raise part.after
        progress(tree.size, source.entries)
    while note is not None:
        judge.take(note, tree.root(0) if note.size == 0 else None)
        note = next(notes, None)
    judge.conclude(tree.size)
    policies = source.policies()
    report["policies"] = approvals.check(policies) if policies is not None else 0
    size = judge.head.size if judge.head else 0
    report.update(checkpoints=judge.signed, head=size, witnesses=judge.witnesses)
    report.update(origin=judge.origin)
    return judge.head


def open_log(path: Path) -> Bundle | Stored:
    """Open a bundle or a database file; close it after use. Raises Broken, OSError."""
    if path.is_dir():
        return Bundle(path)
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\x00":
            raise Broken("unreadable", -1, f"{path} is neither a bundle nor an SQLite file")
    return Stored(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser("ledger.verify", description=__doc__.split("\n\n")[1])
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--key", action="append", default=[], help="vkey line, or a file with it")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, help=_KEPT)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        keys = [small(Path(k)).decode().strip() if Path(k).is_file() else k for k in options.key]
        for key in keys:
            parse_key(key)
        known = [parse_note(small(path), str(path)) for path in options.checkpoint]
    except (OSError, ValueError, Broken) as error:
        parser.error(f"a key or checkpoint that was handed in cannot be read: {error}")
    reports = list(_all(options.paths, keys, known))
    _print(reports, as_json=options.json)
    return next((CODES[r["kind"]] for r in reports if r["kind"] != "intact"), 0)


def _all(paths: Iterable[Path], keys: list[str], known: list[Note]) -> Iterator[dict[str, Any]]:
    """Smaller logs first: what they signed must hold in larger copies of the same log."""
    heads: list[Note] = []
    for path in sorted(paths, key=_entries):
        report, head = verify(path, keys, [*known, *heads], progress_of(path))
        heads += [head] if head else []
        yield report


def _entries(path: Path) -> int:
    try:
        with closing(open_log(path)) as source:
            return source.entries
    except (Broken, OSError, ValueError, sqlite3.Error):
        return -1


def progress_of(path: Path) -> Callable[[int, int], None]:
    """Shows entries done and their rate on standard error, where that is a terminal."""
    began = shown = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal shown
        if sys.stderr.isatty() and time.monotonic() - shown > 0.2:
            shown = time.monotonic()
            rate = done / (shown - began)
            sys.stderr.write(f"\r{path}: {done} of {total} entries, {rate:,.0f}/s")

    return show


def _print(reports: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(reports, indent=2) + "\n")
        return
    for report in reports:
        at = f"broken at entry {report['index']}: " if report["index"] >= 0 else ""
        if report["kind"] == "intact":
            tail = report["entries"] - report["head"]
            at = f"intact: {report['origin']}, {report['entries']} entries, "
            at += f"{report['checkpoints']} signed checkpoints"
            at += f", the last {tail} entries not signed yet" if tail else ""
            at += f"; keys {report['keys']}"
        sys.stdout.write(visible(f"{report['path']}: {at}{report['sentence']}") + "\n")


def visible(text: str) -> str:
    """The same, in one line, with what does not print spelled out.

    Names in bundles are whoever's who wrote them: none may hide the sentences about them.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


if __name__ == "__main__":
    sys.exit(main())
