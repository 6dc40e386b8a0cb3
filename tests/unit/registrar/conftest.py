"""A registrar served in the test process, its people, and key holders that accept or not."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import MetaData

from crypto.rng import system_rng
from hedui.v1 import holder_pb2, holder_pb2_grpc
from hedui.v1 import policy_pb2 as policy_messages
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.policy_pb2_grpc import PolicyServiceStub
from hedui.v1.registrar_pb2_grpc import AuthorizationServiceStub, ManifestServiceStub
from ledger import event, log
from model.documents.authorization import Authorization, AuthorizationCheck, Grant, HouseholdMember
from model.documents.opening import Acceptance, HolderRole
from model.documents.query import Manifest, OfficerRequest, Ticket
from model.documents.signed import Document, Signed, sign
from model.federation import Federation
from model.fields import format_time
from model.identifiers import check_digit
from model.policy import policy_digest
from model.reasons import Reason
from model.roles import Role
from registrar.process import KIND
from runtime.errors import Refusal, Refused
from runtime.process import Assembly, Instruments, Kind, Parts, Service, create_database
from runtime.site.endpoints import Endpoints
from runtime.site.identity import Identity, load_person, load_process_identity
from runtime.transport.channel import Dialer
from runtime.transport.server import offer
from runtime.transport.wire import signed_from_wire, signed_to_wire
from tests.support import ceremony
from tests.support.homes import FixedClock
from tests.unit.registrar.policy import POLICY

NUMBER = "330212-2026-000001"


def resident(serial: int) -> str:
    """An invented resident number, typed."""
    first = f"33021219900101{serial:03d}"
    return f"resident:{first}{check_digit(first)}"


@dataclass
class World:
    """Everything that a test touches."""

    home: Path
    clock: FixedClock
    federation: Federation
    registrar: Service
    identities: dict[str, Identity] = field(default_factory=dict)
    dialers: dict[str, Dialer] = field(default_factory=dict)
    holders: list[Service] = field(default_factory=list)

    def identity(self, name: str) -> Identity:
        """The keys of a person or process."""
        if name not in self.identities:
            if (self.home / "people" / name).is_dir():
                self.identities[name] = load_person(self.home, name)[1]
            else:
                self.identities[name] = load_process_identity(self.home / name)
        return self.identities[name]

    def call(self, name: str, stub: Any, method: str, request: Any) -> Any:
        """Call the registrar as this member."""
        if name not in self.dialers:
            self.dialers[name] = Dialer(
                federation=self.federation,
                identity=self.identity(name),
                endpoints=Endpoints(self.home),
                clock=self.clock,
            )
        return self.dialers[name].call("registrar", stub, method, request, timeout_s=20)

    def signed(self, document: Document, name: str) -> Signed:
        """The document, signed by this member."""
        return sign(document, self.identity(name).sign_key, name)

    def ledger(self) -> list[event.Entry]:
        """All entries of the registrar's ledger."""
        with self.registrar.parts.database.read() as conn:
            return [event.decode(e) for e in log.entries(conn, 0, log.size(conn))]

    def day(self, days: int) -> str:
        """The local day so many days from now."""
        return (self.clock.now() + timedelta(hours=8, days=days)).date().isoformat()

    # authorizations

    def letter(self, **changes: Any) -> Authorization:
        """A sound letter of two persons, changed as told."""
        terms: dict[str, Any] = {
            "number": NUMBER,
            "programmes": ["aid"],
            "purpose": "social-assistance",
            "level": "verdict",
            "region": "330212",
            "members": [member(1, "head"), member(2, "spouse")],
            "grants": [
                Grant(department="tax", resources=["tax.wages"]),
                Grant(department="bank", resources=["bank.deposits"]),
                Grant(department="cars", resources=["cars.cars"]),
            ],
            "single_department_rules": ["cars_allowed"],
            "reference_date": self.day(-20),
            "valid_from": self.day(-20),
            "valid_to": self.day(340),
            "evidence_file": "letter.pdf",
            "evidence_sha256": "ab" * 32,
            "clerk": "chen",
        }
        return Authorization(**(terms | changes))

    def register(self, letter: Authorization, *, by: str = "chen") -> Any:
        """Register a letter."""
        request = pb.RegisterAuthorizationRequest(
            authorization=signed_to_wire(self.signed(letter, by))
        )
        return self.call(by, AuthorizationServiceStub, "RegisterAuthorization", request)

    def confirm(self, letter: Authorization, *, by: str = "li", digest: str = "") -> Any:
        """Confirm a letter."""
        check = AuthorizationCheck(
            number=letter.number, authorization=digest or letter.digest, checker=by
        )
        request = pb.ConfirmAuthorizationRequest(check=signed_to_wire(self.signed(check, by)))
        return self.call(by, AuthorizationServiceStub, "ConfirmAuthorization", request)

    def give(self, **changes: Any) -> Authorization:
        """A letter in force."""
        letter = self.letter(**changes)
        self.register(letter)
        self.confirm(letter)
        return letter

    def revoke(self, number: str = NUMBER) -> Any:
        """Revoke a letter."""
        request = pb.RevokeAuthorizationRequest(number=number)
        return self.call("li", AuthorizationServiceStub, "RevokeAuthorization", request)

    # manifests

    def approve_policy(self, text: str = POLICY, *, by: str = "zhao") -> str:
        """Put a policy into force at the registrar; return its digest, hex."""
        request = policy_messages.ApprovePolicyRequest(policy=text.encode())
        self.call(by, PolicyServiceStub, "ApprovePolicy", request)
        return policy_digest(text.encode()).hex()

    def ask(self, **changes: Any) -> OfficerRequest:
        """A sound request of the officer, changed as told."""
        terms: dict[str, Any] = {
            "authorization": NUMBER,
            "programmes": ["aid"],
            "policy": policy_digest(POLICY.encode()).hex(),
            "level": "verdict",
            "officer": "wang",
            "nonce": system_rng(16).hex(),
            "at": format_time(self.clock.now()),
        }
        return OfficerRequest(**(terms | changes))

    def issue(
        self, request: OfficerRequest, *, by: str = "wang", countersigned_by: str = ""
    ) -> "Issued":
        """Have the coordinator ask for a manifest."""
        message = pb.IssueManifestRequest(request=signed_to_wire(self.signed(request, by)))
        if countersigned_by:
            counter = self.signed(request, countersigned_by)
            message.countersigned.CopyFrom(signed_to_wire(counter))
        reply = self.call("coordinator", ManifestServiceStub, "IssueManifest", message)
        return Issued(reply)

    def permit(
        self, manifest: str, *, answers: str = "11" * 32, silent: Sequence[str] = ()
    ) -> Signed:
        """Have the coordinator ask for an opening permit."""
        request = pb.IssuePermitRequest(
            manifest=bytes.fromhex(manifest),
            kind="rules",
            answers=bytes.fromhex(answers),
            silent=silent,
        )
        reply = self.call("coordinator", ManifestServiceStub, "IssuePermit", request)
        return signed_from_wire(reply.permit)

    def close_application(self, manifest: str) -> None:
        """The application ended."""
        request = pb.CloseApplicationRequest(manifest=bytes.fromhex(manifest))
        self.call("coordinator", ManifestServiceStub, "CloseApplication", request)

    def start_holder(self, name: str, *, refuses: Reason | None = None, lies: str = "") -> "Holder":
        """Serve a key holder that accepts, refuses, or signs something else than it was asked."""
        holder = Holder(refuses, lies)
        kind = Kind(role=Role.NODE, metadata=MetaData(), build=holder.build)
        create_database(self.home / name, kind, federation="hexi", clock=self.clock)
        service = Service(kind, home=self.home, name=name, clock=self.clock)
        service.start()
        self.holders.append(service)
        return holder

    def close(self) -> None:
        """Stop everything."""
        for dialer in self.dialers.values():
            dialer.close()
        for service in (*self.holders, self.registrar):
            service.stop()


