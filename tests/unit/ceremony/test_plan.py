"""plan.toml: what is refused, and in which words.

Tests design.md 7.3.
"""

import pytest

from model.plan import PlanError, parse_plan
from tests.support.ceremony import DEPARTMENTS, DOCUMENT_KEY, HOUSING, plan_text

GOOD = plan_text()
TAX = '[[process]]\nname = "tax"\nrole = "node"\norganisation = "tax office"'
OFFICE = '[[office]]\norganisation = "Civil Affairs"\nname = "verification"\n'
CAR_HOLDER = 'department = "cars"\nholder = true'

REFUSED = {
    "not TOML": (GOOD + "[[", "not TOML"),
    "mistyped key": (GOOD.replace("organisation =", "organization =", 1), "Did you mean"),
    "mistyped key names the member": (
        GOOD.replace(TAX, TAX.replace("organisation", "organistaion")),
        'process "tax": unknown key',
    ),
    "missing key": (GOOD.replace("threshold = 2\n", ""), '"threshold" is missing'),
    "unknown role": (GOOD.replace('"clerk"', '"clark"'), 'person "chen": key "role"'),
    "a key that is too short": (GOOD.replace("2048", "1024"), '"key_bits"'),
    "two of one name": (GOOD.replace('"chen"', '"wang"'), 'two members are called "wang"'),
    "a folder's name": (GOOD.replace('"chen"', '"people"'), "folder of the ceremony"),
    "no registrar": (GOOD.replace('role = "registrar"', 'role = "node"'), "role registrar, not 0"),
    "one department twice": (
        GOOD.replace('department = "bank"', 'department = "tax"'),
        'serve department "tax"',
    ),
    "more than there are holders": (GOOD.replace("threshold = 2", "threshold = 4"), "2t > n"),
    "two shares in one organisation": (
        GOOD.replace('"bank office"', '"tax office"'),
        'two key shares in organisation "tax office"',
    ),
    "a share in the coordinator's organisation": (
        GOOD.replace('"bank office"', '"Civil Affairs"'),
        "bank holds a key share in the coordinator's organisation",
    ),
    "an office where nobody works": (
        GOOD.replace('name = "verification"', 'name = "counter"'),
        'no member belongs to office "counter"',
    ),
    "an office that stands twice": (GOOD + OFFICE, "two tables describe office"),
    "a mistyped key of an office": (
        GOOD.replace("document_key", "document_keys"),
        'Did you mean "document_key"',
    ),
    "a document key off the curve": (
        GOOD.replace(DOCUMENT_KEY, "02" + "ff" * 32),
        "not a compressed point of P-256",
    ),
    "a document key of another form": (GOOD.replace(DOCUMENT_KEY, "04" * 65), "document_key"),
    "two offices with one document key": (
        GOOD + OFFICE.replace("Civil Affairs", "Data Bureau") + f'document_key = "{DOCUMENT_KEY}"',
        "two offices have the same document key",
    ),
    "no coordinator": (
        GOOD.replace('role = "coordinator"', 'role = "node"'),
        "1 to 16 processes of role coordin",
    ),
    "a share in the second coordinator's organisation": (
        GOOD + HOUSING.replace("Housing Bureau", "bank office"),
        "bank holds a key share in the coordinator's organisation",
    ),
    "purposes of a node": (
        GOOD.replace(CAR_HOLDER, CAR_HOLDER + '\npurposes = ["census"]'),
        "process cars: only a coordinator has purposes",
    ),
    "a purpose that is no name": (
        GOOD + HOUSING.replace("housing-assistance", "Housing!"),
        'key "purposes',
    ),
    "a node with nothing to do": (
        GOOD.replace(CAR_HOLDER, ""),
        "process cars: a node serves",
    ),
}


def test_a_sound_plan_is_read() -> None:
    plan = parse_plan(GOOD.encode())
    assert plan.departments == list(DEPARTMENTS)
    assert [holder.name for holder in plan.holders] == list(DEPARTMENTS)


def test_a_plan_may_name_several_coordinators() -> None:
    first, second = parse_plan((GOOD + HOUSING).encode()).requesters
    assert (first.name, first.asks_for, first.serves) == ("coordinator", ["social-assistance"], [])
    assert (second.name, second.asks_for) == ("housing", ["housing-assistance"])


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_plan_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(text.encode(), source="my/plan.toml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("my/plan.toml")
