"""The catalogue of messages: what the code says stands in it, and what Chinese there must be.

Tests design.md 5.19.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Message

from model.explanations import EXPLANATIONS
from model.messages import LOCALES, Language, gettext, pgettext, speaking
from model.reasons import Reason
from simulations import catalogue


def test_the_catalogue_is_what_the_code_says() -> None:
    found, _ = catalogue.files()
    assert catalogue.drift(found) == [], "run make messages"


def test_drift_is_seen_in_template_translation_compiled_file_and_page() -> None:
    found, _ = catalogue.files()
    names = {path.suffix for path in found}
    assert names == {".pot", ".po", ".mo", ".md"}
    changed = {path: data + b"\n" for path, data in found.items()}
    assert len(catalogue.drift(changed)) == len(found)


def test_a_translation_with_other_braces_is_refused() -> None:
    message = Message("{n} of {of}")
    catalogue.check_braces(message, "{of} 中 {n}")
    with pytest.raises(ValueError, match="its braces are not those of"):
        catalogue.check_braces(message, "{of} 中 {m}")


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained_in_every_language(language: Language, reason: Reason) -> None:
    known = EXPLANATIONS[reason]
    with speaking(language):
        assert gettext(known.happened) != known.happened
        assert gettext(known.mend) != known.mend


WORDS = [(context, word) for context, words in catalogue.LISTS.items() for word in words]


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize(("context", "word"), WORDS)
def test_every_state_and_outcome_has_its_word_in_every_language(
    language: Language, context: str, word: str
) -> None:
    with speaking(language):
        assert pgettext(context, word) != word


# --- English is complete: whatever the desk says is marked --------------------------------------

ROOT: Final = Path(__file__).resolve().parents[2]
DESK: Final = sorted((ROOT / "desk").rglob("*.py"))
SAYS: Final = {"_", "N_", "gettext", "ngettext", "pgettext"}
HELPS: Final = {"Option", "Argument", "group", "root", "Lazy", "Typer", "callback"}
"""Their texts come into the catalogue from the programs, as ``--help`` shows them."""
SHOWS: Final = {"echo", "confirm", "write", "print", "Table", "add_column", "status", "progress"}
"""What prints: here even a single word counts."""
NO_MESSAGES: Final = {
    ("desk/command.py", "the root callback has not stored its options"): "a mistake of ours",
    ("desk/command.py", "%Y-%m-%d %H:%M:%S"): "a format of times",
    ("desk/command.py", "fold"): "a word of rich",
    ("desk/commands/federation.py", " s] "): "seconds",
    ("desk/commands/ledger/report.py", "%Y-%m-%d %H:%M"): "a format of times",
    ("desk/commands/verify.py", "  hedui verify --countersign "): "a command to type",
    ("desk/node_commands/policy.py", "hedui-node policy list"): "a command to type",
    ("desk/cases.py", "not met"): "a code: what is shown is in the catalogue's lists",
    ("desk/commands/ledger/sample.py", "not looked at"): "a code of the checks",
}
"""Strings that only look like messages, and why."""


def _unmarked(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines and texts of what is said without going through the catalogue."""
    yield from _walk(tree, said=False, shown=False)


def _walk(node: ast.AST, *, said: bool, shown: bool) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if not said and (_is_prose(node.value) or (shown and _is_word(node.value))):
            yield node.lineno, node.value
        return
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        said = said or name in SAYS | HELPS
        shown = shown or name in SHOWS
    for child in _parts(node):
        yield from _walk(child, said=said, shown=shown)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """What is inside, without docstrings, keys of mappings and formats such as ``5.1f``."""
    if isinstance(node, ast.Subscript | ast.FormattedValue):
        yield node.value
        return
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            yield child


def _is_prose(text: str) -> bool:
    return len([word for word in text.split() if any(map(str.isalpha, word))]) > 1


def _is_word(text: str) -> bool:
    return any(map(str.isalpha, text))


@pytest.mark.parametrize("path", DESK, ids=lambda p: str(p.relative_to(ROOT)))
def test_everything_that_the_desk_says_is_in_the_catalogue(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    found = _unmarked(ast.parse(path.read_text(encoding="utf-8")))
    assert [(line, text) for line, text in found if (name, text) not in NO_MESSAGES] == []


@pytest.mark.parametrize("path", DESK, ids=lambda p: str(p.relative_to(ROOT)))
def test_headings_of_tables_are_marked(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            names = {each.id.lower() for each in node.targets if isinstance(each, ast.Name)}
            if names & HEADINGS:
                unmarked = [v for v in node.value.values if not isinstance(v, ast.Call)]
                assert [
                    ast.unparse(value) for value in unmarked if ast.unparse(value) != "''"
                ] == []


HEADINGS: Final = {"columns", "headings", "resources", "values"}
"""What the desk calls its tables of headings."""


def test_whatever_is_marked_is_found_by_the_extraction() -> None:
    known = {m.id[0] if isinstance(m.id, tuple) else m.id for m in catalogue.template()}
    paths = [p for name in catalogue.PACKAGES for p in (ROOT / name).rglob("*.py")]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
                "_",
                "N_",
                "gettext",
            }:
                (first,) = node.args
                # Babel does not look into f-strings.
                assert not isinstance(first, ast.Constant) or first.value in known, first.value


UNMARKED = {
    "a sentence that is printed": 'typer.echo("nothing was done")',
    "one with a value in it": 'typer.echo(f"{path} is ready")',
    "a word that is printed": 'out.write("none")',
    "the sentence of an error": 'raise SettingsError(f"{path} cannot be read")',
    "one that is kept for later": 'said = "every check passes"',
}
MARKED = {
    "a sentence": 'typer.echo(_("nothing was done"))',
    "one with a value": 'typer.echo(_("{path} is ready", path=path))',
    "a value alone": 'out.write(f"{path}: {size}")',
    "help": 'Yes = typer.Option("--yes", help="Erase without asking.")',
    "a key": 'row["state"] = 1',
    "a docstring": 'def f():\n    """It says what it does."""',
}


@pytest.mark.parametrize("source", UNMARKED.values(), ids=UNMARKED.keys())
def test_the_search_finds(source: str) -> None:
    assert list(_unmarked(ast.parse(source)))


@pytest.mark.parametrize("source", MARKED.values(), ids=MARKED.keys())
def test_the_search_passes_over(source: str) -> None:
    assert list(_unmarked(ast.parse(source))) == []


@pytest.mark.parametrize("path", DESK, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_function_takes_the_name_of_gettext_for_something_else(path: Path) -> None:
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            names = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == "_"]
            uses = {type(n.ctx) for n in names}
            assert len(uses) < 2, f"{path.name}: {function.name} calls _() and assigns to it"
