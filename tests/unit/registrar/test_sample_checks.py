"""The reviewer's offline checks: an honest sample holds, and each lie fails where it is told.

The lies are those of a registrar that has every key of its own, and, where it says so, of clerk,
checker or officer too: what it opens is re-signed and, in some, committed to again.

Tests design.md 4.13.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from crypto import oprf
from crypto.commit import Reveal
from crypto.rng import system_rng
from ledger import event
from ledger.verify.reconcile_facts import Ledger, Member, read_fact
from model.disclosure import DisclosedTicket, EntryDisclosure, RevealedField, SignedText
from model.documents.authorization import Authorization, AuthorizationCheck, Grant
from model.documents.query import Manifest, OfficerRequest, Ticket
from model.documents.signed import Document, sign
from model.identifiers import parse
from model.pseudonym import oprf_input, pseudonym
from reviewer.checks import check_entry, check_erased
from reviewer.papers import Check, Papers, Sources
from runtime.site.identity import load_kek
from runtime.site.joining import load_prf_key
from tests.unit.registrar.conftest import World, member, resident, serving
from tests.unit.registrar.test_erasing import erase
from tests.unit.registrar.test_sampling import draw, index_of, open_sealed, unsealed

BEIJING = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Sample:
    """An opened entry and the registrar's ledger, to be lied about."""

    world: World
    entry: int
    opened: EntryDisclosure
    rows: dict[int, event.Entry] = field(default_factory=dict)
    evidence: frozenset[str] | None = frozenset({"ab" * 32})

    def papers(self) -> Papers:
        """As the tool reads them."""
        federation = self.world.federation
        ledger = Ledger(Member("registrar", "registrar", "", ""), "hedui/hexi/registrar", Path())
        for index, row in self.rows.items():
            leaf = event.encode(row.event, row.fields, at=row.at)
            ledger.events[row.event].append(read_fact("registrar", index, leaf))
            ledger.entries = max(ledger.entries, index + 1)
        sources = Sources(federation, [ledger], BEIJING, self.evidence)
        return Papers(sources, self.entry, self.opened)

    def checks(self) -> list[Check]:
        """All of them."""
        return list(check_entry(self.papers()))

    # what a liar does

    def by(self, document: Document, signer: str) -> SignedText:
        """A document under anybody's signature."""
        return SignedText.of(sign(document, self.world.identity(signer).sign_key, signer))

    def showing(self, **changes: Any) -> "Sample":
        """The same, with other papers."""
        return replace(self, opened=self.opened.model_copy(update=changes))

    def writing(self, index: int, **fields: Any) -> "Sample":
        """The same, with other fields in an entry."""
        row = self.rows[index]
        changed = event.Entry(row.at, row.event, {**row.fields, **fields})
        return replace(self, rows={**self.rows, index: changed})

    def committing(self, index: int, part: str, name: str, value: Any) -> "Sample":
        """The same, with an entry that commits to another value, and its opening."""
        made = Reveal(name, value, system_rng(32))
        others = [each for each in getattr(self.opened, part) if each.field != name]
        shown = self.showing(**{part: [*others, RevealedField.of(made)]})
        return shown.writing(index, **{name: made.commitment().hex()})

    @property
    def letter(self) -> Authorization:
        return self.papers().letter

    def with_letter(self, **changes: Any) -> "Sample":
        """Clerk and checker sign another letter under the same number."""
        letter = self.letter.model_copy(update=changes)
        check = AuthorizationCheck(number=letter.number, authorization=letter.digest, checker="li")
        return self.showing(letter=self.by(letter, letter.clerk), check=self.by(check, "li"))


@pytest.fixture(scope="module")
def samples(dealt_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Sample]]:
    """The first query of a household, and a second with a reason."""
    with serving(dealt_home, tmp_path_factory.mktemp("checks") / "home") as world:
        world.give()
        entries = []
        world.issue(world.ask())
        entries.append(index_of(world, "manifest.issued"))
        world.issue(world.ask(again="objection"), countersigned_by="ma")
        entries.append(index_of(world, "manifest.issued"))
        yield [_sample(world, entry) for entry in entries]


