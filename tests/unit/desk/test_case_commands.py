"""The officer's and the reviewer's commands, against a federation that serves.

Tests design.md 2.3.8, 2.7.2.
"""

from pathlib import Path

import pytest
from typer.testing import Result

from runtime.errors import SettingsError
from tests.support.bench import Bench, hedui, printed
from tests.support.county import POLICY


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """The policy as a file."""
    path = tmp_path / "small.toml"
    path.write_bytes(POLICY)
    return str(path)


def verify(bench: Bench, policy: str, *arguments: str) -> Result:
    """``hedui verify`` for the programme that the letters grant."""
    options = ("--policy", policy, "--programme", "low-income", "--json")
    return hedui(bench, "verify", *arguments, *options)


def test_verify_prints_determinations_and_ends_with_0(bench: Bench, policy: str) -> None:
    numbers = bench.households(2)
    result = verify(bench, policy, *numbers)
    cases = printed(result)
    assert result.exit_code == 0
    assert [c["authorization"] for c in cases] == numbers
    assert {r["outcome"] for c in cases for r in c["programmes"][0]["rules"]} == {"met"}
    assert cases[0]["programmes"][0]["title_zh"] == "低收入"
    # How many steps a poll sees in between is chance.
    assert all(f"{number}: determined" in result.stderr for number in numbers)


def test_verify_takes_numbers_from_a_csv_and_prints_words(
    bench: Bench, policy: str, tmp_path: Path
) -> None:
    number = bench.household()
    file = tmp_path / "numbers.csv"
    file.write_text(f"number,remark\n{number},first\n330212-unknown,second\n", encoding="utf-8")
    result = hedui(bench, "verify", "--file", str(file), "--policy", policy, "-p", "low-income")
    assert result.exit_code == 4
    for words in (
        "✓ met",
        "Low income 低收入",
        "there is no authorization with this number (authorization_unknown)",
        "What to do: check the number",
    ):
        assert words in result.stdout


def test_verify_ends_with_7_and_says_what_it_waits_for(bench: Bench, policy: str) -> None:
    bench.county.stop("bank")
    result = hedui(
        bench, "verify", bench.household(), "--policy", policy, "-p", "low-income", "--wait", "1"
    )
    assert result.exit_code == 7
    assert "bank waiting: the process cannot be reached" in result.stdout
    assert "Still waiting" in result.stdout


def test_a_second_query_needs_a_reason_and_a_checker(
    bench: Bench, policy: str, tmp_path: Path
) -> None:
    number, draft = bench.household(), str(tmp_path / "again.json")
    assert verify(bench, policy, number).exit_code == 0
    alone = verify(bench, policy, number, "--again", "the household objects")
    assert (alone.exit_code, printed(alone)[0]["reason"]) == (4, "manifest_limit")
    drafted = verify(bench, policy, number, "--again", "the household objects", "--draft", draft)
    assert drafted.exit_code == 0
    missing = hedui(bench, "verify", "--countersign", draft)
    assert isinstance(missing.exception, SettingsError)
    signed = hedui(bench, "case", "countersign", draft, person="chris")
    assert "the household objects" in signed.stdout
    second = hedui(bench, "verify", "--countersign", draft, "--json")
    assert (second.exit_code, printed(second)[0]["state"]) == (0, "determined")


def test_case_list_show_and_decide(bench: Bench, policy: str) -> None:
    number = bench.household()
    (case,) = printed(verify(bench, policy, number))
    rows = printed(hedui(bench, "case", "list", "--state", "determined", "--json"))
    assert case["case_id"] in [row["case_id"] for row in rows]
    assert case["case_id"][:8] in hedui(bench, "case", "list").stdout
    short = case["case_id"][:12]
    shown = hedui(bench, "case", "show", short)
    assert "income <= 6000.00 yuan for 1 member" in shown.stdout
    assert f"entry {case['ledger_entry']} of the coordinator" in shown.stdout
    decide = ("case", "decide", short, "low-income", "granted", "--reason")
    for reason in ("", " ", "x" * 401):
        refused = hedui(bench, *decide, reason)
        assert isinstance(refused.exception, SettingsError)
        assert "--reason: 1 to 400 characters" in str(refused.exception)
    mistyped = hedui(bench, "case", "decide", short, "low-incone", "granted", "--reason", "x")
    assert 'not about the programme "low-incone" (it is about: low-income)' in str(
        mistyped.exception
    )
    decided = hedui(bench, *decide, "as determined")
    assert "granted; the case is now closed" in decided.stdout


