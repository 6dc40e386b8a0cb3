"""Messages to people, in the language of whoever reads them; gettext's functions and format.

Source: design.md 5.19;
GNU gettext's custom: the English sentence in the code is the key of its own translation,
so that what has none is said in English. One catalogue for all programs, in ``locale/``;
``python -m simulations.catalogue`` keeps it.

What crosses the wire, stands in a ledger or in a log is English whoever runs the process: a new
thread begins in English, and a server speaks nothing else (docs/adr/0022-languages.md).
"""

import gettext as stdlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

DOMAIN: Final = "hedui"
FOLDER: Final = Path(__file__).with_name("locale")


class Language(StrEnum):
    """What Hedui speaks."""

    EN = "en"
    ZH = "zh"


LOCALES: Final = {Language.ZH: "zh_CN"}
"""Languages with a catalogue, by the name of its folder; English needs none."""

VARIABLES: Final = ("HEDUI_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""The first that is set says the language; after the first, gettext's own order."""

# For each thread and each context: a desk that serves two readers speaks two languages.
_READER: ContextVar[Language] = ContextVar("reader", default=Language.EN)


def speak(language: Language) -> None:
    """From now on, in this thread or context, say everything in ``language``."""
    _READER.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """``speak`` for the length of a block."""
    token = _READER.set(language)
    try:
        yield
    finally:
        _READER.reset(token)


def spoken() -> Language:
    """The language of this thread or context."""
    return _READER.get()


def language_of(environment: Mapping[str, str]) -> Language:
    """The language that the environment asks for; English where Hedui does not speak it."""
    wanted = next((value for name in VARIABLES if (value := environment.get(name))), "")
    for locale in wanted.split(":"):
        base = locale.partition(".")[0].partition("_")[0].lower()
        if base in list(Language):
            return Language(base)
    return Language.EN


@cache
def _catalogue(language: Language) -> stdlib.NullTranslations:
    if language not in LOCALES:
        return stdlib.NullTranslations()
    # A checkout without its compiled catalogue still speaks: English.
    return stdlib.translation(DOMAIN, FOLDER, [LOCALES[language]], fallback=True)


def gettext(message: str, /, **values: object) -> str:
    """Say ``message``, with ``values`` in its braces where any are given."""
    # The empty key is the catalogue's own header.
    said = _catalogue(spoken()).gettext(message) if message else ""
    return said.format(**values) if values else said


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """Say it of ``n`` things, which the sentence calls ``{n}``."""
    return _catalogue(spoken()).ngettext(one, many, n).format(n=n, **values)


def pgettext(context: str, word: str, /) -> str:
    """Say a single word of a closed list; ``context`` says of which."""
    return _catalogue(spoken()).pgettext(context, word) if word else ""


def N_(message: str, /) -> str:
    """Mark a constant for the catalogue; whoever shows it says it with ``gettext``."""
    return message
