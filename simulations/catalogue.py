"""Keep the catalogue of messages in step with the code: python -m simulations.catalogue [--check].

Babel collects every sentence that the code marks; to those come the help of every command, as
the programs have it, and the words of closed lists. It writes the template, each translation
(what is new is empty there, what is gone is dropped and named), its compiled form, which the
programs read, and docs/languages.md, which says how much is translated. Translators edit
``model/locale/*/*/hedui.po`` and run it again. With ``--check`` it writes nothing and exits 1
where the tree has something else.
"""

import io
import re
import string
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, get_args

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from typer.main import get_command

from coordinator.case.state import CaseState, TicketState
from desk.client.health import State
from desk.commands.case import Choice
from desk.program import LazyGroup
from model.messages import DOMAIN, FOLDER, LOCALES
from model.policy.determining import Verdict
from simulations.commands_page import inside, options_of, programs

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("model", "runtime", "ceremony", "reviewer", "desk")
"""Whose sentences people read in their own language; servers speak English."""
LISTS: Final[dict[str, Iterable[str]]] = {
    "case": CaseState,
    "department": TicketState,
    "outcome": Verdict,
    "letter": ("draft", "in-force", "revoked", "ended", "erased"),
    "budget": ("proposed", "approved"),
    "decision": Choice,
    "process": get_args(State),
}
"""Closed lists whose words are shown, by the context that ``pgettext`` is given."""
KEYWORDS: Final[dict[str, Any]] = {
    "gettext": None,
    "_": None,
    "N_": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
PAGE: Final = ROOT / "docs" / "languages.md"
HEAD: Final = """# Languages 语言

Commands speak English or Chinese: `--lang en` or `--lang zh` before the command, else what the
variable `HEDUI_LANG` says, else the locale's language (`LANGUAGE`, `LC_ALL`, `LC_MESSAGES`,
`LANG`). A sentence that has no translation yet is said in English. Codes of reasons, ledgers,
logs, `--json` and what a process says to another are English everywhere
([ADR 0022](adr/0022-languages.md)).

All messages stand in one catalogue in gettext's format, `model/locale/`. A translator edits
`model/locale/zh_CN/LC_MESSAGES/hedui.po` and runs `make messages`; `make check` says where code
and catalogue have parted. Chinese has begun.

English is complete: every sentence, heading and help text of the desk stands in the catalogue, and
so do the sentences about settings, keys and the ceremony; a test reads the source of the desk and
finds what is not marked. Outside it, and so English in every language, are what other processes
send as the detail of a refusal, findings of `policy check`, of the offline verifier and of a
sample, the words of ledger events, and what the command-line library says itself (`Usage`,
`Options`). Written by `python -m simulations.catalogue`:

| part | messages | in Chinese |
|---|---|---|
"""
HEADERS: Final = (
    "Project-Id-Version",
    "Language",
    "Plural-Forms",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)
"""No dates and no names: the same sentences give the same bytes."""


class Undated(Catalog):
    """A catalogue whose header says nothing of the day and the tool."""

    @property  # type: ignore[misc]
    def mime_headers(self) -> list[tuple[str, str]]:
        """Headers, in Babel's order."""
        return [header for header in super().mime_headers if header[0] in HEADERS]


def template() -> Undated:
    """Every message of the tree, in the order of files and lines."""
    found = _empty("Messages of Hedui to people", None)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            for line, key, comments, context in extract_from_file("python", path, KEYWORDS):
                found.add(key, None, [(place, line)], auto_comments=comments, context=context)
    for context, words in LISTS.items():
        for word in words:
            found.add(word, context=context)
    for place, text in _helps():
        found.add(text, auto_comments=[f"{place} --help"])
    return found


def _helps() -> Iterator[tuple[str, str]]:
    """Each text that a ``--help`` shows, and of which command."""
    for name, app in programs():
        root = get_command(app)
        for place, command in [(name, root), *_tree(name, root)]:
            texts = [command.help, *(getattr(p, "help", None) for p in options_of(command))]
            if isinstance(command, LazyGroup):
                texts += [lazy.help for lazy in command.table.values()]
            yield from ((place, text) for text in texts if text)


def _tree(name: str, root: Any) -> Iterator[tuple[str, Any]]:
    for word, found in inside(root).items():
        yield f"{name} {word}", found
        yield from _tree(f"{name} {word}", found)


def translation(messages: Undated, locale: str) -> tuple[Undated, list[str]]:
    """One language's catalogue of these messages, and the keys whose translation is dropped.

    Raises ValueError where a translation has other braces than its sentence.
    """
    path = _po(locale)
    known = read_po(io.BytesIO(path.read_bytes()), locale) if path.exists() else Catalog(locale)
    found = _empty("Translation of Hedui's messages", locale)
    for message in _bodies(messages):
        old = known.get(message.id, message.context)
        said = old.string if old else ""
        if isinstance(message.id, tuple):
            # As many as the language has numbers; Babel would put the English ones there.
            said = tuple(said or ("",) * found.num_plurals)
        check_braces(message, said)
        found.add(
            message.id,
            said,
            message.locations,
            auto_comments=message.auto_comments,
            user_comments=old.user_comments if old else (),
            context=message.context,
        )
    gone = [m for m in _bodies(known) if m.string and not messages.get(m.id, m.context)]
    return found, [str(m.id) for m in gone]


def check_braces(message: Message, said: Any) -> None:
    """Raise ValueError unless each translation can be given what its sentence is given."""
    wanted = set().union(*map(_braces, _each(message.id)))
    for each in _each(said):
        if each and not wanted - {"n"} <= _braces(each) <= wanted:
            raise ValueError(f'"{each}": its braces are not those of "{message.id}"')


def _each(texts: Any) -> tuple[str, ...]:
    """One sentence, or those of its numbers."""
    return (texts,) if isinstance(texts, str) else tuple(texts or ())


def _braces(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError:
        # A help text may hold a single brace; it is never formatted.
        return set()


def count(messages: Catalog) -> tuple[int, int]:
    """How many of its messages are translated, and how many there are."""
    said = [_is_said(m) for m in _bodies(messages)]
    return sum(said), len(said)


def _is_said(message: Message) -> bool:
    return all(_each(message.string) or [""])


def _part(message: Message) -> str:
    """Which part of what people read: a row of the page."""
    if message.context:
        return "states and outcomes"
    if not message.locations:
        return "help of commands"
    return (
        "reasons"
        if "model/explanations.py" in dict(message.locations)
        else "sentences and headings"
    )


def page(translated: Catalog) -> str:
    """docs/languages.md."""
    rows = []
    for part in ("reasons", "states and outcomes", "sentences and headings", "help of commands"):
        said = [_is_said(m) for m in _bodies(translated) if _part(m) == part]
        rows.append(f"| {part} | {len(said)} | {sum(said)} |\n")
    n, of = count(translated)
    return f"{HEAD}{''.join(rows)}| all | {of} | {n} |\n"


def files() -> tuple[dict[Path, bytes], list[str]]:
    """What the tree should hold, and what a person wants to know of it."""
    messages = template()
    found, said = {FOLDER / f"{DOMAIN}.pot": _text(messages)}, []
    for language, locale in LOCALES.items():
        translated, dropped = translation(messages, locale)
        compiled = io.BytesIO()
        write_mo(compiled, translated)
        found[_po(locale)] = _text(translated)
        found[_po(locale).with_suffix(".mo")] = compiled.getvalue()
        n, of = count(translated)
        found[PAGE] = page(translated).encode()
        said += [f"{language}: {n} of {of} messages are translated"]
        said += [
            f'{language}: no sentence has this translation any more: "{key}"' for key in dropped
        ]
    return found, said


def drift(found: dict[Path, bytes]) -> list[str]:
    """Files of the catalogue that are not what the code gives."""
    return [
        path.relative_to(ROOT).as_posix()
        for path, data in found.items()
        if not path.exists() or path.read_bytes() != data
    ]


def _empty(about: str, locale: str | None) -> Undated:
    return Undated(locale, DOMAIN, f"# {about}.", "hedui", "0.1", fuzzy=False)


def _bodies(messages: Catalog) -> list[Message]:
    """Its messages without the header."""
    return [m for m in messages if m.id]


def _po(locale: str) -> Path:
    return FOLDER / locale / "LC_MESSAGES" / f"{DOMAIN}.po"


def _text(messages: Catalog) -> bytes:
    data = io.BytesIO()
    # Files without lines: a translation does not change because a function moved.
    write_po(data, messages, width=100, include_lineno=False)
    return re.sub(rb"\n{3,}", b"\n\n", data.getvalue())


def main() -> None:
    """Write the catalogue, or with --check compare and exit 1 on drift."""
    found, said = files()
    print("\n".join(said))
    if "--check" in sys.argv[1:]:
        if changed := drift(found):
            sys.exit(f"catalogue: aged: {', '.join(changed)}; run `make messages`")
        return
    for path, data in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
