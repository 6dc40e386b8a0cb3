"""A department's node in the test process, with a registrar's keys in the test's hand.

The registrar is a simulator: real keys, real signatures, a real oblivious PRF behind a real
mutual-TLS server, and no state. What it issues can be bent, so that attacks are tests.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from crypto import oprf
from crypto.commit import Reveal, new_salt
from crypto.rng import shuffled, system_rng
from crypto.signing import SigningKey
from hedui.v1 import node_pb2, policy_pb2, registrar_pb2, registrar_pb2_grpc
from hedui.v1.node_pb2_grpc import NodeAdminServiceStub, QueryServiceStub
from hedui.v1.policy_pb2_grpc import PolicyServiceStub
from model.documents.query import Answer, Commitments, Manifest, RevocationList, Ticket
from model.documents.signed import Document, Signed, sign
from model.federation import Federation, Process
from model.fields import format_time
from model.identifiers import IdentifierType, check_digit, parse
from model.policy import policy_digest
from model.pseudonym import oprf_input, pseudonym
from model.reasons import Reason
from model.roles import Role
from model.suite import SUITE
from model.toml import to_toml
from node.process import node_kind
from runtime.counters import Counters
from runtime.errors import Refusal
from runtime.logging import Log
from runtime.process import Instruments, Service, create_database
from runtime.site.endpoints import Endpoints, RunFile, write_run_file
from runtime.site.identity import load_person, load_process_identity, read_secret
from runtime.site.settings import ServerSettings
from runtime.transport.channel import Dialer
from runtime.transport.guard import Host
from runtime.transport.server import build_server, offer
from runtime.transport.wire import reveals_to_wire, signed_from_wire, signed_to_wire
from tests.support.homes import FixedClock, Home, Who, make_home
from tests.support.keys import TEST_P, TEST_Q, as_signed
from tests.support.logs import MemorySink
from tests.support.postgres import keep_on_server

NOW = datetime.fromisoformat("2026-11-23T08:00:00+00:00")
REFERENCE = date(2026, 11, 20)
POLICY_FILE = Path(__file__).with_name("small-policy.toml")
MEMBERS = (
    Who("registrar", Role.REGISTRAR, "Data Bureau"),
    Who("coordinator", Role.COORDINATOR, "Civil Affairs"),
    Who("tax", Role.NODE, "Tax Service", "tax"),
    Who("bank", Role.NODE, "Bank", "bank"),
    Who("audit", Role.NODE, "Audit Office", "", 1),
    Who("police", Role.NODE, "Police", "", 2),
    Who("rosa", Role.REVIEWER, "Audit Office"),
    Who("adam", Role.ADMIN, "Tax Service"),
    Who("olga", Role.OFFICER, "Civil Affairs"),
)
WAGES = b"""resource = "tax.wages"
title = "Wages"
data_date = 2026-10-31
covers_from = 2024-01-01
covers_to = 2026-10-31
[columns]
person = "id_no"
amount = "amount"
period = "month"
[amount]
unit = "yuan"
empty = "unreadable"
"""
HOMES = b"""resource = "tax.homes"
title = "Homes"
data_date = 2026-10-31
[columns]
person = "id_no"
amount = "area"
row = "home"
[amount]
unit = "m2"
"""


def person(number: int) -> str:
    """An invented resident number with a sound check digit."""
    first = f"33021219800101{number:03d}"
    return first + check_digit(first)


class EvaluationSimulator(registrar_pb2_grpc.EnrolmentServiceServicer):
    """The registrar's PRF for one department; counts a batch once, within a budget."""

    def __init__(self, key: oprf.PrivateKey, *, budget: int = 1_000_000) -> None:
        self.key = key
        self.budget = budget
        self.used = 0
        self.batches: dict[bytes, tuple[bytes, ...]] = {}
        self.lose_replies = 0

    def Evaluate(self, request: registrar_pb2.EvaluateRequest, context: Any) -> Any:
        """RFC 9497, blind evaluation."""
        blinded = tuple(request.blinded)
        if self.batches.setdefault(request.batch, blinded) != blinded:
            raise Refusal(Reason.MALFORMED, "another batch under the same id")
        counted = sum(map(len, self.batches.values()))
        if counted > self.budget:
            del self.batches[request.batch]
            raise Refusal(Reason.BUDGET_EXHAUSTED)
        self.used = counted
        if self.lose_replies:
            self.lose_replies -= 1
            raise Refusal(Reason.OVERLOADED, "the reply is lost on its way")
        evaluated, proof = oprf.blind_evaluate(self.key, list(blinded), rng=system_rng)
        return registrar_pb2.EvaluateReply(
            evaluated=evaluated, proof=proof, budget_left=self.budget - counted
        )


@dataclass
class Case:
    """The documents of one query, each of which a test may replace before it signs."""

    manifest: Manifest
    reveals: list[Reveal]
    ticket: Ticket
    revocations: RevocationList
    signer: str = "registrar"


