"""The command line's words: what a wrong input is answered with, and that nothing is written.

Tests design.md 2.1.6.
"""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from desk.client.letter import read_letter
from desk.commands.main import build
from desk.words import sentence
from model.identifiers import check_digit
from model.plan import parse_plan
from runtime.errors import SettingsError, exit_code
from tests.support.ceremony import HOUSING, plan_text


def _resident(serial: int) -> str:
    first = f"33021219900101{serial:03d}"
    return first + check_digit(first)


LETTER = f"""
number = "330212-2026-000001"
programmes = ["aid"]
level = "verdict"
region = "330212"
reference_date = 2026-11-01
valid_from = "2026-11-01"
valid_to = 2027-10-31
evidence_file = "letter.pdf"

[[member]]
person = "resident:{_resident(1).replace("X", "ｘ")}"
relation = "head"
signed = "self"

[[grant]]
department = "tax"
resources = ["tax.wages"]
"""

BAD_LETTERS = {
    "mistyped key": (LETTER.replace("valid_to", "valid_until"), 'unknown key "valid_until"'),
    "mistyped key in a table": (
        LETTER.replace("relation", "relatoin"),
        'member 1: unknown key "relatoin". Did you mean "relation"?',
    ),
    "missing key": (LETTER.replace('region = "330212"', ""), 'key "region" is missing'),
    "not TOML": (LETTER + "[[", "not TOML"),
    "15 digits": (LETTER.replace(_resident(1), "330212900101001"), "15-digit number"),
    "wrong check digit": (
        LETTER.replace(_resident(1), _resident(1)[:-2] + "00"),
        "member 1: resident:330",
    ),
    "an unknown relation": (LETTER.replace('"head"', '"cousin"'), 'member 1: key "relation"'),
    "a date that is none": (LETTER.replace("2027-10-31", '"2027-13-31"'), 'key "valid_to"'),
    "no evidence": (LETTER.replace("letter.pdf", "other.pdf"), "other.pdf cannot be read"),
}


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    (tmp_path / "letter.pdf").write_bytes(b"scan")
    return tmp_path / "letter.toml"


def test_a_letter_is_brought_to_normal_form(letter: Path) -> None:
    letter.write_text(LETTER, encoding="utf-8")
    terms = read_letter(letter, clerk="chen")
    assert terms.members[0].person == f"resident:{_resident(1)}"
    assert (terms.valid_from, terms.valid_to) == ("2026-11-01", "2027-10-31")
    assert terms.evidence_file == "letter.pdf"
    assert len(terms.evidence_sha256) == 64
    assert terms.purpose == "social-assistance"
    assert terms.requesters is None


def test_a_letter_names_who_may_ask(letter: Path) -> None:
    letter.write_text('requesters = ["housing", "coordinator"]\n' + LETTER, encoding="utf-8")
    assert read_letter(letter, clerk="chen").requesters == ["housing", "coordinator"]


@pytest.mark.parametrize(("text", "words"), BAD_LETTERS.values(), ids=BAD_LETTERS.keys())
def test_a_bad_letter_is_named_with_its_mend(letter: Path, text: str, words: str) -> None:
    letter.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_letter(letter, clerk="chen")
    assert words in str(caught.value)
    assert str(letter) in str(caught.value)
    assert _resident(1) not in str(caught.value)


def _run(*args: str) -> Exception:
    result = CliRunner().invoke(build(), args, catch_exceptions=True)
    assert isinstance(result.exception, Exception), result.output
    assert exit_code(result.exception) != 0
    return result.exception


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(plan_text(), encoding="utf-8")
    return path


def test_init_refuses_a_plan_that_is_not_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    error = _run("--home", str(home), "federation", "init", "--plan", str(tmp_path / "no.toml"))
    assert "no.toml cannot be read" in sentence(error)
    assert not home.exists()


def test_init_refuses_a_key_that_is_too_short(tmp_path: Path, plan_file: Path) -> None:
    home = tmp_path / "home"
    plan = ("federation", "init", "--plan", str(plan_file), "--bits", "1024")
    assert '"key_bits"' in sentence(_run("--home", str(home), *plan))
    assert not home.exists()


def test_init_a_second_time_is_refused(tmp_path: Path, plan_file: Path) -> None:
    home = str(tmp_path / "home")
    init = ("federation", "init", "--plan", str(plan_file))
    assert CliRunner().invoke(build(), ["--home", home, *init]).exit_code == 0
    assert "this home already has its authority" in sentence(_run("--home", home, *init))


def test_bits_of_the_command_line_stand_in_the_copied_plan(tmp_path: Path, plan_file: Path) -> None:
    home = tmp_path / "home"
    args = ["--home", str(home), "federation", "init", "--plan", str(plan_file), "--bits", "4096"]
    assert CliRunner().invoke(build(), args).exit_code == 0
    assert parse_plan((home / "plan.toml").read_bytes()).key_bits == 4096


def test_commands_before_the_ceremony_say_what_to_do(tmp_path: Path, plan_file: Path) -> None:
    home = str(tmp_path / "home")
    assert "federation init" in sentence(_run("--home", home, "registrar", "init"))
    CliRunner().invoke(build(), ["--home", home, "federation", "init", "--plan", str(plan_file)])
    assert "Did you mean" in sentence(_run("--home", home, "person", "init", "wong"))
    assert "no join request from registrar" in sentence(_run("--home", home, "federation", "deal"))
    assert "Say who acts with --person" in sentence(_run("--home", home, "authorization", "list"))


def test_with_two_coordinators_in_the_plan_init_and_serve_are_told_which(tmp_path: Path) -> None:
    home, plan = str(tmp_path / "home"), tmp_path / "plan.toml"
    plan.write_text(plan_text() + HOUSING, encoding="utf-8")
    runner = CliRunner()
    runner.invoke(build(), ["--home", home, "federation", "init", "--plan", str(plan)])
    for command in ("init", "serve"):
        said = sentence(_run("--home", home, "coordinator", command))
        assert "(coordinator, housing): say which" in said
        said = sentence(_run("--home", home, "coordinator", command, "hosing"))
        assert 'no coordinator "hosing". Did you mean "housing"?' in said
    made = runner.invoke(build(), ["--home", home, "coordinator", "init", "housing"])
    assert made.exit_code == 0, made.output
    assert (tmp_path / "home" / "housing" / "join.json").is_file()
    assert not (tmp_path / "home" / "coordinator").exists()


def test_registrar_init_makes_keys_and_database(tmp_path: Path, plan_file: Path) -> None:
    home = tmp_path / "home"
    runner = CliRunner()
    init = ["federation", "init", "--plan", str(plan_file)]
    assert runner.invoke(build(), ["--home", str(home), *init]).exit_code == 0
    assert runner.invoke(build(), ["--home", str(home), "registrar", "init"]).exit_code == 0
    assert (home / "registrar" / "data" / "registrar.db").is_file()
    assert "its keys are not replaced" in sentence(_run("--home", str(home), "registrar", "init"))
