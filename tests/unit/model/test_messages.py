"""Messages in the reader's language: what decides it, what has no translation, who hears what.

Tests design.md 5.19.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from model.explanations import EXPLANATIONS
from model.messages import (
    Language,
    gettext,
    language_of,
    ngettext,
    pgettext,
    speak,
    speaking,
    spoken,
)
from model.reasons import Reason
from runtime.errors import Refusal

CLOSED = EXPLANATIONS[Reason.CASE_CLOSED].happened


ENVIRONMENTS = {
    "nothing is set": ({}, Language.EN),
    "a Chinese locale": ({"LANG": "zh_CN.UTF-8"}, Language.ZH),
    "another locale with Chinese": ({"LANG": "zh_SG"}, Language.ZH),
    "a locale that Hedui does not speak": ({"LANG": "de_DE.UTF-8"}, Language.EN),
    "no locale at all": ({"LANG": "C.UTF-8"}, Language.EN),
    "LC_ALL before LANG": ({"LC_ALL": "en_GB", "LANG": "zh_CN"}, Language.EN),
    "an empty variable is none": ({"LC_ALL": "", "LANG": "zh_CN"}, Language.ZH),
    "the first that Hedui speaks of several": ({"LANGUAGE": "fr:zh_CN:en"}, Language.ZH),
    "HEDUI_LANG before every locale": ({"HEDUI_LANG": "zh", "LC_ALL": "en_GB"}, Language.ZH),
}


@pytest.mark.parametrize(
    ("environment", "language"), ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys()
)
def test_the_environment_says_the_language(environment: dict[str, str], language: Language) -> None:
    assert language_of(environment) is language


def test_a_message_is_said_in_the_readers_language() -> None:
    assert gettext(CLOSED) == "the case is closed"
    speak(Language.ZH)
    assert gettext(CLOSED) == "案件已关闭"


def test_what_has_no_translation_is_said_in_english() -> None:
    with speaking(Language.ZH):
        assert gettext("nobody has translated {what}", what="this") == (
            "nobody has translated this"
        )
        assert pgettext("case", "of no list") == "of no list"
        assert ngettext("{n} thing", "{n} things", 2) == "2 things"


def test_an_empty_message_is_not_the_catalogues_header() -> None:
    with speaking(Language.ZH):
        assert gettext("") == "" == pgettext("case", "")


def test_a_text_without_values_keeps_its_braces() -> None:
    assert gettext("a detail with {braces}") == "a detail with {braces}"


def test_one_word_of_two_lists_has_two_translations() -> None:
    with speaking(Language.ZH):
        assert pgettext("case", "refused") != pgettext("department", "refused")


def test_a_block_in_another_language_ends() -> None:
    with speaking(Language.ZH):
        assert spoken() is Language.ZH
    assert spoken() is Language.EN


def test_a_servers_threads_speak_english_whatever_the_account_speaks() -> None:
    speak(Language.ZH)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(gettext, CLOSED).result() == "the case is closed"


def test_what_a_refusal_sends_is_english_whatever_the_account_speaks() -> None:
    speak(Language.ZH)
    assert Refusal(Reason.CASE_CLOSED).detail == "the case is closed"