def _sample(world: World, entry: int) -> Sample:
    sample = draw(world, entry, of=2).sample
    granted = unsealed(world, open_sealed(world, sample, entry), sample, entry)
    opened = EntryDisclosure.decode(granted.opened.encode())
    return Sample(world, entry, opened, dict(enumerate(world.ledger())))


def test_an_honest_sample_holds(samples: list[Sample]) -> None:
    for sample in samples:
        checks = sample.checks()
        outcomes = {check.about: check.outcome for check in checks}
        assert [c for c in checks if c.outcome == "FAILS"] == []
        # The other ledgers are not at hand here.
        assert {c.outcome for c in checks if "ledgers of" in c.sentence} == {"not looked at"}
        assert {"ledger", "manifest", "letter", "request", "asked: bank"} <= outcomes.keys()


def test_without_evidence_files_that_check_was_not_made(samples: list[Sample]) -> None:
    checks = replace(samples[0], evidence=None).checks()
    assert [c.outcome for c in checks if "evidence" in c.sentence] == ["not looked at"]


def _ticket(sample: Sample, serials: tuple[int, ...], key: oprf.PrivateKey) -> DisclosedTicket:
    """The bank's ticket about these persons, with a proof under some key."""
    honest = next(o for t, o in sample.papers().tickets if t.department == "bank")
    ticket = Ticket.decode(honest.ticket.signed.body)
    inputs = [oprf_input(parse(resident(n))) for n in serials]
    evaluated, proof = oprf.prove_evaluation(key, inputs, rng=system_rng)
    names = [pseudonym(out).hex() for out in oprf.evaluate(key, inputs)]
    signed = sample.by(ticket.model_copy(update={"pseudonyms": names}), "registrar")
    shown = [element.hex() for element in evaluated]
    return DisclosedTicket(ticket=signed, evaluated=shown, proof=proof.hex())


def _keys(sample: Sample) -> oprf.PrivateKey:
    folder = sample.world.home / "registrar"
    kek = load_kek(folder, sample.world.registrar.parts.settings)
    return load_prf_key(folder / "keys", "bank", 1, kek, mode=oprf.Mode.VOPRF)


def _others_asked(sample: Sample, *, committed: bool) -> Sample:
    """The bank was asked about another person; where committed, the ledger says so as well."""
    lie = _ticket(sample, (1, 9), _keys(sample))
    tickets = [lie if t.department == "bank" else o for t, o in sample.papers().tickets]
    shown = sample.showing(tickets=tickets)
    if not committed:
        return shown
    terms = [ticket.terms_digest for ticket, _ in shown.papers().tickets]
    return shown.committing(sample.entry, "issued_openings", "terms", terms)


def _proof_of_others(sample: Sample) -> Sample:
    """The honest ticket, with the honest proof of what it should have been, for other people."""
    lie = _ticket(sample, (1, 9), _keys(sample))
    honest = sample.papers().tickets
    tickets = [
        o.model_copy(update={"evaluated": lie.evaluated, "proof": lie.proof})
        if t.department == "bank" else o
        for t, o in honest
    ]  # fmt: skip
    return sample.showing(tickets=tickets)


def _another_key(sample: Sample) -> Sample:
    """Right people, wrong key: pseudonyms that match nobody, so that nobody has assets."""
    other = oprf.PrivateKey.generate(oprf.suite(), rng=system_rng)
    lie = _ticket(sample, (1, 2), other)
    tickets = [lie if t.department == "bank" else o for t, o in sample.papers().tickets]
    return sample.showing(tickets=tickets)


def _ended_before(sample: Sample) -> Sample:
    """One more entry right before the drawn one: it ended the authorization."""
    given, at = sample.papers().given.index, sample.rows[sample.entry].at
    ended = event.Entry(at, "authorization.ended", {"authorization": "00" * 32, "given": given})
    rows = {i if i < sample.entry else i + 1: row for i, row in sample.rows.items()}
    return replace(sample, rows={**rows, sample.entry: ended}, entry=sample.entry + 1)


