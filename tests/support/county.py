"""A whole federation in the test process: real ceremony, real services over mutual TLS.

Only the search for primes is left out: the joint key is dealt over the fixed primes of
tests/support/keys.py. Interceptors can be handed to each service, so that a test can lose
replies, change them or record them; clocks can be moved; services can be stopped and started.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ceremony.authority import init_authority
from ceremony.dealing import hold_ceremony
from coordinator.process import KIND as COORDINATOR_KIND
from crypto.rng import system_rng
from desk.client import authorizations, budgets, policies
from desk.client.acting import Acting
from desk.client.authorizations import Registered
from desk.client.budgets import Budget
from desk.client.node import Line, enrol
from hedui.v1 import node_pb2
from hedui.v1.node_pb2_grpc import NodeAdminServiceStub
from ledger import event, log
from ledger.event import Entry
from model.documents.authorization import Authorization, Grant, HouseholdMember
from model.federation import Federation
from model.identifiers import check_digit
from model.roles import PERSON_ROLES, PROCESS_ROLES, Role
from node.process import node_kind
from registrar.process import KIND as REGISTRAR_KIND
from runtime.clock import SystemClock
from runtime.process import Instruments, Kind, Service, create_database
from runtime.site.endpoints import Endpoints
from runtime.site.identity import load_person
from runtime.site.joining import EMBEDDED, DatabasePlace, init_person, init_process, load_site
from runtime.transport.channel import Dialer
from tests.support.keys import dealt

POLICY = Path(__file__).with_name("small-policy.toml").read_bytes()
PLAN = """name = "hexi"
threshold = {threshold}
key_bits = 2048
"""
PROCESSES = (
    ("registrar", "registrar", "Data Bureau", ""),
    ("coordinator", "coordinator", "Civil Affairs", ""),
    ("tax", "node", "Tax Service", "tax"),
    ("bank", "node", "Bank", "bank"),
    ("audit", "node", "Audit Office", ""),
    ("police", "node", "Police", ""),
)
PEOPLE = (
    ("olga", "officer", "Civil Affairs"),
    ("otto", "officer", "Civil Affairs"),
    ("clara", "clerk", "Civil Affairs"),
    ("chris", "checker", "Civil Affairs"),
    ("rita", "registrar-officer", "Data Bureau"),
    ("ralf", "registrar-officer", "Data Bureau"),
    ("rosa", "reviewer", "Audit Office"),
    ("remy", "reviewer", "Audit Office"),
    ("ruth", "reviewer", "Audit Office"),
    ("adam", "admin", "Tax Service"),
    ("bert", "admin", "Bank"),
    ("anna", "admin", "Audit Office"),
    ("paul", "admin", "Police"),
)
ADMINS = {"tax": "adam", "bank": "bert", "audit": "anna", "police": "paul"}
HOLDERS = ("bank", "audit", "police")
RESOURCES = {"tax": ["tax.homes", "tax.wages"], "bank": ["bank.interest"]}
_MAPPING = """resource = "{resource}"
title = "{resource}"
data_date = 2026-10-31
[columns]
person = "id_no"
amount = "amount"
{more}
[amount]
unit = "{unit}"
"""


class MovedClock(SystemClock):
    """The machine's clock, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The present, and what was added."""
        return datetime.now(UTC) + self.ahead

    def move(self, **by: float) -> None:
        """``clock.move(days=8)``."""
        self.ahead += timedelta(**by)


def resident(number: int) -> str:
    """An invented resident number with a sound check digit."""
    first = f"33021219800101{number:03d}"
    return first + check_digit(first)


