"""The design stands in the tree: every citation leads to a clause, every decision has its row.

Tests design.md 7.1.
"""

import re
import tomllib
from pathlib import Path

import pytest

from simulations import clauses_page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ADR = DOCS / "adr"
DESIGN = clauses_page.DESIGN.read_text(encoding="utf-8")
CLAUSES = clauses_page.clauses(DESIGN)


def test_every_citation_leads_to_a_clause() -> None:
    lost = [(n, files) for n, files in clauses_page.cited().items() if n not in CLAUSES]
    assert lost == []


def test_citations_have_one_spelling() -> None:
    other = re.compile(r"\bDESIGN\b|design\.md,? (section|clause|§)|\b[Dd]esign \d+\.\d")
    found = [p for p in clauses_page.sources() if p != Path(__file__)]
    bad = [str(p) for p in found if other.search(p.read_text(encoding="utf-8"))]
    assert bad == [], "cite a clause as: design.md 2.4.3"


CITED = {
    "one": ("see PAGE 2.4.", ["2.4"]),
    "several": ("PAGE 2.4.3, 2.6 and 3; more", ["2.4.3", "2.6", "3"]),
    "over two lines": ("PAGE\n2.4.3,\n2.5", ["2.4.3", "2.5"]),
    "a range": ("PAGE 2.6.3 to 2.6.5, 2.7", ["2.6.3", "2.6.4", "2.6.5", "2.7"]),
    "a range of sections": ("PAGE 2.3 to 2.5", ["2.3", "2.4", "2.5"]),
    "a range across sections is none": ("PAGE 2.3.1 to 2.4.2", ["2.3.1", "2.3.1 to 2.4.2"]),
    "another page": ("ledger.md 2.4", []),
}


@pytest.mark.parametrize(("text", "numbers"), CITED.values(), ids=CITED.keys())
def test_a_citation_is_read(text: str, numbers: list[str]) -> None:
    assert clauses_page.citations(text.replace("PAGE", "design.md")) == numbers


def test_clauses_are_numbered_in_order_and_say_their_own_number() -> None:
    anchors = clauses_page.ANCHOR.findall(DESIGN)
    assert len(anchors) == len(set(anchors))
    for number in anchors:
        said = rf'<a id="{re.escape(number)}"></a>(\*\*)?{re.escape(number)} '
        assert re.search(said, DESIGN), f"clause {number} says another number"
    places = [tuple(int(part) for part in number.split(".")) for number in anchors]
    assert places == sorted(places)


PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
TO_CLAUSE = re.compile(r"\]\((?:[\w./-]*design\.md)?#(\d[\d.]*)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_to_clauses_lead_to_one(page: Path) -> None:
    numbers = TO_CLAUSE.findall(page.read_text(encoding="utf-8"))
    assert [n for n in numbers if n not in CLAUSES] == []


def test_clauses_page_is_what_design_and_citations_say() -> None:
    said = (DOCS / "clauses.md").read_text(encoding="utf-8")
    assert said == clauses_page.page(), "run python -m simulations.clauses_page"


def records() -> dict[str, Path]:
    """Every decision record by its number."""
    return {path.name[:4]: path for path in sorted(ADR.glob("[0-9]*.md"))}


def rows() -> dict[str, list[str]]:
    """The index of records: number → cells of its row."""
    lines = (ADR / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    found = [(re.match(r"\[?(\d{4})\b", row[0]), row) for row in cells if row]
    return {match.group(1): row for match, row in found if match}


STATUS = re.compile(
    r"Status: ((?:proposed|in force|withdrawn|superseded by \d{4})\b[^;\n]*[^;\n.])"
)


def test_every_number_has_one_row_and_every_record_its_own() -> None:
    assert len(records()) == len(list(ADR.glob("[0-9]*.md"))), "two records have one number"
    newest = max(int(number) for number in records())
    assert list(rows()) == [f"{n:04}" for n in range(1, newest + 1)]
    for number, row in rows().items():
        said = "never used" in row[1] or "withdrawn" in row[1]
        assert number in records() or said, f"no record {number}, and the index does not say why"


@pytest.mark.parametrize("number", records())
def test_a_record_has_a_title_and_a_status_and_the_index_has_both(number: str) -> None:
    path = records()[number]
    title, empty, status, after = path.read_text(encoding="utf-8").split("\n")[:4]
    assert title.startswith("# ") and not empty and not after
    found = STATUS.match(status)
    assert found, f"{path.name}: its third line is no status: {status}"
    cells = [f"[{number}]({path.name})", title[2:], found.group(1)]
    assert rows()[number][:3] == cells, "docs/adr/README.md has another row"


def test_every_dependency_has_a_row_in_its_record() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*table["project"]["dependencies"], *table["dependency-groups"]["dev"]]
    names = [re.split(r"[\[<>=;]", entry)[0].strip() for entry in wanted]
    said = records()["0001"].read_text(encoding="utf-8")
    names = ["types-*" if name.startswith("types-") else name for name in names]
    assert [name for name in names if not re.search(rf"\b{re.escape(name)}", said)] == []
