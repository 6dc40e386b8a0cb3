"""Write picture and table of the rooms into docs/architecture.md: python -m simulations.rooms_page.

Rooms are the packages that ``.importlinter`` lists, folders the packages inside them. An arrow is
an import; those that follow from others are left out, except where imports run in a circle.
"""

import ast
import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- written by python -m simulations.rooms_page: begin -->\n"
END: Final = "<!-- written by python -m simulations.rooms_page: end -->\n"

Graph = dict[str, set[str]]
"""Importer → imported; names of rooms, or of folders as room/folder."""


def rooms() -> list[str]:
    """The packages at the top, as the linter's layers have them."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter", encoding="utf-8")
    return config["importlinter"]["root_packages"].split()


def folders(room: str) -> list[str]:
    """The packages inside a room, as room/folder."""
    inits = sorted((ROOT / room).glob("*/__init__.py"))
    return [f"{room}/{init.parent.name}" for init in inits]


def graphs() -> tuple[Graph, dict[str, Graph]]:
    """Return who imports whom: between rooms, and between the folders of each room."""
    names = rooms()
    outer: Graph = {room: set() for room in names}
    inner = {room: {folder: set[str]() for folder in folders(room)} for room in names}
    for room in names:
        for path in sorted((ROOT / room).rglob("*.py")):
            here = "/".join(path.relative_to(ROOT).parts[:2])
            for target, there in _imports(path):
                if target in outer and target != room:
                    outer[room].add(target)
                elif target == room and here != there and {here, there} <= inner[room].keys():
                    inner[room][here].add(there)
    return outer, inner


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    """(package, package/next part) of everything that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names]
        elif not isinstance(node, ast.Import):
            continue
        for name in names:
            parts = name.split(".")
            yield parts[0], "/".join(parts[:2])


def reduced(graph: Mapping[str, set[str]]) -> Graph:
    """The graph without the arrows that follow from others; whole where it has circles."""
    beyond = {name: _reach(graph, name) for name in graph}
    if any(name in reach for name, reach in beyond.items()):
        return {name: set(targets) for name, targets in graph.items()}
    return {
        name: {t for t in targets if not any(t in beyond[other] for other in targets)}
        for name, targets in graph.items()
    }


def _reach(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """What can be come to from ``start``, which is itself among it only in a circle."""
    found: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += graph.get(name, ())
    return found


def picture() -> str:
    """The rooms in Mermaid."""
    outer, inner = graphs()
    lines = ["flowchart TD"]
    for room in rooms():
        lines += _box(room, reduced(inner[room]))
    lines += _arrows(reduced(outer), "  ")
    return "\n".join(lines) + "\n"


def _box(room: str, inner: Graph) -> list[str]:
    if not inner:
        return [f'  {_id(room)}["{room}"]']
    boxes = [f'    {_id(folder)}["{folder.partition("/")[2]}"]' for folder in inner]
    return [f'  subgraph {_id(room)}["{room}"]', *boxes, *_arrows(inner, "    "), "  end"]


def _arrows(graph: Graph, indent: str) -> list[str]:
    return [f"{indent}{_id(a)} --> {_id(b)}" for a in graph for b in sorted(graph[a])]


def _id(name: str) -> str:
    return "r_" + name.replace("/", "_")


def table() -> str:
    """Each room and folder with what its own docstring says it is."""
    rows = ["| room | |", "|---|---|"]
    for room in reversed(rooms()):
        rows.append(f"| **`{room}/`** | {_said(room)} |")
        rows += [f"| `{folder}/` | {_said(folder)} |" for folder in folders(room)]
    return "\n".join(rows) + "\n"


def _said(package: str) -> str:
    source = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(source)) or ""
    return said.partition("\n")[0].replace("``", "`")


def block() -> str:
    """What stands between the two marks of the page."""
    return f"{BEGIN}```mermaid\n{picture()}```\n\n{table()}{END}"


def page(text: str) -> str:
    """The page with the block in its place."""
    before, _, rest = text.partition(BEGIN)
    return before + block() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