@dataclass
class County:
    """The services by name, and what people do."""

    home: Path
    clock: MovedClock
    services: dict[str, Service] = field(default_factory=dict)
    numbers: int = 0

    @property
    def federation(self) -> Federation:
        """As it was dealt."""
        return Federation.parse((self.home / "federation.toml").read_bytes())

    # --- processes ------------------------------------------------------------------------------

    def start(self, name: str, **options: Any) -> Service:
        """Start a service; ``options`` as of Instruments."""
        inside = Instruments(strict_log=True, **options)
        service = Service(
            _kind(name), home=self.home, name=name, clock=self.clock, instruments=inside
        )
        service.start()
        self.services[name] = service
        return service

    def stop(self, *names: str) -> None:
        """Stop services, all by default."""
        for name in names or tuple(self.services):
            self.services.pop(name).stop()

    def ledger(self, name: str, *, event_name: str = "") -> list[Entry]:
        """The decoded entries of a running process's ledger."""
        with self.services[name].parts.database.read() as conn:
            found = [event.decode(e) for e in log.entries(conn, 0, log.size(conn))]
        return [e for e in found if event_name in ("", e.event)]

    # --- people ---------------------------------------------------------------------------------

    @contextmanager
    def acting(self, name: str) -> Iterator[Acting]:
        """Act as a person."""
        identity = load_person(self.home, name)[1]
        federation = self.federation
        member = federation.member(name)
        assert member is not None
        with Dialer(
            federation=federation,
            identity=identity,
            endpoints=Endpoints(self.home),
            clock=self.clock,
        ) as dialer:
            yield Acting(identity, member, federation, dialer, self.clock)

    def approve(self, person: str, process: str, policy: bytes = POLICY) -> None:
        """Approve a policy at a process."""
        with self.acting(person) as acting:
            policies.approve(acting, process, policy)

    def load(self, node: str, resource: str, rows: dict[int, str]) -> None:
        """Import one resource of a department and enrol whoever is new."""
        more, unit = _columns(resource)
        header = "id_no,amount,month,home\n"
        lines = [f"{resident(p)},{a},2026-10,h{p}\n" for p, a in rows.items()]
        mapping = _MAPPING.format(resource=resource, more=more, unit=unit).encode()
        parts = [
            node_pb2.ImportRequest(mapping=mapping),
            node_pb2.ImportRequest(csv=(header + "".join(lines)).encode()),
        ]
        with self.acting(ADMINS[node]) as acting:
            acting.call(node, NodeAdminServiceStub, "ImportResource", parts)
            enrol(Line(acting, node), timeout_s=60)

    def budgets(self) -> None:
        """Two registrar officers approve the departments' budgets."""
        for department in RESOURCES:
            budget = Budget(department, total=1000, daily=100)
            with self.acting("rita") as acting:
                budgets.propose(acting, budget)
            with self.acting("ralf") as acting:
                budgets.approve(acting, budget)

    def authorize(self, *members: int, confirm: bool = True, **changes: Any) -> str:
        """Register a household's letter and put it into force; returns its number."""
        self.numbers += 1
        letter = _letter(f"330212-2026-{self.numbers:06d}", members, self.clock.now(), changes)
        with self.acting("clara") as acting:
            authorizations.register(acting, letter)
        if confirm:
            with self.acting("chris") as acting:
                # As it was written; reading it first would stand in the ledger.
                authorizations.confirm(acting, Registered(letter, letter.digest, "registered"))
        return letter.number

    def revoke(self, number: str) -> None:
        """The household withdraws."""
        with self.acting("clara") as acting:
            authorizations.revoke(acting, number)


def _columns(resource: str) -> tuple[str, str]:
    if resource == "tax.homes":
        return 'row = "home"', "m2"
    return 'period = "month"', "yuan"


def _letter(
    number: str, members: Sequence[int], now: datetime, changes: dict[str, Any]
) -> Authorization:
    people = [
        HouseholdMember(
            person=f"resident:{resident(m)}",
            relation="head" if i == 0 else "child",
            signed="self",
        )
        for i, m in enumerate(members)
    ]
    day = (now + timedelta(hours=8)).date()
    terms: dict[str, Any] = {
        "number": number,
        "programmes": ["low-income"],
        "purpose": "social-assistance",
        "level": "verdict",
        "region": "330212",
        "members": people,
        "grants": [Grant(department=d, resources=r) for d, r in RESOURCES.items()],
        "single_department_rules": ["one_home", "small_home"],
        "reference_date": "2026-11-20",
        "valid_from": day.isoformat(),
        "valid_to": (day + timedelta(days=90)).isoformat(),
        "evidence_file": "letter.pdf",
        "evidence_sha256": hashlib.sha256(b"letter").hexdigest(),
        "clerk": "clara",
    }
    return Authorization(**{**terms, **changes})


