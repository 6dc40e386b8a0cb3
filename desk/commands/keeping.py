"""A sample on the reviewer's disk: what was disclosed, and reveals that other commands read.

    openings.jsonl         lines of commitment, field, value, salt: `hedui ledger report --openings`
    entry-12.json          the registrar's grant and what it opened, byte for byte
    answer-<query>.json    what a department opened
    sample.json            which entries, and those that were erased

All mode 0600 in a folder of mode 0700: personal data, in clear.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crypto import jcs
from crypto.commit import Reveal, verify_reveal
from crypto.errors import CryptoError
from desk.commands.drawing import Sampled, tickets_of
from model.disclosure import (
    MAX_DISCLOSURE_BYTES,
    AnswerDisclosure,
    EntryDisclosure,
    Granted,
    RevealedField,
)
from model.documents.signed import DocumentError
from reviewer.papers import Papers, Sources
from runtime.errors import SettingsError
from runtime.site.endpoints import write_atomically

_MODE = 0o600


def refuse_target(folder: Path | None) -> None:
    """Raise SettingsError for a folder that exists, before anything is drawn."""
    if folder is not None and folder.exists():
        raise SettingsError(f"{folder} exists already; name another folder")


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
    yield "openings.jsonl", b"".join(lines)


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
