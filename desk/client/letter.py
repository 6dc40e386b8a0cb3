"""The clerk's letter as TOML: parsed strictly, brought to normal form, its evidence hashed."""

import difflib
import hashlib
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from model.documents.authorization import PURPOSE, Authorization, Grant, HouseholdMember, Level
from model.fields import Strict, Text
from model.identifiers import IdentifierError, parse
from model.limits import MAX_POLICY_BYTES
from runtime.errors import SettingsError

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


_TABLES: dict[str, list[str]] = {
    "": sorted(LetterForm.model_fields),
    "member": sorted(MemberForm.model_fields),
    "grant": sorted(GrantForm.model_fields),
}


_FORMS = {
    "number": "3 to 40 letters, digits and hyphens, a letter or digit first",
    "region": "the six digits of the region",
    "reference_date": "a date, such as 2026-11-01",
    "valid_from": "a date, such as 2026-11-01",
    "valid_to": "a date, such as 2026-11-01",
    "department": "lower-case letters, digits, dots and hyphens",
}


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
        raise SettingsError(f"{path}: {_explain(error, plain=True)}") from None


def _parse(path: Path) -> LetterForm:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_POLICY_BYTES:
        raise SettingsError(f"{path} has more than {MAX_POLICY_BYTES} bytes")
    try:
        return LetterForm.model_validate(tomllib.loads(data.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        raise SettingsError(f"{path}: {_explain(error)}") from None


def _member(path: Path, position: int, member: MemberForm) -> HouseholdMember:
    try:
        guardian = parse(member.guardian).text if member.guardian else ""
        person = parse(member.person).text
    except IdentifierError as error:
        raise SettingsError(f"{path}: member {position}: {error}") from None
    try:
        table = member.model_dump() | {"person": person, "guardian": guardian}
        return HouseholdMember.model_validate(table)
    except ValidationError as error:
        detail = error.errors(include_input=False, include_url=False)[0]
        raise SettingsError(
            f'{path}: member {position}: key "{detail["loc"][0]}": {detail["msg"]}'
        ) from None


def _evidence(path: Path, name: str) -> str:
    """SHA-256 of the evidence file, hex; a relative path counts from the letter's folder."""
    file = path.parent / name
    try:
        if file.stat().st_size > MAX_EVIDENCE_BYTES:
            raise SettingsError(f"{file} is larger than {MAX_EVIDENCE_BYTES} bytes")
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingsError(
            f'{path}: evidence_file "{name}": {file} cannot be read: {error.strerror}'
        ) from None


def _explain(error: ValidationError, *, plain: bool = False) -> str:
    errors = error.errors(include_input=False, include_url=False)
    # A mistyped key is both unknown and missing; the first of the two helps.
    detail = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    loc = detail["loc"]
    place = f"{loc[0]} {int(loc[1]) + 1}: " if len(loc) > 2 else ""
    key = str(loc[-1]) if not isinstance(loc[-1], int) else str(loc[0])
    if detail["type"] == "extra_forbidden" and not plain:
        known = _TABLES[str(loc[0]) if len(loc) > 1 else ""]
        near = difflib.get_close_matches(key, known, n=1)
        mend = f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(known)}"
        return f'{place}unknown key "{key}". {mend}'
    if detail["type"] == "missing":
        return f'{place}key "{key}" is missing'
    if detail["type"] == "string_pattern_mismatch":
        return f'{place}key "{key}": {_FORMS.get(key, "not in the form that it must have")}'
    if detail["type"] == "string_type":
        return f'{place}key "{key}": write it in quotes'
    return f'{place}key "{key}": {detail["msg"][:1].lower()}{detail["msg"][1:]}'
