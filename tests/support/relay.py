"""A coordinator that follows no rule: its keys and certificate, every step of a case by hand.

The other parties are the real services of tests/support/county.py. Each method sends exactly
what it is given, so that an attack is one changed argument.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from crypto import packing, paillier, threshold
from crypto.commit import Reveal
from crypto.signing import SigningKey
from desk.client import cases
from desk.client.cases import Question
from hedui.v1 import common_pb2, holder_pb2, node_pb2, registrar_pb2
from hedui.v1.holder_pb2_grpc import HolderServiceStub
from hedui.v1.node_pb2_grpc import QueryServiceStub
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from holder.bits import Outcome, Recipient, read_bits
from model.documents.opening import HolderHeader, Permit, answer_set_digest
from model.documents.query import Answer, Manifest, Ticket
from model.documents.signed import Document, sign
from model.opening import CaseTerms, case_terms
from model.policy import parse, policy_digest
from runtime.site.endpoints import Endpoints
from runtime.site.identity import load_process_identity
from runtime.transport.channel import Dialer
from runtime.transport.wire import reveals_from_wire, signed_from_wire, signed_to_wire
from tests.support.county import POLICY, County
from tests.support.keys import dealt

ASKED = Question(policy_digest(POLICY).hex(), ("low-income",), "")
DEPARTMENTS = ("bank", "tax")
"""In the manifest's order."""
HOLDERS = ("bank", "audit")
_TIMEOUT_S = 30
Doc = common_pb2.SignedDocument


@dataclass(frozen=True)
class Papers:
    """What the registrar issued for a case."""

    reply: registrar_pb2.IssueManifestReply

    @property
    def digest(self) -> str:
        """Of the manifest, hex."""
        return signed_from_wire(self.reply.manifest).digest

    @property
    def manifest(self) -> Manifest:
        """Parsed."""
        return Manifest.decode(self.reply.manifest.body)

    @property
    def reveals(self) -> Mapping[str, Reveal]:
        """By field."""
        return reveals_from_wire(self.reply.reveals)

    @property
    def terms(self) -> CaseTerms:
        """Layout and inputs."""
        return case_terms(self.manifest, self.reveals, parse(POLICY))

    def ticket(self, department: str) -> Doc:
        """As the registrar signed it."""
        return self.reply.tickets[DEPARTMENTS.index(department)]

    def ticket_of(self, department: str) -> Ticket:
        """Parsed."""
        return Ticket.decode(self.ticket(department).body)


@dataclass(frozen=True)
class Round:
    """An opening under its permit."""

    context: holder_pb2.OpeningContext

    @property
    def permit(self) -> Permit:
        """Parsed."""
        return Permit.decode(self.context.permit.body)

    @property
    def digest(self) -> bytes:
        """Of the permit."""
        return bytes.fromhex(signed_from_wire(self.context.permit).digest)


