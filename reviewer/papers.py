"""A drawn entry as the checks need it: verified ledgers, and what was opened, parsed.

Trusts: the federation file for keys, and bundles that the verifier accepted. What was opened is
believed in nothing: it is parsed here and judged by the checks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from typing import Any, Literal

from crypto.commit import verify_reveal
from crypto.errors import CryptoError
from crypto.signing import VerifyKey
from ledger.verify.reconcile_facts import Fact, Ledger
from model.disclosure import DisclosedTicket, EntryDisclosure, RevealedField, SignedText
from model.documents.authorization import Authorization, AuthorizationCheck
from model.documents.query import Manifest, OfficerRequest, Ticket
from model.documents.signed import Document
from model.federation import Federation, Member
from model.policy import Layout, compile_policy, parse, policy_digest

Outcome = Literal["holds", "FAILS", "not looked at"]


class Wrong(ValueError):
    """A check that does not hold; the message says what was found."""


class NotLookedAt(Exception):
    """A check that could not be made; the message says what it would take."""


@dataclass(frozen=True)
class Check:
    """One line of the table: what it is about, the sentence, the outcome, and why."""

    about: str
    sentence: str
    outcome: Outcome
    why: str = ""


def judge(about: str, sentence: str, act: Callable[[], None]) -> Check:
    """Run one check: it raises where it does not hold."""
    try:
        act()
    except NotLookedAt as error:
        return Check(about, sentence, "not looked at", str(error))
    except (ValueError, CryptoError, KeyError, TypeError) as error:
        return Check(about, sentence, "FAILS", str(error))
    return Check(about, sentence, "holds")


@dataclass(frozen=True)
class Sources:
    """What a sample is held against.

    Attributes:
        federation: Parsed from bytes whose signature was checked.
        ledgers: Verified; the registrar's is among them.
        zone: The days in letters are days of this zone.
        evidence: SHA-256 (hex) of every evidence file at hand; None where none was handed in.
    """

    federation: Federation
    ledgers: Sequence[Ledger]
    zone: tzinfo
    evidence: frozenset[str] | None = None
    _found: dict[tuple[str, str], dict[str | int, Fact]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By ledger and event: index and query id to entry. Ledgers are long, samples short."""

    @property
    def registrar(self) -> Ledger:
        """The registrar's ledger. Raises Wrong where it is not at hand."""
        found = self.ledger(self.federation.registrar.name)
        if found is None:
            raise Wrong("the registrar's bundle is not among those handed in")
        return found

    def ledger(self, name: str) -> Ledger | None:
        """A process's ledger, if it is at hand."""
        return next((each for each in self.ledgers if each.member.name == name), None)

    def fact(self, event: str, index: int) -> Fact:
        """An entry of the registrar's ledger. Raises Wrong where it is not that."""
        found = self._entries(self.registrar, event).get(index)
        if found is None:
            raise Wrong(f"entry {index} of the registrar's bundle is not {event}")
        return found

    def about(self, ledger: Ledger, event: str, query: str) -> Fact | None:
        """The first entry of this event about a query, or None."""
        return self._entries(ledger, event).get(query)

    def _entries(self, ledger: Ledger, event: str) -> dict[str | int, Fact]:
        key = ledger.member.name, event
        if key not in self._found:
            found = self._found.setdefault(key, {})
            for fact in ledger.of(event):
                found[fact.index] = fact
                found.setdefault(fact.text("query"), fact)
        return self._found[key]


@dataclass(frozen=True)
class Papers:
    """One drawn entry. Properties parse; they raise ValueError for what is malformed."""

    sources: Sources
    entry: int
    disclosure: EntryDisclosure

    @cached_property
    def issued(self) -> Fact:
        """The drawn entry."""
        return self.sources.fact("manifest.issued", self.entry)

    @cached_property
    def given(self) -> Fact:
        """The entry that put the authorization into force."""
        return self.sources.fact("authorization.given", int(self.issued.fields["given"]))

    @cached_property
    def letter(self) -> Authorization:
        """The letter."""
        return Authorization.decode(self.disclosure.letter.signed.body)

    @cached_property
    def check(self) -> AuthorizationCheck:
        """The checker's confirmation."""
        return AuthorizationCheck.decode(self.disclosure.check.signed.body)

    @cached_property
    def request(self) -> OfficerRequest:
        """The officer's request."""
        return OfficerRequest.decode(self.disclosure.request.signed.body)

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest."""
        return Manifest.decode(self.disclosure.manifest.signed.body)

    @cached_property
    def requester(self) -> str:
        """The coordinator that the manifest names. Raises Wrong where it is no member."""
        found = self.sources.federation.requester(self.manifest.requester)
        if found is None:
            raise Wrong(f'the manifest names "{self.manifest.requester}", which is no coordinator')
        return found.name

    @cached_property
    def tickets(self) -> list[tuple[Ticket, DisclosedTicket]]:
        """The tickets with their proofs, in the order in which they were opened."""
        found = self.disclosure.tickets
        return [(Ticket.decode(each.ticket.signed.body), each) for each in found]

    @cached_property
    def layout(self) -> Layout:
        """The layout of the manifest's policy. Raises Wrong for another policy."""
        body = self.disclosure.policy.encode()
        if policy_digest(body).hex() != self.manifest.policy:
            raise Wrong("the policy that was disclosed is not the manifest's")
        return compile_policy(parse(body, source="the opened policy"), self.request.programmes)

    def parse(self) -> None:
        """Parse everything. Raises ValueError naming the document that is malformed."""
        _ = (self.issued, self.given, self.letter, self.check, self.request)
        _ = (self.manifest, self.tickets, self.layout)

    def person(self, name: str, role: str) -> Member:
        """A member of the federation with this role. Raises Wrong."""
        member = self.sources.federation.member(name)
        if member is None or member.role != role:
            raise Wrong(f"{name} is not a {role} of this federation")
        return member


def signed_by(text: SignedText, kind: type[Document], member: Member) -> None:
    """Raise Wrong or SignatureError unless this member signed."""
    if text.signer != member.name:
        raise Wrong(f"signed by {text.signer}, not by {member.name}")
    text.signed.open(kind, VerifyKey(bytes.fromhex(member.verify_key)))


def hold(
    where: str,
    commitments: Mapping[str, Any],
    reveals: Sequence[RevealedField],
    expected: Mapping[str, Any],
) -> None:
    """Raise Wrong unless every expected value is what the commitment of its field opens to."""
    found = {each.field: each.reveal for each in reveals}
    if len(found) != len(reveals):
        raise Wrong("a field was disclosed twice")
    for name, value in expected.items():
        commitment, reveal = commitments.get(name), found.get(name)
        if not isinstance(commitment, str):
            raise Wrong(f"{where} holds no commitment to {name}")
        if reveal is None:
            raise Wrong(f"{name} was not disclosed")
        verify_reveal(bytes.fromhex(commitment), reveal)
        if reveal.value != value:
            raise Wrong(f"{where} commits to another {name} than the documents that were disclosed")