def _other_salts(sample: Sample) -> Sample:
    shown = [f.model_copy(update={"salt": "00" * 32}) for f in sample.opened.given_openings]
    return sample.showing(given_openings=shown)


def _later(sample: Sample, entry: int) -> Sample:
    rows = dict(sample.rows)
    row = rows[entry]
    rows[entry] = event.Entry("2039-01-01T00:00:00Z", row.event, row.fields)
    return replace(sample, rows=rows)


def _grants(sample: Sample, without: str) -> list[Grant]:
    return [g for g in sample.letter.grants if g.department != without]


def _request(sample: Sample, signer: str = "wang", **changes: Any) -> Sample:
    request = OfficerRequest.decode(sample.opened.request.signed.body).model_copy(update=changes)
    return sample.showing(request=sample.by(request, signer))


def _manifest(sample: Sample, signer: str = "registrar", **changes: Any) -> Sample:
    manifest = Manifest.decode(sample.opened.manifest.signed.body).model_copy(update=changes)
    return sample.showing(manifest=sample.by(manifest, signer))


def _check_by(sample: Sample, signer: str, digest: str = "") -> Sample:
    number, authorization = sample.letter.number, digest or sample.letter.digest
    check = AuthorizationCheck(number=number, authorization=authorization, checker=signer)
    return sample.showing(check=sample.by(check, signer))


Lie = Callable[[Sample], Sample]
LIES: dict[str, tuple[Lie, str, str]] = {
    "another household's letter": (
        lambda s: s.with_letter(members=[member(1, "head"), member(9, "spouse")]),
        "put this letter with these members", "another roster",
    ),
    "a letter with other terms, signed afterwards by the same clerk and checker": (
        lambda s: s.with_letter(level="totals"),
        "put this letter with these members", "another letter",
    ),
    "an entry without a commitment to the letter": (
        lambda s: s.writing(s.papers().given.index, letter=[]),
        "put this letter with these members", "no commitment to letter",
    ),
    "a salt that does not fit": (
        _other_salts,
        "put this letter with these members", "does not match its commitment",
    ),
    "a reveal left out": (
        lambda s: s.showing(issued_openings=s.opened.issued_openings[1:]),
        "commits to this letter", "authorization was not disclosed",
    ),
    "a letter that the clerk did not sign": (
        lambda s: s.showing(letter=s.by(s.letter, "li")),
        "somebody else, confirmed it", "signed by li, not by chen",
    ),
    "a letter that its clerk confirmed": (
        lambda s: _check_by(s, "chen"), "somebody else, confirmed it", "chen is not a checker",
    ),
    "a checker who confirmed another text": (
        lambda s: _check_by(s, "li", "11" * 32), "somebody else, confirmed it", "a different text",
    ),
    "a member who did not sign": (
        lambda s: s.with_letter(members=[member(1, "head"), member(2, "spouse", "missing")]),
        "every member signed", "nobody signed for member 2",
    ),
    "an authorization that had ended": (_ended_before, "was in force", "had ended with entry"),
    "a letter whose days were over": (
        lambda s: s.with_letter(valid_from="2020-01-01", valid_to="2020-12-31"),
        "was in force", "the letter holds from 2020-01-01 to 2020-12-31",
    ),
    "a manifest that was dated back": (
        lambda s: _later(s, s.entry), "was in force", "says that it was issued at",
    ),
    "a programme that the letter does not name": (
        lambda s: s.with_letter(programmes=["other"]), "it covers", "does not name programme aid",
    ),
    "a department that the letter does not grant": (
        lambda s: s.with_letter(grants=_grants(s, "bank")), "it covers", "bank.deposits of bank",
    ),
    "a rule of one department that the letter does not name": (
        lambda s: s.with_letter(single_department_rules=[]), "it covers", "rule cars_allowed",
    ),
    "another evidence file": (
        lambda s: replace(s, evidence=frozenset({"cd" * 32})), "evidence file", "no file handed in",
    ),
    "a request that the officer did not sign": (
        lambda s: _request(s, "li"), "signed for exactly this query", "signed by li, not by wang",
    ),
    "a request for another letter": (
        lambda s: _request(s, authorization="330212-2026-000009"),
        "signed for exactly this query", "another authorization",
    ),
    "an old request, used again": (
        lambda s: _request(s, at="2026-01-01T00:00:00Z"),
        "signed for exactly this query", "the officer signed at 2026-01-01",
    ),
    "another request of the same officer": (
        lambda s: _request(s, nonce="00" * 16), "commits to this letter", "another request",
    ),
    "a manifest that the registrar did not sign": (
        lambda s: _manifest(s, "coordinator"), "the registrar signed it", "signed by coordinator",
    ),
    "a manifest of another federation file": (
        lambda s: _manifest(s, federation="00" * 32),
        "the registrar signed it", "another federation",
    ),
    "a manifest that the entry does not name": (
        lambda s: _manifest(s, nonce="00" * 32), "commits to this letter", "a different manifest",
    ),
    "tickets that the entry does not name": (
        lambda s: s.writing(s.entry, tickets=["00" * 16]),
        "commits to this letter", "other tickets",
    ),
    "a ticket about somebody else": (
        lambda s: _others_asked(s, committed=False), "commits to this letter", "another terms",
    ),
    "a ticket about somebody else, ledgered as such": (
        lambda s: _others_asked(s, committed=True),
        "bank was asked about exactly", "pinned OPRF key",
    ),
    "the proof of other people's pseudonyms": (
        _proof_of_others, "bank was asked about exactly", "pinned OPRF key",
    ),
    "pseudonyms under another key, which match nobody": (
        _another_key, "bank was asked about exactly", "pinned OPRF key",
    ),
    "another policy": (
        lambda s: s.showing(policy=s.opened.policy + "\n"), "can be read", "not the manifest's",
    ),
    "papers that are no papers": (
        lambda s: s.showing(letter=s.opened.letter.model_copy(update={"body": "{}"})),
        "can be read", "Authorization",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "sentence", "why"), LIES.values(), ids=LIES.keys())