BAD_INPUT = {
    "no number": ((), "no number"),
    "not a number": (("33 0212",), "not an authorization number"),
    "unknown programme": (("330212-1", "-p", "low-incom"), "no programme"),
    "no such policy": (("330212-1", "--policy", "missing.toml"), "neither a file nor a digest"),
    "no such csv": (("--file", "missing.csv"), "cannot be read"),
}


@pytest.mark.parametrize(("arguments", "words"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_is_named(
    bench: Bench, policy: str, arguments: tuple[str, ...], words: str
) -> None:
    head = () if "--policy" in arguments else ("--policy", policy)
    result = hedui(bench, "verify", *head, *arguments)
    assert isinstance(result.exception, SettingsError)
    assert words in str(result.exception)


def test_policy_check_and_list(bench: Bench, policy: str, tmp_path: Path) -> None:
    digest = hedui(bench, "policy", "check", policy).stdout.split()[-1]
    for person in ("olga", "rita"):
        rows = printed(hedui(bench, "policy", "list", "--json", person=person))
        assert digest in [row["digest"] for row in rows]
    bad = tmp_path / "bad.toml"
    bad.write_bytes(POLICY.replace(b'max = "20"', b'max = "-1"').replace(b'min = "0"', b'min="-2"'))
    result = hedui(bench, "policy", "check", str(bad), "--json")
    assert result.exit_code == 4
    assert "bounds-without-zero" in {row["code"] for row in printed(result)}


def test_ledger_commands(bench: Bench, tmp_path: Path) -> None:
    head = hedui(bench, "ledger", "checkpoint", "tax", "--json", person="rosa")
    assert printed(head)[0]["origin"] == "hedui/hexi/tax"
    exported = hedui(
        bench, "ledger", "export", "coordinator", "bank", "--to", str(tmp_path), person="rosa"
    )
    assert exported.exit_code == 0
    paths = [str(tmp_path / name) for name in ("coordinator", "bank")]
    verified = hedui(bench, "ledger", "verify", *paths, "--json")
    assert verified.exit_code == 0
    assert {report["keys"] for report in printed(verified)} == {"given"}
    entries = tmp_path / "bank" / "entries" / "000000000000.jsonl"
    entries.write_bytes(entries.read_bytes().replace(b"process.started", b"process.stopped", 1))
    assert hedui(bench, "ledger", "verify", paths[1]).exit_code == 10


def test_an_officer_who_reads_chinese_is_spoken_to_in_chinese(bench: Bench, policy: str) -> None:
    known = bench.household()
    asked = ("verify", known, "330212-unknown", "--policy", policy, "-p", "low-income")
    said = hedui(bench, "--lang", "zh", *asked)
    assert said.exit_code == 4
    for words in (
        "✓ 符合",
        "低收入: 符合",
        "没有该编号的授权书（authorization_unknown）",
        "已出结果",
    ):
        assert words in said.stdout, said.stdout
    assert "Low income" not in said.stdout
    listed = hedui(bench, "--lang", "zh", "case", "list")
    assert "受理时间" in listed.stdout and "被拒绝" in listed.stdout


@pytest.mark.parametrize("language", ["en", "zh"])
def test_json_is_the_same_in_every_language(bench: Bench, policy: str, language: str) -> None:
    verify(bench, policy, bench.household())
    spoken = hedui(bench, "--lang", language, "case", "list", "--json")
    assert spoken.stdout == hedui(bench, "case", "list", "--json").stdout


def test_help_is_in_the_readers_language(bench: Bench) -> None:
    shown = hedui(bench, "--lang", "zh", "verify", "--help")
    assert "再次查询同一授权书的理由" in shown.stdout
    assert hedui(bench, "--lang", "xx", "case", "list").exit_code == 2