class Relay(AbstractContextManager["Relay"]):
    """The coordinator's place, taken by whoever wants to learn more."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.identity = load_process_identity(county.home / "coordinator")
        self.federation = county.federation
        self.dialer = Dialer(
            federation=self.federation,
            identity=self.identity,
            endpoints=Endpoints(county.home),
            clock=county.clock,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.dialer.close()

    def _call(self, process: str, stub: Any, method: str, request: Any) -> Any:
        return self.dialer.call(process, stub, method, request, timeout_s=_TIMEOUT_S)

    def _registrar(self, method: str, request: Any) -> Any:
        return self._call("registrar", ManifestServiceStub, method, request)

    def _holder(self, holder: str, method: str, request: Any) -> Any:
        return self._call(holder, HolderServiceStub, method, request)

    # --- asking -----------------------------------------------------------------------------

    def issue(self, number: str) -> Papers:
        """Manifest and tickets; an honest officer signs the request."""
        with self.county.acting("olga") as acting:
            signed = cases.sign_request(acting, number, ASKED)
        request = registrar_pb2.IssueManifestRequest(request=signed_to_wire(signed))
        return Papers(self._registrar("IssueManifest", request))

    def revocations(self) -> Doc:
        """The newest list."""
        request = registrar_pb2.GetRevocationListRequest()
        found: Doc = self._registrar("GetRevocationList", request).revocations
        return found

    def ask(
        self,
        department: str,
        papers: Papers,
        *,
        ticket: Doc | None = None,
        revocations: Doc | None = None,
    ) -> node_pb2.AnswerReply:
        """Ask one department; raises Refused."""
        request = node_pb2.AnswerRequest(
            manifest=papers.reply.manifest,
            ticket=ticket or papers.ticket(department),
            revocations=revocations or self.revocations(),
            reveals=papers.reply.reveals,
        )
        reply: node_pb2.AnswerReply = self._call(department, QueryServiceStub, "Answer", request)
        return reply

    def answers(self, papers: Papers) -> list[Doc]:
        """Every department's answer, in order."""
        return [self.ask(department, papers).answer for department in DEPARTMENTS]

    # --- opening ----------------------------------------------------------------------------

    def permit(self, papers: Papers, answers: Mapping[str, Doc], *, digest: str = "") -> Doc:
        """The registrar's permit for the answers of these departments; raises Refused."""
        bodies = [answers[d].body if d in answers else None for d in DEPARTMENTS]
        request = registrar_pb2.IssuePermitRequest(
            manifest=bytes.fromhex(papers.digest),
            kind="rules",
            answers=bytes.fromhex(digest or answer_set_digest(papers.digest, bodies)),
            silent=[d for d in DEPARTMENTS if d not in answers],
        )
        found: Doc = self._registrar("IssuePermit", request).permit
        return found

    def round(self, papers: Papers, permit: Doc, answers: Sequence[Doc]) -> Round:
        """What holders are shown."""
        return Round(
            holder_pb2.OpeningContext(
                manifest=papers.reply.manifest,
                permit=permit,
                reveals=papers.reply.reveals,
                answers=answers,
            )
        )

    def begin(self, papers: Papers) -> Round:
        """Ask everybody, get the permit: an opening as it should be."""
        answers = self.answers(papers)
        permit = self.permit(papers, dict(zip(DEPARTMENTS, answers, strict=True)))
        return self.round(papers, permit, answers)

    def mask(self, opening: Round) -> holder_pb2.MaskReply:
        """Step 1."""
        request = holder_pb2.MaskRequest(context=opening.context)
        found: holder_pb2.MaskReply = self._holder(opening.permit.masker, "Mask", request)
        return found

    def open(
        self, opening: Round, mask: common_pb2.HolderMessage, share: common_pb2.SealedMessage
    ) -> common_pb2.SealedMessage:
        """Step 3."""
        request = holder_pb2.OpenRequest(context=opening.context, mask=mask, shares=[share])
        found: common_pb2.SealedMessage = self._holder(
            opening.permit.evaluator, "Open", request
        ).bits
        return found

    def compare(self, opening: Round, bits: common_pb2.SealedMessage) -> holder_pb2.CompareReply:
        """Step 4."""
        request = holder_pb2.CompareRequest(permit=opening.digest, bits=bits)
        found: holder_pb2.CompareReply = self._holder(opening.permit.masker, "Compare", request)
        return found

    def conclude(self, opening: Round, terms: common_pb2.SealedMessage) -> common_pb2.SealedMessage:
        """Step 5."""
        request = holder_pb2.ConcludeRequest(permit=opening.digest, terms=terms)
        found: common_pb2.SealedMessage = self._holder(
            opening.permit.evaluator, "Conclude", request
        ).results
        return found

    def finish(self, papers: Papers, opening: Round, masked: holder_pb2.MaskReply) -> list[int]:
        """Steps 3 to 5 with what the masker sent, or what is passed off as that."""
        bits = self.open(opening, masked.mask, masked.share)
        compared = self.compare(opening, bits)
        results = self.conclude(opening, compared.terms)
        return self.read(papers, opening, masked, compared.flips, results)

    def run(self, papers: Papers, opening: Round) -> list[int]:
        """All steps; one bit a slot."""
        return self.finish(papers, opening, self.mask(opening))

    def read(
        self,
        papers: Papers,
        opening: Round,
        masked: holder_pb2.MaskReply,
        flips: common_pb2.SealedMessage,
        results: common_pb2.SealedMessage,
    ) -> list[int]:
        """The bits, by the coordinator's own code."""
        assert self.identity.seal_key is not None
        return read_bits(
            Outcome(flips, results),
            opening.permit,
            HolderHeader.decode(masked.mask.header.body),
            count=len(papers.terms.layout.slots),
            to=Recipient("coordinator", self.identity.seal_key, self.federation),
        )

    # --- forging ----------------------------------------------------------------------------

    def sign_as(self, name: str, document: Document, *, key: SigningKey | None = None) -> Doc:
        """A document that says it is signed by ``name``; with the relay's own key unless given."""
        return signed_to_wire(sign(document, key or self.identity.sign_key, name))

    def key_of(self, name: str) -> SigningKey:
        """Another party's signing key: for attacks by that party."""
        return self.county.services[name].parts.identity.sign_key


def opened(papers: Papers, answers: Sequence[Doc]) -> list[int]:
    """Slot values of a product of answers: what only the holders together could open."""
    joint, shares = dealt(2, len(HOLDERS)).joint, dealt(2, len(HOLDERS)).shares
    key = joint.public
    factors = [bytes.fromhex(Answer.decode(a.body).ciphertext) for a in answers]
    product = paillier.product(key, [paillier.decode_ciphertext(key, f) for f in factors])
    parts = {s.index: threshold.share(joint, s, product) for s in shares}
    layout = papers.terms.layout
    shape = packing.Layout(layout.ell, len(layout.slots))
    return packing.unpack_signed(key, shape, threshold.combine(joint, product, parts).plaintext)
