"""A federation by the real ceremony, over fixed primes: seconds instead of half a minute."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ceremony.authority import init_authority
from ceremony.dealing import hold_ceremony
from crypto.rng import system_rng
from crypto.threshold import Dealt
from model.federation import Federation
from model.plan import Plan
from model.roles import Role
from runtime.site.joining import init_person, init_process, load_site
from tests.support.keys import dealt

# The base point of P-256, compressed.
DOCUMENT_KEY = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"

ALL_ROLES = frozenset(Role)
DEPARTMENTS = ("tax", "bank", "cars")
PEOPLE = (
    ("chen", "clerk", "Civil Affairs"),
    ("li", "checker", "Civil Affairs"),
    ("ma", "checker", "Civil Affairs"),
    ("wang", "officer", "Civil Affairs"),
    ("zhao", "registrar-officer", "Data Bureau"),
    ("qian", "registrar-officer", "Data Bureau"),
    ("sun", "reviewer", "Audit Office"),
    ("song", "reviewer", "Audit Office"),
    ("adam", "admin", "tax office"),
)


def fixed_dealer(*, bits: int, threshold: int, holders: int, **_: Any) -> Dealt:
    """In place of ``deal``: the fixed primes of tests/support/keys.py, 2048 bits."""
    return dealt(threshold, holders)


def plan_text(*, extra: Sequence[str] = (), **replaced: str) -> str:
    """A plan: registrar, coordinator, three departments that hold a share each, some people."""
    lines = ['name = "hexi"', "threshold = 2", "key_bits = 2048", *extra]
    lines += _rows("process", name="registrar", role="registrar", organisation="Data Bureau")
    lines += _rows("process", name="coordinator", role="coordinator", organisation="Civil Affairs")
    for department in DEPARTMENTS:
        name, office = department, f"{department} office"
        lines += _rows("process", name=name, role="node", organisation=office)
        lines += [f'department = "{department}"', "holder = true"]
    for name, role, organisation in PEOPLE:
        lines += _rows("person", name=name, role=role, organisation=organisation)
    lines += ["", "[[office]]", 'organisation = "Civil Affairs"', 'name = "verification"']
    lines += [f'document_key = "{DOCUMENT_KEY}"']
    text = "\n".join(lines) + "\n"
    for old, new in replaced.items():
        text = text.replace(f"<{old}>", new)
    return text


HOUSING = "\n".join(
    (
        "",
        "[[process]]",
        'name = "housing"',
        'role = "coordinator"',
        'organisation = "Housing Bureau"',
        'office = "allocation"',
        'purposes = ["housing-assistance"]',
        'serves = ["Trade Union"]',
        "",
    )
)
"""A second coordinator, for a plan's text."""


def _rows(table: str, **keys: str) -> list[str]:
    lines = ["", f"[[{table}]]", *(f'{key} = "{value}"' for key, value in keys.items())]
    return [*lines, 'office = "verification"']


def officers(**of: str) -> str:
    """More officers, by name and organisation, for a plan's text."""
    lines = []
    for name, organisation in of.items():
        lines += _rows("person", name=name, role="officer", organisation=organisation)
    return "\n".join(lines) + "\n"


def begin(home: Path, now: datetime, text: str = "") -> Plan:
    """Authority and plan."""
    home.mkdir(parents=True, exist_ok=True)
    plan_file = home.parent / f"{home.name}-plan.toml"
    plan_file.write_text(text or plan_text(), encoding="utf-8")
    return init_authority(home, plan_file, key_bits=None, now=now, rng=system_rng)


def join_all(home: Path, *, without: Sequence[str] = ()) -> None:
    """Everybody's own half."""
    site = load_site(home)
    for process in site.plan.process:
        if process.name not in without:
            init_process(site, process.name, roles=ALL_ROLES, rng=system_rng)
    for person in site.plan.person:
        if person.name not in without:
            init_person(site, person.name, rng=system_rng)


def deal_all(
    home: Path, now: datetime, *, progress: Callable[[str], None] = lambda _: None
) -> Federation:
    """The ceremony itself."""
    return hold_ceremony(
        home, now=now, rng=system_rng, pool=None, progress=progress, dealer=fixed_dealer
    )


def whole_federation(home: Path, now: datetime) -> Federation:
    """All three steps."""
    begin(home, now)
    join_all(home)
    return deal_all(home, now)
