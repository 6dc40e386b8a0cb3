"""An admin and the node of the own organisation: records, the index, what it holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk.client.acting import TIMEOUT_S, Acting, act
from hedui.v1 import node_pb2 as pb
from hedui.v1.node_pb2_grpc import NodeAdminServiceStub
from model.federation import Federation, Member
from model.messages import gettext as _
from model.roles import Role
from node.records.mapping import parse_mapping
from runtime.errors import Refused, SettingsError

_PIECE = 128 * 1024


@dataclass(frozen=True)
class Line:
    """An admin who acts, and the node that is called."""

    acting: Acting
    node: str

    def call(self, stub: Any, method: str, request: Any, *, timeout_s: float = TIMEOUT_S) -> Any:
        """Call the node; raises CallError."""
        return self.acting.call(self.node, stub, method, request, timeout_s=timeout_s)

    def stream(self, stub: Any, method: str, request: Any, *, timeout_s: float) -> Iterator[Any]:
        """Call a method that replies with a stream; raises CallError."""
        return self.acting.dialer.stream(self.node, stub, method, request, timeout_s=timeout_s)


@contextmanager
def connect(home: Path, person: str, node: str = "") -> Iterator[Line]:
    """Connect to a node of the person's organisation, the only one unless named.

    Raises what ``act`` raises; SettingsError where the organisation has no such node.
    """
    with act(home, person) as acting:
        yield Line(acting, _node_of(acting.federation, acting.member, node))


def _node_of(federation: Federation, person: Member, named: str) -> str:
    """The node that is meant: the named one, else the only one of the person's organisation."""
    own = [
        process.name
        for process in federation.process
        if process.role is Role.NODE and process.organisation == person.organisation
    ]
    if not own:
        raise SettingsError(
            _(
                "{person} is {role} of {organisation}, which runs no node. Act as the admin of a "
                "department: --person NAME",
                person=person.name,
                role=person.role,
                organisation=person.organisation,
            )
        )
    if named:
        if named in own:
            return named
        there = ", ".join(own) or "none"
        raise SettingsError(
            _(
                '"{name}" is not a node of {organisation} (its nodes: {known})',
                name=named,
                organisation=person.organisation,
                known=there,
            )
        )
    if len(own) != 1:
        there = ", ".join(own) or "none"
        raise SettingsError(
            _(
                "{organisation} has more than one node ({known}). Name one with --node",
                organisation=person.organisation,
                known=there,
            )
        )
    return own[0]


def status(line: Line) -> pb.GetStatusReply:
    """Resources, rows, persons in the index. Raises CallError."""
    reply: pb.GetStatusReply = line.call(NodeAdminServiceStub, "GetStatus", pb.GetStatusRequest())
    return reply


@dataclass(frozen=True)
class Upload:
    """A mapping, read and sound, and the CSV file that it is about."""

    mapping: bytes
    csv: Path


def read_upload(mapping: Path, csv: Path) -> Upload:
    """Look at both files, before anybody is called. Raises OSError, ValueError naming the file."""
    described = mapping.read_bytes()
    parse_mapping(described, source=str(mapping))
    with csv.open("rb"):
        return Upload(described, csv)


def import_resource(line: Line, upload: Upload, *, timeout_s: float) -> pb.ImportReply:
    """Replace one resource by the rows of a CSV file: all of it, or nothing.

    Raises CallError; what the node refuses names the file.
    """
    try:
        reply: pb.ImportReply = line.call(
            NodeAdminServiceStub, "ImportResource", _pieces(upload), timeout_s=timeout_s
        )
    except Refused as refused:
        # The node has not seen the file's name.
        raise refused.about(upload.csv) from None
    return reply


def _pieces(upload: Upload) -> Iterator[pb.ImportRequest]:
    yield pb.ImportRequest(mapping=upload.mapping)
    with upload.csv.open("rb") as file:
        while piece := file.read(_PIECE):
            yield pb.ImportRequest(csv=piece)


@dataclass(frozen=True)
class Enrolled:
    """How far enrolment is: persons in the index, persons in all, evaluations left if known."""

    done: int
    total: int
    left: int | None = None


def enrol(
    line: Line, *, timeout_s: float, progress: Callable[[Enrolled], None] = lambda _: None
) -> Enrolled:
    """Put people into the index, blinded, until all are in it or a call brings nobody in.

    Resumes where it stopped. Raises CallError; SettingsError where the node has nobody.
    """
    found = Enrolled(0, 0)
    while True:
        before = found.done
        for step in line.stream(
            NodeAdminServiceStub, "Enrol", pb.EnrolRequest(), timeout_s=timeout_s
        ):
            left = step.budget_left if step.HasField("budget_left") else found.left
            found = Enrolled(step.done, step.total, left)
            progress(found)
        if found.done >= found.total or found.done == before:
            break
    if found.total == 0:
        raise SettingsError(
            _(
                "{node} has nobody to enrol: import a resource with `hedui-node import` first",
                node=line.node,
            )
        )
    return found