@dataclass
class World:
    """One node that serves, and everything that may be sent to it."""

    home: Home
    federation: Federation
    clock: FixedClock
    prf: oprf.PrivateKey
    registrar_key: SigningKey
    simulator: EvaluationSimulator
    policy: bytes
    service: Service
    waits: list[float] = field(default_factory=list)
    revocation_number: int = 1

    def dialer(self, name: str, *, is_process: bool = False) -> Dialer:
        """A dialer of a person or process."""
        folder = self.home.path / name
        identity = (
            load_process_identity(folder) if is_process else load_person(self.home.path, name)[1]
        )
        return Dialer(
            federation=self.federation,
            identity=identity,
            endpoints=Endpoints(self.home.path),
            clock=self.clock,
        )

    # --- what an admin does ---------------------------------------------------------------------

    def admin(self, method: str, request: Any) -> Any:
        """Call NodeAdminService as the tax office's admin."""
        with self.dialer("adam") as dialer:
            return dialer.call("tax", NodeAdminServiceStub, method, request, timeout_s=60)

    def load(self, mapping: bytes, csv: str | bytes) -> Any:
        """Import a resource."""
        data = csv.encode() if isinstance(csv, str) else csv
        parts = [node_pb2.ImportRequest(mapping=mapping)]
        parts += [node_pb2.ImportRequest(csv=data[i : i + 1000]) for i in range(0, len(data), 1000)]
        return self.admin("ImportResource", parts)

    def enrol(self) -> list[Any]:
        """Enrol everybody; returns the progress messages."""
        with self.dialer("adam") as dialer:
            request = node_pb2.EnrolRequest()
            stub = NodeAdminServiceStub
            return list(dialer.stream("tax", stub, "Enrol", request, timeout_s=60))

    def approve(self, policy: bytes | None = None) -> Any:
        """Approve the policy at the node."""
        request = policy_pb2.ApprovePolicyRequest(policy=policy or self.policy)
        with self.dialer("adam") as dialer:
            return dialer.call("tax", PolicyServiceStub, "ApprovePolicy", request, timeout_s=20)

    # --- what a registrar issues ----------------------------------------------------------------

    def pseudonym(self, number: str) -> str:
        """The pseudonym of a resident number for this department, hex."""
        identifier = parse(number, default=IdentifierType.RESIDENT)
        (output,) = oprf.evaluate(self.prf, [oprf_input(identifier)])
        return pseudonym(output).hex()

    def case(
        self,
        persons: Sequence[str],
        *,
        programmes: Sequence[str] = ("low-income",),
        members: int | None = None,
    ) -> Case:
        """Documents that ask about a household."""
        values: dict[str, Any] = {
            "members": len(persons) if members is None else members,
            "reference_date": REFERENCE.isoformat(),
            "region": "330212",
            "programmes": list(programmes),
        }
        opened = [Reveal(name, value, new_salt(rng=system_rng)) for name, value in values.items()]
        commitments = {o.field: o.commitment().hex() for o in opened}
        hidden = {name: system_rng(32).hex() for name in ("authorization", "roster", "officer")}
        now = self.clock.now()
        manifest = Manifest(
            suite=SUITE,
            federation=self.federation.digest,
            sequence=1,
            nonce=system_rng(32).hex(),
            commitments=Commitments(**hidden, **commitments),
            departments=["bank", "tax"],
            policy=policy_digest(self.policy).hex(),
            level="verdict",
            purpose="social-assistance",
            issued_at=format_time(now),
            expires_at=format_time(now + timedelta(days=7)),
        )
        return Case(manifest, opened, self.ticket(manifest, persons), self.revocations())

    def ticket(self, manifest: Manifest, persons: Sequence[str]) -> Ticket:
        """A ticket of a manifest for this department, under a new query id."""
        return Ticket(
            suite=SUITE,
            query=system_rng(16).hex(),
            manifest=manifest.digest,
            department="tax",
            epoch=1,
            pseudonyms=shuffled([self.pseudonym(p) for p in persons], rng=system_rng),
            resources=["tax.homes", "tax.wages"],
            expires_at=format_time(self.clock.now() + timedelta(hours=2)),
        )

    def revocations(self, *queries: str) -> RevocationList:
        """A fresh list."""
        return RevocationList(
            number=self.revocation_number,
            issued_at=format_time(self.clock.now()),
            queries=list(queries),
        )

    def sign(self, document: Document, signer: str = "registrar") -> Signed:
        """Sign as the registrar."""
        return sign(document, self.registrar_key, signer)

    # --- what a coordinator does ----------------------------------------------------------------

    def request(self, case: Case) -> node_pb2.AnswerRequest:
        """The request of a case."""
        return node_pb2.AnswerRequest(
            manifest=signed_to_wire(self.sign(case.manifest, case.signer)),
            ticket=signed_to_wire(self.sign(case.ticket)),
            revocations=signed_to_wire(self.sign(case.revocations)),
            reveals=reveals_to_wire(case.reveals),
        )

    def ask(self, case: Case | node_pb2.AnswerRequest) -> node_pb2.AnswerReply:
        """Ask the node as the coordinator."""
        request = self.request(case) if isinstance(case, Case) else case
        with self.dialer("coordinator", is_process=True) as dialer:
            reply = dialer.call("tax", QueryServiceStub, "Answer", request, timeout_s=60)
        assert isinstance(reply, node_pb2.AnswerReply)
        return reply

    def answer(self, case: Case) -> Answer:
        """Ask, verify the node's signature, parse."""
        signed = signed_from_wire(self.ask(case).answer)
        node = self.federation.member("tax")
        assert isinstance(node, Process)
        from runtime.documents import open_signed

        return open_signed(signed, Answer, node)

    def plaintext(self, answer: Answer) -> int:
        """Decrypt with the test's primes; signed."""
        n, order = TEST_P * TEST_Q, (TEST_P - 1) * (TEST_Q - 1)
        power = pow(int(answer.ciphertext, 16), order, n * n)
        message = (power - 1) // n * pow(order, -1, n) % n
        return as_signed(self.federation.joint_key.key.public, message)


