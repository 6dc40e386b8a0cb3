"""The offline verifier's check of one query's evidence: each entry against a signed checkpoint.

Source: RFC 9162, section 2.1.3.2. Shares no code with the writer.
Shows: that these entries stand in these logs; not that nothing else about the query does. For
that, verify and reconcile the whole bundles.
"""

import json
from pathlib import Path
from typing import Any, Final

from ledger.verify.notes import Keyring, Note, parse_key, parse_note, small
from ledger.verify.policies import Approvals
from ledger.verify.stores import read_policies
from ledger.verify.tree import Broken, leaf_hash, node_hash

FORMAT: Final = "hedui-evidence/1"
FILE: Final = "evidence.json"
_MAX_PATH: Final = 62


def check_evidence(folder: Path, given: list[str], report: dict[str, Any]) -> None:
    """Check a folder of evidence and complete the report. Raises Broken, OSError, ValueError."""
    about = _contents(folder)
    beside = [small(path).decode() for path in sorted(folder.glob("keys/*.vkey"))]
    ring = Keyring([parse_key(text) for text in given or beside])
    report.update(keys="given" if given else "found beside the log", witnesses={})
    notes: set[tuple[str, int]] = set()
    approvals, asked = Approvals(), set[str]()
    for process, indices in sorted(about["entries"].items()):
        for index in indices:
            note, entry = _check_entry(folder / "logs" / process, process, index, ring, report)
            notes.add((note.origin, note.size))
            approvals.take(index, [entry])
            fields = json.loads(entry)["fields"]
            if fields.get("query") == about["query"]:
                asked.add(str(fields.get("policy", "")))
            report["entries"] += 1
    if not asked:
        raise Broken("nothing", -1, f"no entry here names query {about['query']}")
    report.update(checkpoints=len(notes), head=report["entries"])
    for policy in sorted(asked - {""}):
        approvals.demand(policy)
    report["policies"] = approvals.check(read_policies(folder))
    report["origin"] = f"query {about['query']} in {', '.join(sorted(about['entries']))}"


def _contents(folder: Path) -> dict[str, Any]:
    about = json.loads(small(folder / FILE))
    try:
        entries = {str(name): [int(i) for i in rows] for name, rows in about["entries"].items()}
        if about["format"] != FORMAT or any("/" in name or name[:1] == "." for name in entries):
            raise ValueError
        return {"query": str(about["query"]), "entries": entries}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Broken("unreadable", -1, f"{folder}/{FILE} is not that of evidence") from None


def _check_entry(
    folder: Path, process: str, index: int, ring: Keyring, report: dict[str, Any]
) -> tuple[Note, bytes]:
    try:
        entry, proof = small(folder / f"{index}.entry"), small(folder / f"{index}.proof")
        size, *path = proof.decode("ascii").split()
        note = parse_note(small(folder / f"checkpoint-{int(size)}.note"), f"{process}-{size}")
    except FileNotFoundError as error:
        sentence = f"entry {index} of {process}: {Path(error.filename).name} is missing"
        raise Broken("missing", index, sentence) from None
    _check_note(note, process, int(size), ring, report)
    if _root(entry, index, note.size, [bytes.fromhex(node) for node in path]) != note.root:
        sentence = f"entry {index} of {process} or its proof was modified: the checkpoint of "
        raise Broken("modified", index, f"{sentence}{size} entries does not cover it")
    return note, entry


def _check_note(note: Note, process: str, size: int, ring: Keyring, report: dict[str, Any]) -> None:
    signed, witnesses = ring.check(note)
    if not signed:
        sentence = f"checkpoint {note.where} is signed by no key that was handed in"
        raise Broken("unsigned", note.size, sentence)
    if note.size != size or note.origin.rpartition("/")[2] != process:
        raise Broken("modified", note.size, f"checkpoint {note.where} is another log's or size's")
    report["witnesses"].update(dict.fromkeys(witnesses, note.size))


def _root(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that entry and path give; nothing that is a root where they do not fit."""
    here, last, node = index, size - 1, leaf_hash(entry)
    if not 0 <= index < size or len(path) > _MAX_PATH or any(len(p) != 32 for p in path):
        return b""
    for sibling in path:
        if last == 0:
            return b""
        if here & 1 or here == last:
            node = node_hash(sibling + node)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node + sibling)
        here, last = here >> 1, last >> 1
    return node if last == 0 else b""
