"""One drawn sample: what was disclosed of it, its checks, and how it lies on the reviewer's disk.

Source: design.md 4.13.
    reveals.jsonl          lines of commitment, field, value, salt: `hedui ledger report --reveals`
    entry-12.json          the registrar's grant and what it opened, byte for byte
    answer-<query>.json    what a department opened
    sample.json            which entries, and those that were erased

All mode 0600 in a folder of mode 0700: personal data, in clear.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from crypto import jcs
from crypto.commit import Reveal, verify_reveal
from crypto.errors import CryptoError
from crypto.rng import Rng, shuffled
from model.disclosure import (
    MAX_DISCLOSURE_BYTES,
    AnswerDisclosure,
    EntryDisclosure,
    Granted,
    RevealedField,
)
from model.documents.query import Ticket
from model.documents.sampling import SampleGrant
from model.documents.signed import DocumentError
from model.federation import Federation
from reviewer.answers import check_answer, contributions
from reviewer.checks import check_entry, check_erased
from reviewer.papers import Check, Papers, Sources, Wrong, judge
from runtime.documents import open_signed
from runtime.errors import Refusal, SettingsError
from runtime.site.endpoints import write_atomically

_MODE: Final = 0o600


@dataclass(frozen=True)
class Sampled:
    """One drawn entry: what was opened of it, or the entry that erased it.

    Attributes:
        sample: The sample's id.
        entry: Index in the registrar's ledger.
        granted: Grant and opened entry; None where it was erased.
        erased_by: The erasing entry; None where it was opened.
        answers: What departments opened, by query id.
        silent: By query id, why a department opened nothing.
    """

    sample: str
    entry: int
    granted: Granted | None
    erased_by: int | None = None
    answers: dict[str, AnswerDisclosure] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)


def draw_by_lot(issued: Sequence[int], count: int, *, rng: Rng) -> list[int]:
    """``count`` different entries, each set equally likely, ascending. Raises SettingsError."""
    if count > len(issued):
        sentence = f"{count} entries were to be drawn; the registrar's bundle has {len(issued)}"
        raise SettingsError(f"{sentence} manifest.issued entries. Draw fewer with --count")
    return sorted(shuffled(issued, rng=rng)[:count])


def evidence_hashes(evidence: Path | None) -> frozenset[str] | None:
    """SHA-256 (hex) of a file, or of all files of a folder. Raises SettingsError for none."""
    if evidence is None:
        return None
    files = [evidence] if evidence.is_file() else sorted(evidence.rglob("*"))
    found = set()
    for path in files:
        if path.is_file():
            with path.open("rb") as file:
                found.add(hashlib.file_digest(file, "sha256").hexdigest())
    if not found:
        raise SettingsError(f"--evidence {evidence}: no such file, or no file in that folder")
    return frozenset(found)


def check_granted(
    granted: Granted, federation: Federation, sample: str, entry: int, reviewer: str
) -> SampleGrant:
    """Return the grant if it is the registrar's and names exactly this. Raises Refusal.

    Whatever was opened with it, the registrar signed that it opened this.
    """
    grant = open_signed(granted.grant.signed, SampleGrant, federation.registrar)
    if (grant.sample, grant.entry, grant.reviewer) != (sample, entry, reviewer):
        raise DocumentError("the grant is for another sample, entry or reviewer")
    if grant.opened != granted.digest:
        raise DocumentError("the grant is for something other than what was disclosed")
    return grant


def tickets_of(found: Sampled) -> list[Ticket]:
    """The tickets of an opened entry. Raises DocumentError."""
    if found.granted is None:
        return []
    opened = EntryDisclosure.decode(found.granted.opened.encode())
    return [Ticket.decode(each.ticket.signed.body) for each in opened.tickets]


# ---------------------------------------------------------------- the checks


def check_sampled(sources: Sources, found: Sampled) -> dict[str, Any]:
    """One entry's result: its checks, a summary of its letter, departments' contributions."""
    result: dict[str, Any] = {"entry": found.entry, "sample": found.sample, "contributions": []}
    if found.granted is None:
        erased = check_erased(sources, found.entry, int(found.erased_by or 0))
        return result | {"checks": [asdict(erased)]}
    granted, said = found.granted, "the registrar signed that it disclosed exactly this to you"
    papers = Papers(sources, found.entry, EntryDisclosure.decode(granted.opened.encode()))
    checks = [judge("disclosed", said, lambda: _granted(granted, sources, found))]
    entry_checks = list(check_entry(papers))
    checks += entry_checks
    # Only what could be parsed has more to be looked at.
    if len(entry_checks) > 1:
        result["letter"] = _summary(papers)
        for ticket, _ in papers.tickets:
            checks += _answer_checks(papers, ticket, found, result["contributions"])
    return result | {"checks": [asdict(each) for each in checks]}


def _granted(granted: Granted, sources: Sources, found: Sampled) -> None:
    try:
        reviewer = SampleGrant.decode(granted.grant.signed.body).reviewer
        check_granted(granted, sources.federation, found.sample, found.entry, reviewer)
    except Refusal as refusal:
        raise Wrong(refusal.detail) from None


def _answer_checks(
    papers: Papers, ticket: Ticket, found: Sampled, values: list[dict[str, Any]]
) -> list[Check]:
    about = f"answer: {ticket.department}"
    opened = found.answers.get(ticket.query)
    if opened is None:
        said = "the department shows which ticket it answered"
        why = found.silent.get(ticket.query, "it opened nothing that was kept")
        return [Check(about, said, "not looked at", why)]
    checks = list(check_answer(papers, ticket, opened))
    try:
        values += [asdict(each) for each in contributions(papers, ticket, opened)]
    except CryptoError as error:
        checks.append(Check(about, "its values can be told apart", "FAILS", str(error)))
    return checks


def _summary(papers: Papers) -> list[str]:
    letter = papers.letter
    lines = [
        f"letter {letter.number} for {', '.join(letter.programmes)}, {letter.valid_from} to "
        f"{letter.valid_to}, evidence {letter.evidence_file}",
        f"asked by {papers.request.officer} at {papers.request.at}, query "
        f"{papers.manifest.sequence} of this letter",
    ]
    for member in letter.members:
        by = f" {member.guardian}" if member.guardian else ""
        lines.append(f"{member.relation}: {member.person}, signed: {member.signed}{by}")
    if papers.request.again:
        lines.append(f"asked again because: {papers.request.again}")
    return lines


# ---------------------------------------------------------------- on disk


def refuse_target(folder: Path | None) -> None:
    """Raise SettingsError for a folder that exists, before anything is drawn."""
    if folder is not None and folder.exists():
        raise SettingsError(f"{folder} already exists; name another folder")


def keep_sample(folder: Path, sources: Sources, found: list[Sampled]) -> None:
    """Write a sample; the folder appears whole, or not at all. Raises SettingsError."""
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        part.mkdir(mode=0o700)
        for name, data in _files(sources, found):
            write_atomically(part / name, data, mode=_MODE)
        part.rename(folder)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_lines(file: Path, rows: Sequence[jcs.Json]) -> None:
    """Write lines of canonical JSON, mode 0600, whole or not at all. Raises SettingsError."""
    try:
        write_atomically(file, b"".join(jcs.encode(row) + b"\n" for row in rows), mode=_MODE)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from None


def _files(sources: Sources, found: list[Sampled]) -> Iterator[tuple[str, bytes]]:
    table: list[jcs.Json] = []
    lines: list[bytes] = []
    for each in found:
        table.append({"sample": each.sample, "entry": each.entry, "erased_by": each.erased_by})
        if each.granted is not None:
            yield f"entry-{each.entry}.json", each.granted.encode()
            lines += [jcs.encode(row) + b"\n" for row in _reveals(sources, each)]
        for query, answer in each.answers.items():
            yield f"answer-{query}.json", answer.encode()
    yield "sample.json", jcs.encode(table)
    yield "reveals.jsonl", b"".join(lines)


def _reveals(sources: Sources, found: Sampled) -> Iterator[dict[str, jcs.Json]]:
    """Each reveal that fits a commitment in the registrar's ledger or the manifest."""
    if found.granted is None:
        return
    opened = EntryDisclosure.decode(found.granted.opened.encode())
    papers = Papers(sources, found.entry, opened)
    try:
        yield from _fitting(papers.issued.fields, opened.issued_openings)
        yield from _fitting(papers.given.fields, opened.given_openings)
        yield from _fitting(papers.manifest.commitments.model_dump(), opened.manifest_openings)
    except (ValueError, KeyError):
        # What cannot be parsed has failed its check, and gives no reveals.
        return


