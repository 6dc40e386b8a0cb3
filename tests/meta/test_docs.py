"""What the documents say is what the program has: settings, commands, reasons, events, links."""

import re
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from coordinator.settings import CoordinatorSettings
from desk.client.letter import GrantForm, LetterForm, MemberForm
from ledger.verify.reconcile import FINDINGS, KINDS
from ledger.verify.verdict import CODES
from model.identifiers import IdentifierType
from model.money import Unit
from model.plan import Plan, PlannedPerson, PlannedProcess
from model.policy import checking, schema
from node.records.mapping import Amount, Columns, Mapping
from node.settings import NodeSettings
from registrar.settings import RegistrarLimits, RegistrarSettings
from runtime.errors import ExitCode
from runtime.site.profile import ProfileSettings
from runtime.site.settings import PersonSettings, ServerSettings
from simulations import commands_page, events_page, reasons_page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("examples/*.md")])

SETTINGS: tuple[type[BaseModel], ...] = (
    NodeSettings,
    CoordinatorSettings,
    RegistrarSettings,
    RegistrarLimits,
    ServerSettings,
    PersonSettings,
    ProfileSettings,
)
FILES_OF_OPERATIONS: tuple[type[BaseModel], ...] = (
    *(Plan, PlannedProcess, PlannedPerson),
    *(Mapping, Columns, Amount),
    *(LetterForm, MemberForm, GrantForm),
)
TABLES_OF_POLICIES: tuple[type[BaseModel], ...] = (
    schema.PolicyFile,
    schema.Title,
    schema.Header,
    schema.Parameter,
    schema.Measure,
    schema.Condition,
    schema.Rule,
    schema.Ratio,
    schema.Programme,
)


def text(name: str) -> str:
    """A page of docs/."""
    return (DOCS / name).read_text(encoding="utf-8")


def keys(models: tuple[type[BaseModel], ...]) -> list[str]:
    """Every key of these models once."""
    return list(dict.fromkeys(key for model in models for key in model.model_fields))


@pytest.mark.parametrize("key", keys(SETTINGS))
def test_every_setting_stands_in_operations_with_its_default(key: str) -> None:
    rows = [line for line in text("operations.md").splitlines() if f"| `{key}` |" in line]
    assert rows, f"docs/operations.md has no row for the setting {key}"
    defaults = {m.model_fields[key].default for m in SETTINGS if key in m.model_fields}
    numbers = {d for d in defaults if type(d) is int}
    for number in numbers:
        said = {int(n.replace(",", "")) for row in rows for n in re.findall(r"\d[\d,]*", row)}
        assert number in said, f"docs/operations.md gives another default for {key}: {rows}"


@pytest.mark.parametrize("key", keys(FILES_OF_OPERATIONS))
def test_every_key_of_plan_mapping_and_letter_stands_in_operations(key: str) -> None:
    assert f"`{key}`" in text("operations.md")


def test_units_types_of_persons_and_exit_codes_stand_in_operations() -> None:
    page = text("operations.md")
    for word in [*Unit, *IdentifierType]:
        assert f"`{word}`" in page
    for code in [*ExitCode, 7, 8, 9]:
        assert f"| {int(code)} |" in page


@pytest.mark.parametrize("key", keys(TABLES_OF_POLICIES))
def test_every_key_of_a_policy_stands_in_policies(key: str) -> None:
    assert f"`{key}`" in text("policies.md")


def test_every_finding_of_policy_check_stands_in_policies() -> None:
    source = Path(checking.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'Severity\.[A-Z]+, "([a-z-]+)"', source))
    assert len(codes) > 10
    page = text("policies.md")
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []


def test_commands_page_is_what_the_programs_say() -> None:
    assert text("commands.md") == commands_page.page(), "run python -m simulations.commands_page"


def test_reasons_page_is_what_the_closed_list_says() -> None:
    assert text("reasons.md") == reasons_page.page(), "run python -m simulations.reasons_page"


def test_events_page_is_what_the_closed_list_says() -> None:
    assert text("events.md") == events_page.page(), "run python -m simulations.events_page"


def test_every_verdict_of_the_verifier_stands_in_ledger() -> None:
    page = text("ledger.md")
    for verdict, code in CODES.items():
        assert f"| {code} | {verdict} |" in page


def test_every_finding_of_reconcile_stands_in_ledger() -> None:
    page = text("ledger.md")
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []
    assert f"{FINDINGS}: findings" in page


LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


TEST_NAME = re.compile(r"`(tests/[\w/.-]+\.py)(?:::(\w+))?`|`(test_\w+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_tests_that_pages_name_exist(page: Path) -> None:
    sources = {p.relative_to(ROOT).as_posix(): p for p in (ROOT / "tests").rglob("*.py")}
    defined = {name for p in sources.values() for name in _functions(p)}
    for file, inner, name in TEST_NAME.findall(page.read_text(encoding="utf-8")):
        if file:
            assert file in sources, f"{page.name} names {file}"
        if inner or name:
            assert (inner or name) in defined, f"{page.name} names {inner or name}"


@cache
def _functions(path: Path) -> tuple[str, ...]:
    source = path.read_text(encoding="utf-8")
    return tuple(re.findall(r"^\s*def (test_\w+)", source, re.MULTILINE))