def test_every_lie_fails_its_check(
    samples: list[Sample], lie: Lie, sentence: str, why: str
) -> None:
    failed = [check for check in lie(samples[0]).checks() if check.outcome == "FAILS"]
    assert any(sentence in c.sentence and why in c.why for c in failed), failed


AGAIN: dict[str, tuple[Lie, str]] = {
    "without a checker's signature": (lambda s: s.showing(countersigned=None), "without a reason"),
    "countersigned by the officer": (
        lambda s: s.showing(countersigned=s.by(s.papers().request, "wang")),
        "wang is not a checker",
    ),
    "countersigned by a clerk": (
        lambda s: s.showing(countersigned=s.by(s.papers().request, "chen")),
        "chen is not a checker",
    ),
    "another request countersigned": (lambda s: _request(s, again="none"), "a different request"),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "why"), AGAIN.values(), ids=AGAIN.keys())
def test_a_further_query_needs_reason_and_second_signature(
    samples: list[Sample], lie: Lie, why: str
) -> None:
    (failed,) = [c for c in lie(samples[1]).checks() if c.about == "request"]
    assert (failed.outcome, why in failed.why) == ("FAILS", True), failed


def test_an_erasure_is_believed_as_far_as_the_ledger_says_it(world: World) -> None:
    world.give()
    world.issue(world.ask())
    entry = index_of(world, "manifest.issued")
    base = _sample_rows(world, entry)
    world.revoke()
    erase(world, "chen")
    erase(world, "li")
    by = index_of(world, "authorization.erased")
    after = _sample_rows(world, entry)
    assert check_erased(after.papers().sources, entry, by).outcome == "holds"
    assert check_erased(base.papers().sources, entry, by).outcome == "not looked at"
    lied = after.writing(index_of(world, "authorization.ended"), given=0)
    assert check_erased(lied.papers().sources, entry, by).why.endswith("another authorization")
    assert check_erased(after.papers().sources, entry, by - 1).outcome == "FAILS"


def _sample_rows(world: World, entry: int) -> Sample:
    nothing: Any = None
    return Sample(world, entry, nothing, dict(enumerate(world.ledger())))