def _fitting(
    commitments: Mapping[str, Any], reveals: list[RevealedField]
) -> Iterator[dict[str, jcs.Json]]:
    for each in reveals:
        commitment = commitments.get(each.field)
        if isinstance(commitment, str) and _fits(commitment, each.reveal):
            yield {"commitment": commitment} | each.model_dump()


def _fits(commitment: str, reveal: Reveal) -> bool:
    try:
        verify_reveal(bytes.fromhex(commitment), reveal)
    except (CryptoError, ValueError):
        return False
    return True


def read_sample(folder: Path) -> list[Sampled]:
    """What ``keep_sample`` wrote. Raises SettingsError naming the file."""
    try:
        rows = jcs.decode((folder / "sample.json").read_bytes(), max_bytes=MAX_DISCLOSURE_BYTES)
        return [_read(folder, row) for row in rows]
    except OSError as error:
        raise SettingsError(f"{error.filename} cannot be read: {error.strerror}") from None
    except (DocumentError, CryptoError, KeyError, TypeError) as error:
        raise SettingsError(f"{folder} holds no kept sample: {error}") from None


def _read(folder: Path, row: Mapping[str, Any]) -> Sampled:
    entry = int(row["entry"])
    if row["erased_by"] is not None:
        return Sampled(row["sample"], entry, None, int(row["erased_by"]))
    granted = Granted.decode((folder / f"entry-{entry}.json").read_bytes())
    found = Sampled(row["sample"], entry, granted)
    for ticket in tickets_of(found):
        file = folder / f"answer-{ticket.query}.json"
        if file.is_file():
            found.answers[ticket.query] = AnswerDisclosure.decode(file.read_bytes())
    return found
