"""docs/architecture.md and the tree: the picture, each step of each road, each path in a page.

Tests design.md 6.1.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from simulations import rooms_page

ROOT = Path(__file__).resolve().parents[2]
PAGE = rooms_page.PAGE.read_text(encoding="utf-8")
STEP = re.compile(r"^\| (.+) \| `([\w/]+\.py)` \| `([\w.]+)` \|$", re.MULTILINE)
ROADS = ("A letter", "A query", "An opening", "A ledger entry", "A re-check")


@cache
def defined(path: Path) -> frozenset[str]:
    """Functions and classes of a module, methods as Class.method."""
    found = set[str]()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (item for item in node.body if isinstance(item, ast.FunctionDef))
            found |= {f"{node.name}.{item.name}" for item in inner}
    return frozenset(found)


def elsewhere(name: str) -> str:
    """Where something of this name is now, whatever its class and underscore."""
    wanted = name.rpartition(".")[2].lstrip("_")
    files = [p for room in rooms_page.rooms() for p in sorted((ROOT / room).rglob("*.py"))]
    found = (f"{p.relative_to(ROOT)} {n}" for p in files for n in sorted(defined(p)))
    here = [said for said in found if re.search(rf"[. ]_*{wanted}$", said)]
    return "; ".join(here[:6]) or "gone"


def test_every_step_and_every_answer_exists() -> None:
    stale = [
        f"{file} has no {name} ({said}): now {elsewhere(name)}"
        for said, file, name in STEP.findall(PAGE)
        if not (ROOT / file).is_file() or name not in defined(ROOT / file)
    ]
    assert stale == [], "\n" + "\n".join(stale)


def section(title: str) -> str:
    """The page from one heading to the next."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("title", [*ROADS, "Ten questions"])
def test_every_row_of_a_road_is_a_step(title: str) -> None:
    rows = [line for line in section(title).splitlines() if line.startswith("| ")]
    assert len(STEP.findall(section(title))) == len(rows) - 1 >= 9, "a row that is not checked"


def test_there_are_ten_questions_each_with_an_answer() -> None:
    asked = [said for said, _, _ in STEP.findall(section("Ten questions"))]
    assert len(asked) == 10
    assert all(said.endswith("?") for said in asked)


def test_picture_and_table_are_what_the_imports_say() -> None:
    assert rooms_page.page(PAGE) == PAGE, "run python -m simulations.rooms_page"


def test_every_room_and_folder_says_what_it_is() -> None:
    packages = [p for room in rooms_page.rooms() for p in [room, *rooms_page.folders(room)]]
    said = dict(re.findall(r"^\| \**`([\w/]+)/`\** \| (.*) \|$", PAGE, re.MULTILINE))
    assert [p for p in packages if not said.get(p)] == []


def test_the_readmes_map_has_every_room() -> None:
    tree = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Map of the tree")[2]
    assert [r for r in rooms_page.rooms() if not re.search(rf"^{r}/ ", tree, re.MULTILINE)] == []


GRAPHS = {
    "what follows is left out": ({"a": {"b", "c"}, "b": {"c"}}, {"a": {"b"}, "b": {"c"}}),
    "over several steps": (
        {"a": {"b", "d"}, "b": {"c"}, "c": {"d"}},
        {"a": {"b"}, "b": {"c"}, "c": {"d"}},
    ),
    "two ways stay two": ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}}, None),
    "a circle stays whole": ({"a": {"b", "c"}, "b": {"a", "c"}}, None),
}


@pytest.mark.parametrize(("graph", "wanted"), GRAPHS.values(), ids=GRAPHS.keys())
def test_arrows(graph: rooms_page.Graph, wanted: rooms_page.Graph | None) -> None:
    whole = {name: graph.get(name, set()) for name in "abcd"}
    left = {name: targets for name, targets in rooms_page.reduced(whole).items() if targets}
    assert left == (wanted or graph)


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/*.md")])
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.*-]*)`")


def _is_there(name: str) -> bool:
    return any(ROOT.glob(name.rstrip("/"))) if "*" in name else (ROOT / name).exists()


def test_every_path_that_a_page_names_is_in_the_tree() -> None:
    kept = {entry.name for entry in ROOT.iterdir() if entry.is_dir()}
    stale = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in dict.fromkeys(NAMED.findall(page.read_text(encoding="utf-8")))
        if name.partition("/")[0] in kept and not _is_there(name)
    ]
    assert stale == [], "\n" + "\n".join(stale)
