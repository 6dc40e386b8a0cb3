"""A synthetic population: persons, households, and what each department holds about them.

Deterministic from a seed and a reference date. Resident numbers have a valid check digit, use a
serial range of our own and belong to nobody.
"""

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from model.identifiers import check_digit

REGION = "330212"
WAGE_MONTHS = 12


@dataclass(frozen=True)
class Person:
    """One invented person."""

    number: str
    relation: str
    age: int


@dataclass
class Household:
    """Who lives together; ``story`` says what the demo shows with it."""

    members: list[Person]
    story: str = ""


@dataclass
class Resource:
    """One CSV with its mapping."""

    code: str
    title: str
    title_zh: str
    unit: str
    period: bool = False
    row: bool = False
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(person, amount, period, row key)"""

    @property
    def department(self) -> str:
        """The department that holds it."""
        return self.code.partition(".")[0]


def resources() -> dict[str, Resource]:
    """The catalogue of the demo, by code."""
    rows = [
        Resource("tax.wages", "Wages", "工资薪金", "yuan", period=True),
        Resource("tax.other-income", "Other income", "其他所得", "yuan", period=True),
        Resource("social-security.pensions", "Pensions", "养老金", "yuan", period=True),
        Resource("social-security.unemployment", "Unemployment", "失业保险金", "yuan", period=True),
        Resource("banks.interest", "Interest", "存款利息", "yuan", period=True),
        Resource("banks.deposits", "Deposits", "存款", "yuan", row=True),
        Resource("securities.dividends", "Dividends", "股息红利", "yuan", period=True),
        Resource("securities.holdings", "Holdings", "证券市值", "yuan", row=True),
        Resource("housing-fund.balance", "Housing fund", "住房公积金余额", "yuan", row=True),
        Resource("real-estate.homes", "Homes: floor area", "住房建筑面积", "m2", row=True),
        Resource("vehicles.cars", "Cars: value", "机动车辆价值", "yuan", row=True),
        Resource("market-regulation.capital", "Capital", "认缴出资额", "yuan", row=True),
        Resource("medical-insurance.expenses", "Medical expenses", "医疗费用", "yuan", period=True),
        Resource("education.tuition", "Tuition", "学费", "yuan", period=True),
    ]
    return {r.code: r for r in rows}


class Population:
    """The whole invented county.

    Args:
        seed: Printed by whoever calls; the same seed and date give the same files.
        persons: About how many persons besides the six demo households.
        reference: The reference date of the letters.
    """

    def __init__(self, *, seed: int, persons: int, reference: date) -> None:
        self._random = random.Random(seed)
        self._serial = 0
        self._asset = 0
        self._months = _months_before(reference, WAGE_MONTHS)
        self.reference = reference
        self.resources = resources()
        self.demo = _demo_households(self)
        self.others: list[Household] = []
        while sum(len(h.members) for h in self.others) < persons:
            self.others.append(self._ordinary())

    def person(self, relation: str, age: int) -> Person:
        """Invent a person of this age."""
        self._serial += 1
        born = date(self.reference.year - age, 1 + self._serial % 12, 1 + self._serial % 28)
        body = f"{REGION}{born:%Y%m%d}{self._serial % 1000:03d}"
        return Person(body + check_digit(body), relation, age)

    def yearly(self, code: str, person: Person, yuan: int) -> None:
        """Spread a yearly amount over twelve monthly rows, to the fen."""
        fen = yuan * 100
        for index, month in enumerate(self._months):
            share = fen // 12 + (fen % 12 if index == 0 else 0)
            self.resources[code].rows.append((person.number, _yuan(share), month, ""))

    def stock(self, code: str, owners: Sequence[Person], amount: str) -> None:
        """One thing, owned by one or several people: each has a row with the same key."""
        self._asset += 1
        for owner in owners:
            self.resources[code].rows.append((owner.number, amount, "", f"A{self._asset:07d}"))

    def _ordinary(self) -> Household:
        rng = self._random
        adults = [self.person("head", rng.randint(25, 80))]
        if rng.random() < 0.6:
            adults.append(self.person("spouse", rng.randint(25, 80)))
        children = [self.person("child", rng.randint(1, 17)) for _ in range(rng.randint(0, 2))]
        for adult in adults:
            self._income(adult)
        self._assets(adults)
        for child in children:
            if rng.random() < 0.5:
                self.yearly("education.tuition", child, rng.randint(500, 20_000))
        return Household([*adults, *children])

    def _income(self, adult: Person) -> None:
        rng = self._random
        if adult.age >= 60:
            self.yearly("social-security.pensions", adult, rng.randint(3_000, 90_000))
        elif rng.random() < 0.8:
            self.yearly("tax.wages", adult, rng.randint(8_000, 300_000))
        else:
            self.yearly("social-security.unemployment", adult, rng.randint(5_000, 20_000))
        if rng.random() < 0.2:
            self.yearly("tax.other-income", adult, rng.randint(500, 30_000))
        if rng.random() < 0.2:
            self.yearly("medical-insurance.expenses", adult, rng.randint(500, 60_000))

    def _assets(self, adults: Sequence[Person]) -> None:
        rng = self._random
        for adult in adults:
            self.stock("banks.deposits", [adult], f"{rng.randint(0, 400_000)}.00")
            self.yearly("banks.interest", adult, rng.randint(1, 6_000))
            if rng.random() < 0.4:
                self.stock("housing-fund.balance", [adult], f"{rng.randint(0, 150_000)}.00")
            if rng.random() < 0.2:
                self.stock("securities.holdings", [adult], f"{rng.randint(0, 300_000)}.00")
                self.yearly("securities.dividends", adult, rng.randint(1, 5_000))
        for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
            self.stock("real-estate.homes", adults, f"{rng.randint(40, 160)}.50")
        if rng.random() < 0.4:
            self.stock("vehicles.cars", adults[:1], f"{rng.randint(20_000, 300_000)}.00")
        if rng.random() < 0.1:
            self.stock("market-regulation.capital", adults[:1], f"{rng.randint(1, 50)}0000.00")

    def write(self, folder: Path) -> dict[str, list[tuple[Path, Path]]]:
        """Write all CSVs and mappings; return (mapping, csv) pairs per department."""
        written: dict[str, list[tuple[Path, Path]]] = {}
        for resource in self.resources.values():
            target = folder / resource.department
            target.mkdir(parents=True, exist_ok=True)
            paths = target / f"{resource.code}.toml", target / f"{resource.code}.csv"
            paths[0].write_text(_mapping(resource, self.reference), encoding="utf-8")
            _write_csv(paths[1], resource)
            written.setdefault(resource.department, []).append(paths)
        return written


def _demo_households(people: Population) -> list[Household]:
    """Six households whose outcome is known; standard 1,181 yuan, so 14,172 a year and person."""
    stories = [
        ("qualifies for 低保", 18_000, "21000.00"),
        ("over the income limit", 150_000, "30000.00"),
        ("over the asset limit", 20_000, "400000.00"),
        ("near-poor 低保边缘", 60_000, "50000.00"),
        ("authorization revoked", 15_000, "5000.00"),
        ("a member did not sign", 16_000, "6000.00"),
    ]
    households = []
    for story, wage, deposit in stories:
        head, spouse = people.person("head", 41), people.person("spouse", 39)
        child = people.person("child", 9)
        people.yearly("tax.wages", head, wage)
        people.yearly("social-security.unemployment", spouse, 6_000)
        people.stock("banks.deposits", [head, spouse], deposit)
        people.stock("real-estate.homes", [head, spouse], "61.20")
        people.yearly("education.tuition", child, 1_200)
        households.append(Household([head, spouse, child], story))
    return households


@dataclass(frozen=True)
class LetterTerms:
    """What all letters of the demo say alike."""

    programmes: Sequence[str]
    grants: dict[str, list[str]]
    single: Sequence[str]
    """Rules that one department alone serves."""
    reference: date


def letter(
    household: Household, terms: LetterTerms, *, number: str, evidence: Path, unsigned: int = -1
) -> str:
    """The letter as TOML for ``hedui authorize``; ``unsigned`` is the index of who did not sign."""
    reference = terms.reference
    lines = [
        f'number = "{number}"',
        f"programmes = {_list(terms.programmes)}",
        'level = "verdict"',
        f'region = "{REGION}"',
        f"reference_date = {reference}",
        f"valid_from = {reference}",
        f"valid_to = {reference.replace(year=reference.year + 1)}",
        f'evidence_file = "{evidence}"',
        f"single_department_rules = {_list(terms.single)}",
    ]
    head = household.members[0].number
    for index, member in enumerate(household.members):
        signed = "missing" if index == unsigned else "guardian" if member.age < 18 else "self"
        lines += ["", "[[member]]", f'person = "resident:{member.number}"']
        lines += [f'relation = "{member.relation}"', f'signed = "{signed}"']
        lines += [f'guardian = "resident:{head}"'] if signed == "guardian" else []
    for department, codes in terms.grants.items():
        lines += ["", "[[grant]]", f'department = "{department}"', f"resources = {_list(codes)}"]
    return "\n".join(lines) + "\n"


def _mapping(resource: Resource, reference: date) -> str:
    lines = [
        f'resource = "{resource.code}"',
        f'title = "{resource.title}"',
        f'title_zh = "{resource.title_zh}"',
        f"data_date = {reference}",
        "",
        "[columns]",
        'person = "id_no"',
        'amount = "amount"',
    ]
    lines += ['period = "month"'] if resource.period else []
    lines += ['row = "item_no"'] if resource.row else []
    return "\n".join([*lines, "", "[amount]", f'unit = "{resource.unit}"']) + "\n"


def _write_csv(path: Path, resource: Resource) -> None:
    header = ["id_no", "amount"] + ["month"] * resource.period + ["item_no"] * resource.row
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for person, amount, month, key in resource.rows:
            extra = [month] * resource.period + [key] * resource.row
            writer.writerow([person, amount, *extra])


def _months_before(reference: date, count: int) -> list[str]:
    first = reference.year * 12 + reference.month - 1 - count
    return [f"{m // 12:04d}-{m % 12 + 1:02d}" for m in range(first, first + count)]


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _list(items: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{i}"' for i in items) + "]"
