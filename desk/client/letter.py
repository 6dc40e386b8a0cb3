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
from model.messages import N_
from model.messages import gettext as _
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
    "number": N_("3 to 40 letters, digits and hyphens, beginning with a letter or digit"),
    "region": N_("the six digits of the region"),
    "reference_date": N_("a date, such as 2026-11-01"),
    "valid_from": N_("a date, such as 2026-11-01"),
    "valid_to": N_("a date, such as 2026-11-01"),
    "department": N_("lower-case letters, digits, dots and hyphens"),
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
        raise SettingsError(
            _("{file} cannot be read: {why}", file=path, why=error.strerror)
        ) from None
    if len(data) > MAX_POLICY_BYTES:
        raise SettingsError(_("{file} is larger than {n} bytes", file=path, n=MAX_POLICY_BYTES))
    try:
        return LetterForm.model_validate(tomllib.loads(data.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(_("{file} is not TOML: {why}", file=path, why=error)) from None
    except ValidationError as error:
        raise SettingsError(f"{path}: {_explain(error)}") from None


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
        detail = error.errors(include_input=False, include_url=False)[0]
        raise SettingsError(
            _(
                '{file}: member {n}: key "{key}": {why}',
                file=path,
                n=position,
                key=detail["loc"][0],
                why=detail["msg"],
            )
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
        mend = _("Known keys: {known}", known=", ".join(known))
        if near:
            mend = _('Did you mean "{near}"?', near=near[0])
        return _('{place}unknown key "{key}". {mend}', place=place, key=key, mend=mend)
    if detail["type"] == "missing":
        return _('{place}key "{key}" is missing', place=place, key=key)
    if detail["type"] == "string_pattern_mismatch":
        form = _(_FORMS[key]) if key in _FORMS else _("not in the required form")
        return _('{place}key "{key}": {why}', place=place, key=key, why=form)
    if detail["type"] == "string_type":
        return _('{place}key "{key}": write it in quotes', place=place, key=key)
    why = detail["msg"][:1].lower() + detail["msg"][1:]
    return _('{place}key "{key}": {why}', place=place, key=key, why=why)
