"""What reconciliation knows: the parties' ledgers, read from verified bundles.

Source: docs/ledger.md. Shares no code with the writer: the verifier's files, Python's library.
Trusts: the federation file for who is who, and the verifier, which ran before; what an entry
says is the word of the one who wrote it.
"""

import base64
import hashlib
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from ledger.verify.notes import Keyring, parse_key, parse_note, small
from ledger.verify.tree import Broken, Tree
from ledger.verify.verdict import open_log

# tomllib takes memory with the square of a dotted key's length. The writer's reader has bounds of
# its own; this one knows only what a federation file looks like.
_MAX_FILE: Final = 8 << 20
_MAX_VALUES: Final = 300_000
_MAX_LINE: Final = 16
_TEXT: Final = re.compile(r'"(?:[^"\\\n]++|\\[^\n])*+"')
# Entries that hold the head of somebody else's log. Roots are hex, but in what was written before
# an event had its second version.
_SHOWN: Final = ("answer.received", "peer.cosigned", "peer.cosigned.v2", "recheck.issued")
_FORKED: Final = ("peer.forked", "peer.forked.v2")
_IN_BASE64: Final = frozenset({"peer.cosigned", "peer.forked"})
_IDLE: Final = frozenset({"ledger.read", "process.started", "process.stopped"})


class Member(NamedTuple):
    """A process as the federation file has it: ``vkey`` is its log's, ``witness`` its own as one.

    ``department`` and ``witness`` are empty for none.
    """

    name: str
    role: str
    department: str
    vkey: str
    witness: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry: whose ledger, index, time (seconds since the epoch), event, fields."""

    ledger: str
    index: int
    at: float
    event: str
    fields: dict[str, Any]

    def text(self, name: str) -> str:
        """A field that is text; empty if it is not there."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """A field that is a list of texts; empty if it is not there."""
        value = self.fields.get(name)
        return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


@dataclass
class Ledger:
    """One party's entries, by event."""

    member: Member
    origin: str
    path: Path
    entries: int = 0
    last_at: float = 0.0
    events: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    # Checkpoints of others that lie in this bundle and that their logs signed.
    kept: set[tuple[str, int, bytes]] = field(default_factory=set)

    def of(self, *names: str) -> list[Fact]:
        """The entries of these events, in the ledger's order."""
        found = [fact for name in names for fact in self.events.get(name, [])]
        return sorted(found, key=lambda fact: fact.index)

    def first(self, name: str, *events: str) -> dict[str, Fact]:
        """Value of a field to the first entry, of these events, that has it."""
        found: dict[str, Fact] = {}
        for fact in self.of(*events):
            if key := fact.text(name):
                found.setdefault(key, fact)
        return found


class Claim(NamedTuple):
    """A head of somebody's log, as another party wrote it down."""

    origin: str
    size: int
    root: bytes
    by: Fact


def _read_table(data: bytes) -> dict[str, Any]:
    """A federation file's table. Raises ValueError, also for more than such a file needs."""
    if len(data) > _MAX_FILE:
        raise ValueError(f"more than {_MAX_FILE} bytes")
    text, values = data.decode(), 0
    for number, line in enumerate(_TEXT.sub('""', text).split("\n"), 1):
        plain = line.partition("#")[0]
        found = sum(plain.count(sign) for sign in ".[{=,")
        values += found
        if "'" in plain or '"""' in plain or found > _MAX_LINE or values > _MAX_VALUES:
            raise ValueError(f"line {number}: not as a ceremony writes it")
    return tomllib.loads(text)


