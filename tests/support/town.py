"""A town: the smallest federation of real processes, in two worlds with the same keys.

The ceremony is held once, by production commands; the home is copied before anybody serves. The
two copies differ in what the departments' files say, and in nothing else. Processes run by the
launcher, but for the party under observation, which runs in the test process.
"""

import base64
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desk.client import cases
from desk.client.cases import Question
from hedui.v1 import coordinator_pb2, node_pb2
from hedui.v1.node_pb2_grpc import NodeAdminServiceStub
from model.policy import policy_digest
from runtime.clock import SystemClock
from runtime.process import Instruments, Service
from simulations.federation import LocalFederation, in_parallel
from tests.support.county import ADMINS, PEOPLE, POLICY, County, _kind, resident
from tests.support.recording import Recorder

HOLDERS = ("bank", "jury")
"""Both take part in every opening; which of them masks is drawn by lot. Their names are of one
length, as is everything that depends on them."""
PROCESSES = (
    ("registrar", "registrar", "Data Bureau", ""),
    ("coordinator", "coordinator", "Civil Affairs", ""),
    ("tax", "node", "Tax Service", "tax"),
    ("bank", "node", "Bank", "bank"),
    ("jury", "node", "Audit Office", ""),
)
ASKED = Question(policy_digest(POLICY).hex(), ("low-income",), "")
_SETTINGS = {
    # One case after the other, and one revocation list for all: order and number of calls are
    # then the protocol's and not the scheduler's.
    "coordinator": "parallel_cases = 1\nrevocations_refresh_s = 3600\nwitness_every_s = 0\n",
    "tax": "revocation_max_age_s = 7200\n",
    "bank": "revocation_max_age_s = 7200\n",
}
_MAPPING = """resource = "{resource}"
title = "{resource}"
data_date = 2026-10-31
[columns]
person = "id_no"
amount = "amount"
{more}
[amount]
unit = "{unit}"
empty = "unreadable"
"""
Rows = dict[int, str]
"""Person to amount; "" is a NULL row."""


@dataclass
class Town(County):
    """One world."""

    run: LocalFederation = field(default_factory=lambda: LocalFederation(Path()))

    # --- processes --------------------------------------------------------------------------

    def begin(self, *names: str) -> None:
        """Start real processes."""
        for name in names:
            program = "hedui" if name in ("registrar", "coordinator") else "hedui-node"
            args = [name, "serve"] if program == "hedui" else ["serve", name]
            if name in self.run.children:
                self.run.restart(name)
            else:
                self.run.start(name, program, *args)
        self.run.wait_ready(*names)

    @contextmanager
    def observed(self, name: str) -> Iterator[Recorder]:
        """Run one process in the test process instead, everything recorded."""
        if name in self.run.children:
            self.run.stop(name)
        recorder = Recorder()
        service = Service(
            _kind(name),
            home=self.home,
            name=name,
            instruments=Instruments(server=[recorder], client=[recorder], strict_log=True),
        )
        service.start()
        self.services[name] = service
        try:
            yield recorder
        finally:
            self.services.pop(name).stop()

    def end(self) -> None:
        """Stop every process."""
        self.run.stop()

    # --- people -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Approvals and budgets."""
        people = {"rita": "registrar", "olga": "coordinator"}
        for person, process in people.items():
            self.approve(person, process)
        for node in ("tax", "bank"):
            self.approve(ADMINS[node], node)
        self.approve("anna", "jury")
        self.budgets()

    def load(self, node: str, resource: str, rows: Rows) -> None:
        """Import one resource, NULL rows included; ``enrol`` comes afterwards."""
        home = resource == "tax.homes"
        more = 'row = "home"' if home else 'period = "month"'
        mapping = _MAPPING.format(resource=resource, more=more, unit="m2" if home else "yuan")
        lines = [f"{resident(p)},{amount},2026-10,h{p}\n" for p, amount in rows.items()]
        parts = [
            node_pb2.ImportRequest(mapping=mapping.encode()),
            node_pb2.ImportRequest(csv=("id_no,amount,month,home\n" + "".join(lines)).encode()),
        ]
        with self.acting(ADMINS[node]) as acting:
            acting.call(node, NodeAdminServiceStub, "ImportResource", parts)

    def enrol(self, node: str) -> None:
        """Index whoever is new."""
        with self.acting(ADMINS[node]) as acting:
            request = node_pb2.EnrolRequest()
            list(acting.dialer.stream(node, NodeAdminServiceStub, "Enrol", request, timeout_s=60))

    def verify(self, number: str, *, wait_s: float = 60) -> coordinator_pb2.Case:
        """Open a case and follow it to its end."""
        with self.acting("olga") as acting:
            (case,) = cases.open_cases(acting, [number], ASKED)
            end = time.monotonic() + wait_s
            while case.state in cases.RUNNING:
                assert time.monotonic() < end, (case.state, case.reason)
                time.sleep(0.05)
                case = cases.get_case(acting, case.case_id)
        return case

    # --- afterwards -------------------------------------------------------------------------

    def leaves(self, name: str) -> list[bytes]:
        """The exact leaves of a process's ledger, whether it runs or not."""
        path = self.home / name / "data" / f"{name}.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
            return [row[0] for row in copy.execute("SELECT entry FROM ledger_leaf ORDER BY idx")]

    def log_lines(self, name: str) -> list[str]:
        """The lines of a process's log."""
        return (self.home / name / "log" / f"{name}.jsonl").read_text().splitlines()

    def integers(self, name: str) -> set[int]:
        """Every number that stands in a process's database."""
        path = self.home / name / "data" / f"{name}.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
            tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            queries = [f'SELECT * FROM "{table}"' for (table,) in tables]  # noqa: S608 - own file
            rows = [row for query in queries for row in copy.execute(query)]
        return {int(cell) for row in rows for cell in row if isinstance(cell, int | float)}

    def traces(self, name: str) -> bytes:
        """Every byte of a process's folder: database, its log, keys, settings, run files."""
        return b"\0".join(
            path.read_bytes() for path in sorted((self.home / name).rglob("*")) if path.is_file()
        )