def _kind(name: str) -> Kind:
    return {"registrar": REGISTRAR_KIND, "coordinator": COORDINATOR_KIND}.get(name) or node_kind()


def make_county(
    home: Path,
    *,
    threshold: int = 2,
    holders: Sequence[str] = HOLDERS,
    databases: Mapping[str, DatabasePlace] | None = None,
) -> County:
    """Hold the ceremony; nothing serves yet. ``databases``: by process, where not SQLite."""
    clock = MovedClock()
    plan_file = home.parent / f"{home.name}.plan.toml"
    plan_file.write_text(_plan(threshold, holders))
    init_authority(home, plan_file, key_bits=None, now=clock.now(), rng=system_rng)
    site = load_site(home)
    for name, _, _, _ in PROCESSES:
        at = (databases or {}).get(name, EMBEDDED)
        folder = init_process(
            site, name, roles=frozenset(PROCESS_ROLES), rng=system_rng, database=at
        )
        _quick(folder / "process.toml", name)
        create_database(folder, _kind(name), federation="hexi", clock=clock)
    for name, _, _ in PEOPLE:
        init_person(site, name, rng=system_rng)
    hold_ceremony(
        home,
        now=clock.now(),
        rng=system_rng,
        pool=None,
        progress=lambda _text: None,
        dealer=lambda **_: dealt(threshold, len(holders)),
    )
    return County(home, clock)


def _quick(settings: Path, name: str) -> None:
    """No waiting that a test would wait for."""
    more = {
        "registrar": "",
        "coordinator": "retry_first_ms = 20\nretry_max_ms = 100\nwitness_every_s = 0\n",
    }.get(name, "reply_step_ms = 0\nrandomiser_pool = 0\n")
    text = settings.read_text()
    settings.write_text(more + text)


def _plan(threshold: int, holders: Sequence[str]) -> str:
    lines = [PLAN.format(threshold=threshold)]
    for name, role, organisation, department in PROCESSES:
        lines += ["[[process]]", f'name = "{name}"', f'role = "{role}"']
        lines += [f'organisation = "{organisation}"', 'office = "office"']
        lines += [f'department = "{department}"'] if department else []
        lines += ["holder = true"] if name in holders else []
    for name, role, organisation in PEOPLE:
        assert Role(role) in PERSON_ROLES
        lines += ["[[person]]", f'name = "{name}"', f'role = "{role}"']
        lines += [f'organisation = "{organisation}"', 'office = "office"']
    return "\n".join(lines) + "\n"


INCOMES = {1: "1000.00", 2: "5000.00", 3: "60000.00", 4: "0.00", 21: "1000.00", 23: "60000.00"}
"""Wages in the window by person: the limit is 6,000 yuan per member."""
INTEREST = {1: "-10.00", 3: "5.50", 5: "6000.01", 21: "-10.00", 23: "5.50"}
HOMES = {2: "99.99", 4: "100.01"}
"""Floor area by person: the limit is 50 m² per member."""


def serve_county(county: County, **options: Any) -> None:
    """Start everything, approve, load and enrol. ``options``: service name to its options."""
    for name, _, _, _ in PROCESSES:
        county.start(name, **options.get(name, {}))
    for person, process in (
        ("rita", "registrar"),
        ("olga", "coordinator"),
        *((a, n) for n, a in ADMINS.items()),
    ):
        county.approve(person, process)
    county.budgets()
    county.load("tax", "tax.wages", INCOMES)
    county.load("tax", "tax.homes", HOMES)
    county.load("bank", "bank.interest", INTEREST)
