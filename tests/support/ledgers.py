"""Ledgers of a small federation, written by hand: honest ones, and those of processes that lie.

Every log is a real one: our own writer's tree, signed by the process's own key, exported as a
bundle that the verifier accepts. A lying process is one that leaves entries out, adds them or
changes them before it writes them down.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crypto.signing import SigningKey
from ledger import checkpoint, event, merkle
from ledger.checkpoint import Checkpoint, origin_of
from ledger.export import Contents, approved_policy, policy_digest, write_bundle
from ledger.note import Verifier

FEDERATION = "hexi"
START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PROCESSES = {
    "registrar": ("registrar", ""),
    "coordinator": ("coordinator", ""),
    "tax": ("node", "tax"),
    "bank": ("node", "bank"),
    "audit": ("node", ""),
}
KEYS = {name: SigningKey(bytes([i + 1]) * 32) for i, name in enumerate(PROCESSES)}
QUERIES = {"tax": "a1" * 16, "bank": "b2" * 16}
POLICY = b'name = "a policy"\n'
MANIFEST, PERMIT, CASE = "c3" * 32, "d4" * 32, "e5" * 16
SALTED = "00" * 32

Rows = list[tuple[datetime, str, dict[str, Any]]]


def commitment(serial: int) -> str:
    """A commitment that occurs once."""
    return f"{serial:064x}"


def verifier(name: str) -> Verifier:
    """The pinned key of a process's log."""
    return Verifier(origin_of(FEDERATION, name), KEYS[name].verify_key)


def federation_file() -> bytes:
    """What reconciliation reads of a federation file: names, roles, departments, keys."""
    rows = [f'name = "{FEDERATION}"']
    for name, (role, department) in PROCESSES.items():
        key = KEYS[name].verify_key.to_bytes().hex()
        rows.append(f'[[process]]\nname = "{name}"\nrole = "{role}"\nverify_key = "{key}"')
        rows.append(f'department = "{department}"')
    return ("\n".join(rows) + "\n").encode()


@dataclass
class Ledgers:
    """Entries by process, in order; change them as a liar would, then ``write``."""

    rows: dict[str, Rows] = field(default_factory=lambda: {name: [] for name in PROCESSES})

    def add(self, process: str, second: float, name: str, **fields: Any) -> int:
        """Append an entry so many seconds after 08:00; return its index."""
        self.rows[process].append((START + timedelta(seconds=second), name, fields))
        return len(self.rows[process]) - 1

    def drop(self, process: str, *events: str, **fields: Any) -> None:
        """Leave out the entries of these events with these fields."""
        self.rows[process] = [
            row
            for row in self.rows[process]
            if row[1] not in events or any(row[2].get(k) != v for k, v in fields.items())
        ]

    def change(self, process: str, name: str, **fields: Any) -> None:
        """Write other fields into every entry of this event."""
        for _, event_name, found in self.rows[process]:
            if event_name == name:
                found.update(fields)

    def entries(self, process: str) -> list[bytes]:
        """The exact entries."""
        return [
            event.encode(name, fields, at=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
            for at, name, fields in self.rows[process]
        ]

    def root(self, process: str, size: int) -> bytes:
        """Root of the first entries as they stand now."""
        leaves = [merkle.leaf_hash(entry) for entry in self.entries(process)[:size]]
        return merkle.Frontier().extend(leaves)[0].root()

    def write(self, folder: Path, names: Iterable[str] = PROCESSES) -> list[Path]:
        """Write the bundles of these processes; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        return [self._bundle(folder / name, name) for name in names]

    def _bundle(self, target: Path, name: str) -> Path:
        entries = self.entries(name)
        tree, nodes = merkle.Frontier().extend(merkle.leaf_hash(entry) for entry in entries)
        head = Checkpoint(origin_of(FEDERATION, name), tree.size, tree.root())
        contents = Contents(
            origin=head.origin,
            size=tree.size,
            entries=entries,
            hashes=nodes,
            checkpoints=[(tree.size, checkpoint.sign(head, KEYS[name]))],
            keys=[verifier(name).vkey()],
            policies=[POLICY] if any(map(approved_policy, entries)) else [],
            extra={"federation.toml": federation_file()},
        )
        write_bundle(target, contents)
        return target


def honest() -> Ledgers:
    """One case from authorization to decision: two departments, two holders; then an hour."""
    made = Ledgers()
    for name in PROCESSES:
        made.add(name, 0, "ledger.created", origin=origin_of(FEDERATION, name), suite="x")
    given = made.add("registrar", 10, "authorization.given", authorization=commitment(1))
    made.add("coordinator", 20, "case.opened", case=CASE, officer=commitment(2))
    _asked(made, given)
    _opened(made)
    made.add("coordinator", 70, "case.decided", case=CASE, decision=SALTED, officer=commitment(3))
    made.add("coordinator", 70, "case.closed", case=CASE)
    made.add("registrar", 75, "authorization.ended", authorization=commitment(4), given=given)
    for name in PROCESSES:
        made.add(name, 3600, "process.stopped")
    return made


def under_policy() -> Ledgers:
    """The same, and everybody approved the policy under which it was asked."""
    made, digest = honest(), policy_digest(POLICY)
    at = START + timedelta(seconds=5)
    for rows in made.rows.values():
        rows.insert(1, (at, "policy.approved", {"policy": digest, "person": SALTED}))
    for name in ("manifest.issued", "authorization.ended"):
        made.change("registrar", name, given=2)
    for department in QUERIES:
        for name in ("query.received", "query.answered"):
            made.change(department, name, policy=digest)
    return made


def _asked(made: Ledgers, given: int) -> None:
    made.add(
        "registrar", 21, "manifest.issued",
        manifest=MANIFEST, given=given, authorization=commitment(5), tickets=list(QUERIES.values()),
    )  # fmt: skip
    made.add("coordinator", 22, "manifest.received", case=CASE, manifest=MANIFEST)
    for department, query in QUERIES.items():
        ids = {"query": query, "manifest": MANIFEST}
        made.add("coordinator", 23, "query.sent", **ids, department=department)
        made.add(department, 24, "query.received", **ids, department=department)
        made.add(department, 25, "query.answered", **ids, answer=query * 2, department=department)
        size = len(made.rows[department])
        made.add(
            "coordinator", 26, "answer.received", **ids, answer=query * 2,
            origin=origin_of(FEDERATION, department), size=size,
            root=made.root(department, size).hex(),
        )  # fmt: skip


def _opened(made: Ledgers) -> None:
    ids = {"permit": PERMIT, "manifest": MANIFEST}
    holders = ["bank", "audit"]
    for name, role in zip(holders, ("masker", "evaluator"), strict=True):
        made.add(name, 30, "opening.accepted", manifest=MANIFEST, role=role)
    made.add("registrar", 31, "permit.issued", **ids, holders=holders, silent=[], skipped=[])
    made.add("coordinator", 32, "permit.received", **ids, holders=holders, skipped=[])
    for name, role in zip(holders, ("masker", "evaluator"), strict=True):
        made.add(name, 33, "opening.joined", **ids, role=role)
        made.add(name, 34, "opening.step", permit=PERMIT, step="mask", message=SALTED)
        made.add("coordinator", 35, "opening.relayed", **ids, step="mask", message=SALTED)
    made.add("coordinator", 60, "case.determined", case=CASE, **ids, result=SALTED, bits=SALTED)


Lie = Callable[[Ledgers], object]
"""What a process does to its own ledger before it writes it."""