class Issued:
    """A manifest and its tickets, parsed."""

    def __init__(self, reply: Any) -> None:
        self.signed = signed_from_wire(reply.manifest)
        self.manifest = Manifest.decode(self.signed.body)
        self.signed_tickets = [signed_from_wire(t) for t in reply.tickets]
        self.tickets = [Ticket.decode(t.body) for t in self.signed_tickets]
        self.reveals = {o.field: o for o in reply.reveals}


class Holder(holder_pb2_grpc.HolderServiceServicer):
    """A holder as far as the registrar meets it."""

    def __init__(self, refuses: Reason | None, lies: str) -> None:
        self.refuses = refuses
        self.lies = lies
        self.asked: list[str] = []

    def build(self, parts: Parts) -> Assembly:
        """What ``Service`` serves."""
        self._parts = parts
        return Assembly([offer(holder_pb2_grpc.add_HolderServiceServicer_to_server, self)])

    def Accept(self, request: Any, context: Any) -> Any:
        """Accept, refuse or lie."""
        self.asked.append(request.role)
        if self.refuses is not None:
            raise Refusal(self.refuses)
        acceptance = Acceptance(
            holder=self._parts.name,
            role=cast("HolderRole", self.lies or request.role),
            manifest=signed_from_wire(request.manifest).digest,
            kind="rules",
            answers=request.answers.hex(),
        )
        signed = sign(acceptance, self._parts.identity.sign_key, self._parts.name)
        return holder_pb2.AcceptReply(acceptance=signed_to_wire(signed))


def member(serial: int, relation: str, signed: str = "self", guardian: str = "") -> HouseholdMember:
    """A member of a household."""
    return HouseholdMember.model_validate(
        {
            "person": resident(serial),
            "relation": relation,
            "signed": signed,
            "guardian": guardian,
        }
    )


def refused(reason: Reason, act: Callable[[], Any]) -> str:
    """Check that a call is refused for this reason; return the sentence beside it."""
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.reason is reason, caught.value.detail
    return caught.value.detail


@pytest.fixture(scope="session")
def dealt_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A federation that is copied for every test."""
    home = tmp_path_factory.mktemp("registrar") / "home"
    now = datetime.now(UTC) - timedelta(days=1)
    ceremony.whole_federation(home, now)
    return home


@contextmanager
def serving(dealt_home: Path, home: Path) -> Iterator[World]:
    """A registrar that serves from a copy, with the policy approved."""
    shutil.copytree(dealt_home, home)
    clock = FixedClock(datetime.now(UTC).replace(microsecond=0))
    create_database(home / "registrar", KIND, federation="hexi", clock=clock)
    inside = Instruments(strict_log=True)
    registrar = Service(KIND, home=home, name="registrar", clock=clock, instruments=inside)
    registrar.start()
    world = World(home, clock, registrar.parts.federation, registrar)
    try:
        world.approve_policy()
        yield world
    finally:
        world.close()


@pytest.fixture
def world(dealt_home: Path, tmp_path: Path) -> Iterator[World]:
    """One of a test's own."""
    with serving(dealt_home, tmp_path / "home") as world:
        yield world