def hold_ceremony(home: Path) -> None:
    """Keys, certificates and the joint key of 2048 bits, by production commands."""
    run = LocalFederation(home)
    home.mkdir(parents=True)
    plan = home.parent / "plan.toml"
    plan.write_text(_plan())
    run.hedui("federation", "init", "--plan", str(plan))
    people = [name for name, _, organisation in PEOPLE if organisation != "Police"]
    jobs = [
        lambda: run.hedui("registrar", "init"),
        lambda: run.hedui("coordinator", "init"),
        lambda: run.node("init", "tax", "bank", "jury"),
        lambda: run.hedui("person", "init", *people),
    ]
    in_parallel(jobs)
    run.hedui("federation", "deal")
    for name, text in _SETTINGS.items():
        path = home / name / "process.toml"
        path.write_text(text + path.read_text())


def world(ceremony: Path, home: Path) -> Town:
    """A copy of the home in which the ceremony was held."""
    shutil.copytree(ceremony, home)
    return Town(home, SystemClock(), run=LocalFederation(home))  # type: ignore[arg-type]


def _plan() -> str:
    lines = ['name = "hexi"', "threshold = 2", "key_bits = 2048"]
    for name, role, organisation, department in PROCESSES:
        lines += ["[[process]]", f'name = "{name}"', f'role = "{role}"']
        lines += [f'organisation = "{organisation}"', 'office = "office"']
        lines += [f'department = "{department}"'] if department else []
        lines += ["holder = true"] if name in HOLDERS else []
    for name, role, organisation in PEOPLE:
        if organisation != "Police":
            lines += ["[[person]]", f'name = "{name}"', f'role = "{role}"']
            lines += [f'organisation = "{organisation}"', 'office = "office"']
    return "\n".join(lines) + "\n"


def roles_of(permits: Iterable[Any]) -> dict[str, str]:
    """Holder to role, from the permit of a case."""
    for permit in permits:
        return {permit.masker: "masker", permit.evaluator: "evaluator"}
    return {}


def encodings(secret: str) -> dict[str, bytes]:
    """How a text could lie somewhere: plain, hex, base64 at each offset, UTF-16."""
    plain = secret.encode()
    found = {"plain": plain, "hex": plain.hex().encode(), "HEX": plain.hex().upper().encode()}
    found |= {"utf-16-le": secret.encode("utf-16-le"), "utf-16-be": secret.encode("utf-16-be")}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + plain)
        # Without the characters that depend on what stands before and behind.
        first, end = -(-8 * offset // 6), 8 * (offset + len(plain)) // 6
        found[f"base64+{offset}"] = coded[first:end]
    return found


def number_encodings(amount: int) -> dict[str, bytes]:
    """How a number of fen could lie somewhere, beside its digits: in eight bytes.

    Four would be found by chance in a megabyte of ciphertexts; see ``Town.integers``.
    """
    found: dict[str, bytes] = {}
    for order in ("big", "little"):
        packed = amount.to_bytes(8, order, signed=True)
        found |= {order: packed, f"{order} hex": packed.hex().encode()}
    return found


def found_in(haystack: bytes, secrets: Sequence[str], amounts: Sequence[int]) -> list[str]:
    """Which of these secrets lie in there, and how they are written."""
    wanted = [(s, encodings(s)) for s in secrets]
    for amount in amounts:
        for number in (amount, -amount):
            wanted.append((str(number), encodings(str(abs(number))) | number_encodings(number)))
    return [
        f"{secret} ({how})"
        for secret, forms in wanted
        for how, form in forms.items()
        if form in haystack
    ]
