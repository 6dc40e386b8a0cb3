"""The catalogue of messages: what the code says stands in it, and what Chinese there must be."""

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