def read_members(data: bytes) -> list[Member]:
    """The processes of a federation file; raises ValueError for anything else.

    Its signature is for the caller to have checked.
    """
    try:
        table = _read_table(data)
        name = str(table["name"])
        return [_member(name, row) for row in table["process"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a federation file: {error}") from None


def read_witnesses(data: bytes) -> list[str]:
    """The vkeys of reviewers' own witnesses in a federation file that ``read_members`` takes."""
    table = _read_table(data)
    try:
        rows = [row for row in table.get("person", []) if row.get("cosign_key")]
        return [
            _vkey(f"hedui/{table['name']}/{row['name']}/witness", 4, row["cosign_key"])
            for row in rows
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a federation file: {error}") from None


def _member(federation: str, row: dict[str, Any]) -> Member:
    origin = f"hedui/{federation}/{row['name']}"
    cosigns = row.get("cosign_key", "")
    return Member(
        row["name"],
        row["role"],
        row.get("department", ""),
        _vkey(origin, 1, row["verify_key"]),
        _vkey(f"{origin}/witness", 4, cosigns) if cosigns else "",
    )


def _vkey(name: str, kind: int, key: str) -> str:
    material = bytes([kind]) + bytes.fromhex(key)
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4].hex()
    return f"{name}+{key_id}+{base64.b64encode(material).decode()}"


def origin_of(path: Path) -> str:
    """The log that a bundle claims to be, by its newest checkpoint; verified elsewhere."""
    with closing(open_log(path)) as source:
        return max(source.notes(), key=lambda note: note.size).origin


def read_ledger(path: Path, member: Member, origin: str) -> Ledger:
    """Read a bundle that the verifier accepted. Raises ValueError for what is no entry."""
    ledger = Ledger(member, origin, path)
    with closing(open_log(path)) as source:
        for part in source.parts():
            for index, entry in enumerate(part.entries, part.first):
                _take(ledger, index, entry)
    return ledger


def _take(ledger: Ledger, index: int, entry: bytes) -> None:
    fact = read_fact(ledger.member.name, index, entry)
    ledger.entries = index + 1
    ledger.last_at = max(ledger.last_at, fact.at)
    if fact.event not in _IDLE:
        ledger.events[fact.event].append(fact)


def read_fact(ledger: str, index: int, entry: bytes) -> Fact:
    """Parse one entry. Raises ValueError."""
    try:
        table = json.loads(entry)
        at, event, fields = table["at"], table["event"], table["fields"]
        if not (isinstance(at, str) and isinstance(event, str) and isinstance(fields, dict)):
            raise TypeError
        return Fact(ledger, index, seconds(at), event, fields)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"entry {index} of {ledger} is not an entry of this format") from None


def read_kept(path: Path, keys: Sequence[str]) -> set[tuple[str, int, bytes]]:
    """Origin, size and root of each checkpoint in ``extra/`` that its own log signed."""
    ring = Keyring([parse_key(key) for key in keys])
    found = set()
    for file in sorted(path.glob("extra/*.note")) if path.is_dir() else []:
        try:
            note = parse_note(small(file), str(file))
            if ring.check(note)[0]:
                found.add((note.origin, note.size, note.root))
        except (Broken, ValueError):
            continue
    return found


def seconds(at: str) -> float:
    """RFC 3339 in UTC to seconds since the epoch. Raises ValueError."""
    # With the Z as text: a time of no zone would be read as this machine's own.
    return datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def claims(ledgers: Sequence[Ledger]) -> list[Claim]:
    """Every head that one party wrote down of another's log, smallest first."""
    found = [claim for ledger in ledgers for claim in _claims_of(ledger, *_SHOWN)]
    return sorted(found, key=lambda claim: (claim.origin, claim.size))


def forks(ledger: Ledger) -> list[Claim]:
    """Heads that this ledger says contradict what it had seen."""
    return list(_claims_of(ledger, *_FORKED))


def _claims_of(ledger: Ledger, *events: str) -> Iterator[Claim]:
    for fact in ledger.of(*events):
        size = fact.fields.get("size")
        if isinstance(size, int):
            yield Claim(fact.text("origin"), size, _root(fact), fact)


def _root(fact: Fact) -> bytes:
    """32 bytes, as the event spells them; what is no root equals none, and so contradicts all."""
    spell = _from_base64 if fact.event in _IN_BASE64 else _from_hex
    try:
        root = spell(fact.text("root"))
    except ValueError:
        return b""
    return root if len(root) == 32 else b""


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _from_hex(text: str) -> bytes:
    return bytes.fromhex(text)


def contradicted(ledger: Ledger, heads: Sequence[Claim]) -> Iterator[Claim]:
    """Those of ``heads`` (of this log, by size, within it) that its entries do not give."""
    tree, waiting = Tree(), list(heads)
    with closing(open_log(ledger.path)) as source:
        for part in source.parts():
            tree.add(part)
            while waiting and waiting[0].size <= tree.size:
                claim = waiting.pop(0)
                if tree.root(claim.size) != claim.root:
                    yield claim
