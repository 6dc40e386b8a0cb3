"""A survey split by department: who lives together, which file is whose, what a node imports.

``households.csv`` lists who belongs to which unit; every other file is what one department
would hold. See docs/sample.md for the columns.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from pathlib import Path

from model.identifiers import check_digit

DEPARTMENTS = {
    "tax": "Tax bureau",
    "market-regulation": "Market regulation bureau",
    "social-security": "Social security bureau",
    "employment": "Employment service",
    "banks": "Banks' clearing office",
    "securities": "Securities depository",
    "real-estate": "Real estate registry",
    "medical-insurance": "Medical insurance bureau",
}
HOUSEHOLDS = "households.csv"
FILES = {
    "wages": ("tax.wages", "Wages", "工资"),
    "business": ("market-regulation.business-income", "Net business income", "经营净收入"),
    "pensions": ("social-security.pensions", "Pensions", "养老金"),
    "unemployment": ("employment.benefits", "Unemployment benefit", "失业保险金"),
    "deposits": ("banks.interest", "Interest on deposits", "存款利息"),
    "securities": ("securities.dividends", "Dividends", "股息红利"),
    "housing": ("real-estate.property-tax", "Property tax paid", "房产税"),
    "medical": ("medical-insurance.expenses", "Medical expenses", "医疗费用"),
}
"""File without ``.csv`` to resource code and titles; the code begins with the department."""

RELATIONS = ("head", "spouse", "child", "parent", "grandparent", "grandchild", "other")
ADULT = 18
_NOBODY_REGION = "659001"


class SurveyError(Exception):
    """The folder is not such a survey; names the file, the line and what is wrong."""


@dataclass(frozen=True)
class Person:
    """One member of a unit."""

    number: str
    relation: str
    age: int


@dataclass(frozen=True)
class Household:
    """One unit of the survey.

    Attributes:
        label: As in the file.
        listed: Those with a number in the file.
        size: How many people live in it, as the file says; not below the number of the listed.
    """

    label: str
    listed: tuple[Person, ...]
    size: int

    @property
    def numbers(self) -> list[str]:
        """Numbers of the listed."""
        return [person.number for person in self.listed]


@dataclass(frozen=True)
class LetterTerms:
    """What all letters of one run have in common."""

    programmes: Sequence[str]
    grants: dict[str, list[str]]
    single: Sequence[str]
    region: str
    reference: date
    valid_from: date
    evidence: Path


def files(data: Path) -> dict[str, Path]:
    """Resource code to its CSV. Raises SurveyError where one is missing."""
    found = {code: data / f"{name}.csv" for name, (code, _, _) in FILES.items()}
    for path in (data / HOUSEHOLDS, *found.values()):
        if not path.is_file():
            raise SurveyError(
                f"{path} is missing; a survey is {HOUSEHOLDS} and a CSV for each of"
                f" {', '.join(FILES)}"
            )
    return found


def read_households(data: Path) -> list[Household]:
    """Read ``household,person_id,relation,age,household_size``. Raises SurveyError."""
    path = data / HOUSEHOLDS
    members: dict[str, list[Person]] = {}
    sizes: dict[str, int] = {}
    where: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        for row in rows:
            try:
                person = _person(row)
                size = int(row["household_size"])
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise SurveyError(f"{path}, line {rows.line_num}: {error!r}") from None
            label = row["household"]
            if where.setdefault(person.number, label) != label:
                raise SurveyError(f"{path}, line {rows.line_num}: stands in two households")
            members.setdefault(label, []).append(person)
            sizes[label] = size
    return [Household(k, tuple(v), max(sizes[k], len(v))) for k, v in members.items()]


def _person(row: dict[str, str]) -> Person:
    relation = row["relation"] if row["relation"] in RELATIONS else "other"
    return Person(row["person_id"].upper(), relation, int(row["age"]))


def rosters(
    chosen: Sequence[Household], known: Iterable[str], *, whole: bool
) -> list[list[Person]]:
    """Members of each chosen household.

    Args:
        known: Numbers that stand anywhere in the survey.
        whole: Add the members that the survey counts and does not list, as children with
            invented numbers that no department knows.
    """
    numbers = invented(known)
    found = []
    for household in chosen:
        missing = household.size - len(household.listed) if whole else 0
        children = [Person(next(numbers), "child", 2) for _ in range(missing)]
        found.append([*household.listed, *children])
    return found


def invented(known: Iterable[str], year: int = 2010) -> Iterator[str]:
    """Well-formed numbers of people born in that year, always the same, none of them known."""
    taken = frozenset(known)
    for day, serial in product(range(365), range(1000)):
        body = f"{_NOBODY_REGION}{date(year, 1, 1) + timedelta(day):%Y%m%d}{serial:03d}"
        if (number := body + check_digit(body)) not in taken:
            yield number


def guardian(person: Person, household: Sequence[Person]) -> str:
    """Who signs for a member below 18: an adult of the household, else an invented guardian."""
    adults = [p.number for p in household if p.age >= ADULT and p.number != person.number]
    return adults[0] if adults else next(invented((), year=1970))


def write_mappings(data: Path, folder: Path, reference: date) -> dict[str, list[tuple[Path, Path]]]:
    """Write a mapping per department's file; return (mapping, csv) pairs per department."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, list[tuple[Path, Path]]] = {}
    for name, (code, title, title_zh) in FILES.items():
        mapping = folder / f"{name}.toml"
        mapping.write_text(_mapping(code, title, title_zh, reference), encoding="utf-8")
        path = _with_rows(data / f"{name}.csv", folder)
        written.setdefault(code.partition(".")[0], []).append((mapping, path))
    return written


def _with_rows(path: Path, folder: Path) -> Path:
    """The file, or where it has no rows a copy with an invented person's 0.

    A department without any row would have nothing to import, and no import no answer.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    if any(line.strip() for line in lines[1:]):
        return path
    copy = folder / path.name
    person = next(invented((), year=1971))
    copy.write_text(f"person_id,year,amount_usd\n{person},2012,0\n", encoding="utf-8")
    return copy


def _mapping(code: str, title: str, title_zh: str, reference: date) -> str:
    return f"""\
resource = "{code}"
title = "{title}"
title_zh = "{title_zh}"
data_date = {reference}

[columns]
person = "person_id"
amount = "amount_usd"
period = "year"

[amount]
unit = "yuan"  # whole dollars; every limit of the sample's policy is in dollars too
"""


def write_letter(path: Path, number: str, members: Sequence[Person], letter: LetterTerms) -> None:
    """Write one household's letter for ``hedui authorize``."""
    lines = [
        f'number = "{number}"',
        f"programmes = {_list(letter.programmes)}",
        'level = "verdict"',
        f'region = "{letter.region}"',
        f"reference_date = {letter.reference}",
        f"valid_from = {letter.valid_from}",
        f"valid_to = {letter.valid_from.replace(year=letter.valid_from.year + 1, day=1)}",
        f'evidence_file = "{letter.evidence}"',
        f"single_department_rules = {_list(letter.single)}",
    ]
    for member in members:
        lines += ["", "[[member]]", f'person = "resident:{member.number}"']
        lines += [f'relation = "{member.relation}"']
        lines += _signature(member, members)
    for department, codes in letter.grants.items():
        lines += ["", "[[grant]]", f'department = "{department}"', f"resources = {_list(codes)}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _signature(member: Person, members: Sequence[Person]) -> list[str]:
    if member.age >= ADULT:
        return ['signed = "self"']
    return ['signed = "guardian"', f'guardian = "resident:{guardian(member, members)}"']


def _list(items: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{i}"' for i in items) + "]"
