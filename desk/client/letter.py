"""The clerk's letter as TOML: parsed strictly, brought to normal form, its evidence hashed."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from model.documents.authorization import PURPOSE, Authorization, Grant, HouseholdMember, Level
from model.fields import Strict, Text
from model.identifiers import IdentifierError, parse
from model.limits import MAX_POLICY_BYTES
from model.messages import gettext as _
from model.mistakes import explain
from runtime.errors import SettingsError
from runtime.site.settings import load_toml

MAX_EVIDENCE_BYTES = 64 << 20


def _date_text(value: Any) -> Any:
    return value.isoformat() if type(value) is date else value


Day = Annotated[str, BeforeValidator(_date_text)]


class MemberForm(Strict):
    """``[[member]]``."""

    person: str
    relation: str
    signed: str
    guardian: str = ""


class GrantForm(Strict):
    """``[[grant]]``."""

    department: str
    resources: list[str]


class LetterForm(Strict):
    """The whole file."""

    number: str
    programmes: list[str]
    purpose: Literal["social-assistance"] = PURPOSE
    level: Level = "verdict"
    region: str
    reference_date: Day
    valid_from: Day
    valid_to: Day
    evidence_file: Text
    single_department_rules: Annotated[list[str], Field(default_factory=list)]
    member: list[MemberForm]
    grant: list[GrantForm]


def read_letter(path: Path, *, clerk: str) -> Authorization:
    """Read a letter and its evidence file. Raises SettingsError naming file, place and mend."""
    letter = _parse(path)
    digest = _evidence(path, letter.evidence_file)
    try:
        return Authorization(
            number=letter.number,
            programmes=letter.programmes,
            purpose=letter.purpose,
            level=letter.level,
            region=letter.region,
            members=[_member(path, i, m) for i, m in enumerate(letter.member, start=1)],
            grants=[Grant(department=g.department, resources=g.resources) for g in letter.grant],
            single_department_rules=letter.single_department_rules,
            reference_date=letter.reference_date,
            valid_from=letter.valid_from,
            valid_to=letter.valid_to,
            evidence_file=Path(letter.evidence_file).name,
            evidence_sha256=digest,
            clerk=clerk,
        )
    except ValidationError as error:
        raise SettingsError(f"{path}: {explain(error, Authorization)}") from None


def _parse(path: Path) -> LetterForm:
    table = load_toml(path, max_bytes=MAX_POLICY_BYTES)
    try:
        return LetterForm.model_validate(table)
    except ValidationError as error:
        raise SettingsError(f"{path}: {explain(error, LetterForm)}") from None


def _member(path: Path, position: int, member: MemberForm) -> HouseholdMember:
    try:
        guardian = parse(member.guardian).text if member.guardian else ""
        person = parse(member.person).text
    except IdentifierError as error:
        raise SettingsError(
            _("{file}: member {n}: {why}", file=path, n=position, why=error)
        ) from None
    try:
        table = member.model_dump() | {"person": person, "guardian": guardian}
        return HouseholdMember.model_validate(table)
    except ValidationError as error:
        said = explain(error, HouseholdMember)
        raise SettingsError(
            _("{file}: member {n}: {why}", file=path, n=position, why=said)
        ) from None


def _evidence(path: Path, name: str) -> str:
    """SHA-256 of the evidence file, hex; a relative path counts from the letter's folder."""
    file = path.parent / name
    try:
        if file.stat().st_size > MAX_EVIDENCE_BYTES:
            raise SettingsError(
                _("{file} is larger than {n} bytes", file=file, n=MAX_EVIDENCE_BYTES)
            )
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingsError(
            _(
                '{letter}: evidence_file "{name}": {file} cannot be read: {why}',
                letter=path,
                name=name,
                file=file,
                why=error.strerror,
            )
        ) from None