def unpack(plaintext: int, width: int, slots: int) -> list[int]:
    """Signed slots of a packed plaintext."""
    half, whole, found = 1 << (width - 1), 1 << width, []
    for _ in range(slots):
        value = (plaintext + half) % whole - half
        found.append(value)
        plaintext = (plaintext - value) // whole
    assert plaintext == 0
    return found


def make_node_home(path: Path, *, database_url: str = "") -> tuple[Home, oprf.PrivateKey]:
    """Write a federation whose tax office has a real PRF key, and the node's database."""
    # Certificates hold by the test's clock and by the machine's: commands run under the latter.
    home = make_home(path, MEMBERS, now=NOW.replace(year=2020), days=40_000)
    prf = oprf.PrivateKey.generate(oprf.suite(), rng=system_rng)
    public = prf.public_key.to_bytes().hex()
    for name in ("tax", "bank"):
        home.tables[name]["prf_keys"] = [{"epoch": 1, "public_key": public}]
    home.sign()
    keep_on_server(home.path / "tax", database_url)
    create_database(home.path / "tax", node_kind(), federation="hexi", clock=FixedClock(NOW))
    return home, prf


@contextmanager
def run_node(path: Path, **settings: Any) -> Iterator[World]:
    """A node of the tax office that serves, with an evaluating registrar beside it."""
    home, prf = make_node_home(path, database_url=settings.get("database_url", ""))
    with serve_node(home, prf, **settings) as world:
        yield world


@contextmanager
def serve_node(home: Home, prf: oprf.PrivateKey, **settings: Any) -> Iterator[World]:
    """The same, over a home that stands already."""
    clock = FixedClock(NOW)
    toml = home.path / "tax" / "process.toml"
    table = {"name": "tax", "root_verify_key": home.root_hex, "role": "node", "randomiser_pool": 0}
    toml.write_text(to_toml({**table, **settings}))
    federation = home.federation()
    simulator = EvaluationSimulator(prf)
    waits: list[float] = []
    service = Service(
        node_kind(sleep=waits.append),
        home=home.path,
        name="tax",
        clock=clock,
        instruments=Instruments(strict_log=True),
    )
    with _registrar(home, federation, simulator, clock):
        service.start()
        try:
            yield World(
                home=home,
                federation=federation,
                clock=clock,
                prf=prf,
                registrar_key=SigningKey(read_secret(home.path / "registrar/keys/sign.key")),
                simulator=simulator,
                policy=POLICY_FILE.read_bytes(),
                service=service,
                waits=waits,
            )
        finally:
            service.stop()


@contextmanager
def _registrar(
    home: Home, federation: Federation, simulator: EvaluationSimulator, clock: FixedClock
) -> Iterator[None]:
    counters = Counters()
    server = build_server(
        [offer(registrar_pb2_grpc.add_EnrolmentServiceServicer_to_server, simulator)],
        Host(
            federation.registrar,
            load_process_identity(home.path / "registrar"),
            federation,
            clock,
            Log(MemorySink(), process="registrar", clock=clock, counters=counters),
            counters,
        ),
        listen="127.0.0.1:0",
        settings=ServerSettings(stop_grace_s=0),
    )
    server.start()
    run = RunFile(pid=_own_pid(), start_time="", address=server.address, health_address="a:1")
    write_run_file(home.path / "registrar", run)
    try:
        yield
    finally:
        server.stop()


def _own_pid() -> int:
    import os

    return os.getpid()
