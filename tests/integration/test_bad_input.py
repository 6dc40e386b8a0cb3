"""Bad input, typed as a person would type it: one sentence that names input and mend, nothing else.

Every row is a real command against real files or a running federation. It must end with a code
that is not zero, with one sentence on standard error and no trace of Python; what was there
before must be there afterwards, but for the refusals that stand in ledgers.

Tests design.md 2.1.4, 5.15.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from simulations import plan as plans
from tests.support.homes import make_home
from tests.support.village import (
    PERSONS,
    REFUSED,
    SETTINGS,
    STRANGER,
    UNTRUSTED,
    USAGE,
    Village,
    policy_text,
    resident,
    rows_of,
    says,
)


def stored(village: Village) -> dict[str, object]:
    """What every process holds: all rows of its own tables, and its ledger without refusals."""
    found: dict[str, object] = {}
    for name in village.processes:
        found |= rows_of(village.home, name)
        events = [e.event for e in village.ledger(name)]
        # A refusal is ledgered, and so is whoever read a letter before it.
        found[f"{name} ledger"] = [
            e for e in events if not e.endswith((".refused", ".read", ".cosigned"))
        ]
    return found


# ------------------------------------------------------------------ a department's files

HEAD, ANN, BEN = "id_no,amount,month,home\n", resident(1), resident(2)


def csv(*lines: str) -> bytes:
    """A file of wages."""
    return (HEAD + "".join(f"{line}\n" for line in lines)).encode()


CSVS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "a missing column": (
        f"id_no,amnt,month\n{ANN},1,2026-10\n".encode(),
        ('line 1: column "amount"', "columns: id_no, amnt, month", 'Did you mean "amnt"?'),
    ),
    "a bad check digit": (
        csv(f"{ANN},1,2026-10,h", f"{BEN[:-1]}{'1' if BEN[-1] != '1' else '2'},1,2026-10,h"),
        ("line 3, column 1 (id_no)", "the check digit is wrong"),
    ),
    "fifteen digits": (csv("330212800101001,1,2026-10,h"), ("line 2, column 1", "15-digit")),
    "a bad amount": (
        csv(f"{ANN},1.234,2026-10,h"),
        ('line 2, column 2 (amount): "1.234": yuan has at most 2 decimals',),
    ),
    "an amount in words": (csv(f"{ANN},much,2026-10,h"), ('"much": not a number in plain digits',)),
    "an amount with separators": (csv(f'{ANN},"1,000",2026-10,h'), ("line 2, column 2",)),
    "a month that is none": (csv(f"{ANN},1,2026-13,h"), ('"2026-13": there is no such month',)),
    "a duplicate": (
        csv(f"{ANN},1,2026-10,h", f"{ANN},1,2026-10,h"),
        ("line 3: duplicate", "first in line 2"),
    ),
    "another encoding": (
        csv(f"{ANN},1,2026-10,家").decode().encode("gb18030"),
        ("line 2, byte", "not utf-8", 'encoding = "gb18030"'),
    ),
    "an empty file": (b"", ("line 1: the file is empty",)),
    "no rows": (HEAD.encode(), ("but no rows",)),
    "the end cut off": (csv(f"{ANN},1,2026-10,h")[:-4], ("line 2: 3 fields where the first line",)),
    "a quote left open": (csv(f'{ANN},"1'), ("is a quote left open?",)),
    "a program's file": (HEAD.encode() + b"\0\0\0\n", ("a NUL byte",)),
}


@pytest.mark.parametrize(("data", "words"), CSVS.values(), ids=CSVS.keys())
def test_a_csv_with(village: Village, tmp_path: Path, data: bytes, words: tuple[str, ...]) -> None:
    before = stored(village)
    file = tmp_path / "wages.csv"
    file.write_bytes(data)
    mapping = str(village.folder / "tax.wages.toml")
    ended = village.type("hedui-node", "import", mapping, str(file), person="admin-tax")
    says(ended, REFUSED, str(file), "import_invalid", "import again", *words)
    assert BEN[6:16] not in ended.stderr
    assert stored(village) == before


MAPPINGS: dict[str, tuple[tuple[str, str], str]] = {
    "a mistyped key": (("data_date", "data_dat"), 'Did you mean "data_date"?'),
    "a mistyped column": (('amount = "amount"', 'amuont = "amount"'), 'Did you mean "amount"?'),
    "an unknown unit": (('unit = "yuan"', 'unit = "yen"'), "'fen', 'yuan'"),
    "a resource in capitals": (('"tax.wages"', '"Tax wages"'), "such as tax.wages"),
    "a date that is none": (("2026-10-31", "2026-10-32"), "not TOML"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), MAPPINGS.values(), ids=MAPPINGS.keys())
def test_a_mapping_with(
    village: Village, tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    before = stored(village)
    file = tmp_path / "mapping.toml"
    file.write_text((village.folder / "tax.wages.toml").read_text().replace(*change))
    data = str(village.folder / "tax.wages.csv")
    ended = village.type("hedui-node", "import", str(file), data, person="admin-tax")
    says(ended, SETTINGS, str(file), words)
    assert stored(village) == before


MISPLACED = {
    "a date to come": (
        ("2026-10-31", "2226-10-31"),
        ("mapping of tax.wages", "2226-10-31 is still to come"),
    ),
    "another department's resource": (
        ('"tax.wages"', '"bank.wages"'),
        ("mapping of bank.wages", "is of bank, and this node serves tax"),
    ),
}


@pytest.mark.parametrize(("change", "words"), MISPLACED.values(), ids=MISPLACED.keys())
def test_a_mapping_that_only_the_node_can_judge_with(
    village: Village, tmp_path: Path, change: tuple[str, str], words: tuple[str, ...]
) -> None:
    before = stored(village)
    file = tmp_path / "mapping.toml"
    file.write_text((village.folder / "tax.wages.toml").read_text().replace(*change))
    data = str(village.folder / "tax.wages.csv")
    says(village.type("hedui-node", "import", str(file), data, person="admin-tax"), REFUSED, *words)
    assert stored(village) == before


# ------------------------------------------------------------------ a clerk's letter

Change = Mapping[str, str] | tuple[str, str]
LETTERS: dict[str, tuple[Change, int, str]] = {
    "a mistyped key": (("valid_to", "valid_until"), SETTINGS, 'unknown key "valid_until"'),
    "a mistyped key of a member": (("relation", "relatoin"), SETTINGS, 'Did you mean "relation"?'),
    "a bad check digit": ((resident(PERSONS), resident(PERSONS)[:-2] + "00"), SETTINGS,
                          "member 1: resident:330*************00: the check digit is wrong"),
    "no evidence": (("letter.pdf", "lost.pdf"), SETTINGS, "lost.pdf cannot be read"),
    "an end before its beginning": ({"valid_to": "2020-01-01"}, REFUSED,
                                    "valid_to is before valid_from"),
    "a member twice": (('[[grant]]\ndepartment = "bank"',
                        f'[[member]]\nperson = "resident:{resident(PERSONS)}"\nrelation = "other"\n'
                        'signed = "self"\n[[grant]]\ndepartment = "bank"'),
                       REFUSED, "a person stands twice among the members"),
    "an unknown department": (('"fund"', '"funds"'), REFUSED, 'Did you mean "fund"?'),
    "a number with a blank": ({"number": '"330212 1"'}, SETTINGS, "letters, digits and hyphens"),
    "a region without quotes": ({"region": "330212"}, SETTINGS, '"region": write it in quotes'),
    "an unknown level": ({"level": '"all"'}, SETTINGS, "'verdict' or 'totals'"),
    "a guardian who is not named": (('"self"', '"guardian"'), REFUSED, "a guardian is named if"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "code", "words"), LETTERS.values(), ids=LETTERS.keys())
def test_a_letter_with(village: Village, change: Change, code: int, words: str) -> None:
    before = stored(village)
    named = change if isinstance(change, Mapping) else {}
    good = village.letter("330212-2026-990000", [PERSONS])
    sound = village.letter("330212-2026-bad", [PERSONS], **named)
    if isinstance(change, tuple):
        sound.write_text(sound.read_text().replace(change[0], change[1], 1))
    files = (str(sound), str(good)) if code == REFUSED else (str(good), str(sound))
    ended = village.type("hedui", "authorize", *files, person=plans.CLERK)
    says(ended, code, str(sound), words)
    assert ended.stdout == "", "a letter was registered beside the bad one"
    assert resident(PERSONS) not in ended.stderr
    assert stored(village) == before


# ------------------------------------------------------------------ a policy

POLICIES: dict[str, tuple[tuple[str, str], str]] = {
    "a mistyped key": (("max_members", "max_member"), 'Did you mean "max_members"?'),
    "an unknown form": (('form = "income"', 'form = "incom"'), 'Did you mean "income"?'),
    "a word that is no operator": (("and one_home", "und one_home"), '"und" is not expected here'),
    "a limit as a float": (('value = "50.00"', "value = 50.0"), "write it in quotes"),
    "bounds out of order": (('max = "20"', 'max = "-1"'), "out of order"),
}


@pytest.mark.parametrize(("change", "words"), POLICIES.values(), ids=POLICIES.keys())
def test_a_policy_with(
    village: Village, tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    before = stored(village)
    file = tmp_path / "policy.toml"
    file.write_text(policy_text().replace(*change), encoding="utf-8")
    checked = village.type("hedui", "policy", "check", str(file))
    says(checked, SETTINGS, str(file), words)
    approved = village.type("hedui", "policy", "approve", str(file), person=plans.OFFICER)
    says(approved, REFUSED, str(file), words, "hedui policy check FILE")
    at_the_node = village.type("hedui-node", "policy", "approve", str(file), person="admin-tax")
    says(at_the_node, REFUSED, str(file), words)
    asked = village.type("hedui", "verify", "330212-1", "--policy", str(file), person=plans.OFFICER)
    says(asked, SETTINGS, str(file), words)
    assert stored(village) == before


# ------------------------------------------------------------------ the wrong person, name or word

HEDUI, NODE = "hedui", "hedui-node"
COMMANDS: dict[str, tuple[str, str, str, int, tuple[str, ...]]] = {
    "an officer who registers": (
        HEDUI, plans.OFFICER, "authorize LETTER", REFUSED,
        ("wrong_role", "role officer may not make this call; clerk may")),
    "a clerk who confirms": (
        HEDUI, plans.CLERK, "authorization confirm DRAFT --yes", REFUSED,
        ("wrong_role", "checker may")),
    "a clerk who verifies": (
        HEDUI, plans.CLERK, "verify 330212-2026-000001 --policy POLICY", REFUSED, ("wrong_role",)),
    "an officer who imports": (
        NODE, plans.OFFICER, "import MAPPING CSV", SETTINGS,
        ("officer-wang is officer of Civil affairs bureau, which runs no node", "--person NAME")),
    "an admin at another's node": (
        NODE, "admin-tax", "status --node bank", SETTINGS, ('"bank" is not a node of Tax bureau',)),
    "an officer who exports a ledger": (
        HEDUI, plans.OFFICER, "ledger export tax --to NEW", REFUSED, ("wrong_role", "reviewer")),
    "a person who is not here": (
        HEDUI, "clerk-chan", "case list", SETTINGS, ('no person "clerk-chan"', "clerk-chen")),
    "nobody": (HEDUI, "", "case list", SETTINGS, ("no person is named", "--person NAME")),
    "an unknown option": (HEDUI, "", "verify --polcy x", USAGE, ("--policy",)),
    "an unknown command": (HEDUI, "", "case lst", USAGE, ("Did you mean 'list'?",)),
    "no such file": (
        NODE, "admin-tax", "import NEW CSV", SETTINGS, ("NEW", "No such file", "Check the path")),
    "no such policy": (
        HEDUI, plans.OFFICER, "verify 330212-1 --policy NEW", SETTINGS, ("neither a file nor",)),
    "no such state": (
        HEDUI, plans.OFFICER, "case list --state asknig", REFUSED, ("asking, closed",)),
    "no such case": (HEDUI, plans.OFFICER, "case show ffff", SETTINGS, ("hedui case list",)),
    "no such process": (
        HEDUI, plans.REVIEWER, "ledger checkpoint taxx", SETTINGS, ('Did you mean "tax"?',)),
    "no such department": (
        HEDUI, "registrar-zhao", "budget propose taxx --total 5 --daily 5", REFUSED,
        ('Did you mean "tax"?',)),
    "another budget than was proposed": (
        HEDUI, "registrar-qian", "budget approve tax --total 77 --daily 5", REFUSED,
        ("budget_m",)),
    "no such authorization": (
        HEDUI, plans.CHECKER, "authorization confirm 330212-9 --yes", REFUSED,
        ("330212-9", "authorization_unknown", "hedui authorize")),
    "a person in place of an authorization": (
        HEDUI, plans.OFFICER, f"verify {resident(1)} --policy POLICY", SETTINGS,
        ("a person's number", "authorization")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("program", "person", "line", "code", "words"), COMMANDS.values(), ids=COMMANDS.keys()
)
def test_a_command_by_or_with(
    village: Village,
    tmp_path: Path,
    program: str,
    person: str,
    line: str,
    code: int,
    words: tuple[str, ...],
) -> None:
    draft = village.households(1, confirm=False)[0] if "DRAFT" in line else ""
    before = stored(village)
    new = tmp_path / "new"
    places = {
        "LETTER": village.letter("330212-2026-990001", [PERSONS]),
        "MAPPING": village.folder / "tax.wages.toml",
        "CSV": village.folder / "tax.wages.csv",
        "POLICY": village.policy,
        "NEW": new,
        "DRAFT": draft,
    }
    arguments = [str(places.get(word, word)) for word in line.split()]
    ended = village.type(program, *arguments, person=person)
    says(ended, code, *(str(places.get(word, word)) for word in words))
    assert stored(village) == before
    assert not new.exists()


# ------------------------------------------------------------------ people whom nobody knows


def test_a_person_whom_no_department_knows_is_answered_like_any_other(village: Village) -> None:
    stranger, number = village.letter("330212-2026-990002", [STRANGER]), "330212-2026-990002"
    run = village.scenario.federation
    run.hedui("authorize", str(stranger), person=plans.CLERK)
    village.confirm(number)
    (known,) = village.households(1)
    (case, other) = village.verify(number, known)
    assert [p["outcome"] for p in case["programmes"]] == ["met"]
    assert [r["outcome"] for r in case["programmes"][0]["rules"]] == ["met", "met", "met"]

    def shape(of: dict[str, object]) -> object:
        volatile = ("answered_at", "state")
        departments = of["departments"]
        assert isinstance(departments, list)
        return [{k: v for k, v in d.items() if k not in volatile} for d in departments]

    assert shape(case) == shape(other)


def test_a_person_who_is_not_in_the_authorization_is_never_asked(village: Village) -> None:
    """The registrar alone makes the list of people; a query names an authorization."""
    (number,) = village.households(1)
    before = {n: len(village.ledger(n, "query.received")) for n in village.scenario.departments}
    ended = village.type(
        "hedui", *village.verifying(number, wait_s=60), resident(2), person=plans.OFFICER
    )
    says(ended, SETTINGS, "a person's number", "only members of an authorization can be asked")
    assert resident(2) not in ended.stderr
    assert {n: len(village.ledger(n, "query.received")) for n in before} == before
    (case,) = village.verify(number)
    assert case["state"] == "determined"
    assert {n: len(village.ledger(n, "query.received")) - c for n, c in before.items()} == (
        dict.fromkeys(before, 1)
    )


# ------------------------------------------------------------------ another's files


def test_people_of_another_federation(village: Village, tmp_path: Path) -> None:
    """With their own files they find a foreign process; with ours, they are nobody."""
    other = make_home(tmp_path / "other")
    run_file = village.home / plans.COORDINATOR / "run" / "process.json"
    folder = other.path / plans.COORDINATOR / "run"
    folder.mkdir(parents=True)
    shutil.copy(run_file, folder)
    before = stored(village)
    ended = village.type("hedui", "case", "list", person="olga", home=other.path)
    says(ended, UNTRUSTED, "was not issued by this federation's authority", "another federation")
    mixed = tmp_path / "mixed"
    shutil.copytree(other.path / "people", mixed / "people")
    for name in ("federation.toml", "federation.toml.sig"):
        shutil.copy(village.home / name, mixed)
    ended = village.type("hedui", "case", "list", person="olga", home=mixed)
    says(ended, SETTINGS, "is not signed by this federation's root key")
    assert stored(village) == before


def test_a_database_that_a_running_process_uses(village: Village) -> None:
    pid = village.scenario.federation.children["tax"].popen.pid
    before = stored(village)
    ended = village.type("hedui-node", "serve", "tax")
    says(ended, SETTINGS, "data/tax.db is in use by process", str(pid), "stop that process")
    assert stored(village) == before
    assert village.scenario.federation.is_ready("tax")
