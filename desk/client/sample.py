"""A reviewer's sample: draw, and have everything opened by registrar and departments.

Source: design.md 4.13.
Which entries are drawn is decided here, by this machine's randomness, among those of a verified
bundle; the registrar ledgers the drawing before it opens anything.
"""

from typing import Any

from crypto.rng import system_rng
from desk.client.acting import Acting
from hedui.v1 import node_pb2, node_pb2_grpc, registrar_pb2, registrar_pb2_grpc
from model.disclosure import (
    AnswerDisclosure,
    answer_parts,
    open_answer_of,
    open_granted,
    sample_parts,
)
from model.documents.sampling import SampleGrant
from model.documents.signed import DocumentError, Signed
from model.messages import gettext as _
from reviewer.papers import Sources
from reviewer.sample import Sampled, check_granted, draw_by_lot, tickets_of
from runtime.errors import CallError, PeerFault, Refusal
from runtime.transport.wire import signed_to_wire


def fetch(
    acting: Acting, sources: Sources, count: int, named: list[int], *, answers: bool
) -> list[Sampled]:
    """Draw, and have everything opened, values with ``answers``.

    Raises CallError, also where the registrar noted other entries than were drawn; SettingsError.
    """
    issued = [fact.index for fact in sources.registrar.of("manifest.issued")]
    wanted = named or draw_by_lot(issued, count, rng=system_rng)
    request = registrar_pb2.DrawSampleRequest(entries=wanted, of=len(issued), named=bool(named))
    reply = _registrar(acting, "DrawSample", request)
    if [row.entry for row in reply.entries] != wanted:
        # Else the registrar would have a say in what is looked at.
        name = acting.federation.registrar.name
        raise PeerFault(name, _("{process} recorded other entries than were drawn", process=name))
    found = []
    for row in reply.entries:
        if row.HasField("erased_by"):
            found.append(Sampled(reply.sample, row.entry, None, row.erased_by))
        else:
            found.append(_open(acting, reply.sample, row.entry, answers=answers))
    return found


def _registrar(acting: Acting, method: str, request: Any) -> Any:
    name = acting.federation.registrar.name
    return acting.call(name, registrar_pb2_grpc.SampleServiceStub, method, request)


def _open(acting: Acting, sample: str, entry: int, *, answers: bool) -> Sampled:
    request = registrar_pb2.DiscloseSampleRequest(sample=sample, entry=entry)
    reply = _registrar(acting, "DiscloseSample", request)
    key, reviewer = acting.seal_key(), acting.member.name
    try:
        granted = open_granted(reply.sealed, key, sample_parts(sample, entry, reviewer))
        grant = check_granted(granted, acting.federation, sample, entry, reviewer)
        found = Sampled(sample, entry, granted)
        _ask_departments(acting, found, grant, values=answers)
    except (DocumentError, Refusal) as error:
        registrar = acting.federation.registrar.name
        said = _("{process}, entry {index}: {why}", process=registrar, index=entry, why=error)
        raise PeerFault(registrar, said) from None
    return found


def _ask_departments(acting: Acting, found: Sampled, grant: SampleGrant, *, values: bool) -> None:
    """Ask each department; one that opens nothing is noted with its reason."""
    for ticket in tickets_of(found):
        if ticket.query not in grant.queries:
            raise DocumentError(_("there is a ticket that the grant does not name"))
        process = acting.federation.department(ticket.department)
        try:
            name = process.name if process else ticket.department
            opened = _open_answer(acting, name, found, ticket.query, values=values)
            found.answers[ticket.query] = opened
        except (CallError, DocumentError) as error:
            found.silent[ticket.query] = str(error)


def _open_answer(
    acting: Acting, process: str, found: Sampled, query: str, *, values: bool
) -> AnswerDisclosure:
    grant = _grant(found)
    message = signed_to_wire(grant)
    request = node_pb2.DiscloseAnswerRequest(grant=message, query=query, values=values)
    reply = acting.call(process, node_pb2_grpc.AnswerAuditServiceStub, "DiscloseAnswer", request)
    parts = answer_parts(grant.digest, query, acting.member.name)
    opened = open_answer_of(reply.sealed, acting.seal_key(), parts)
    if values and not opened.plaintext:
        raise DocumentError(
            _("{process} was asked for its values, but shows none", process=process)
        )
    return opened


def _grant(found: Sampled) -> Signed:
    if found.granted is None:
        raise DocumentError(_("there is no grant for an erased entry"))
    return found.granted.grant.signed
