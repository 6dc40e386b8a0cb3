"""What docs/api.md shows of the client as a library: its script runs, its names are there."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from desk.client.acting import act
from desk.client.cases import find_case, open_cases, question
from runtime.errors import Refused, SettingsError
from tests.support.bench import ASKED, Bench
from tests.support.county import POLICY

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """The policy as a file."""
    path = tmp_path / "small.toml"
    path.write_bytes(POLICY)
    return str(path)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The page's script, as it stands there."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert script.count("\n") <= 11  # ten lines and an empty one
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )


def test_the_script_verifies_a_household_and_asks_nothing_twice(bench: Bench, policy: str) -> None:
    number, home = bench.household(), str(bench.county.home)
    first = run(home, "olga", policy, number, "low-income")
    assert (first.stdout.split(), first.stderr) == ([number, "determined", "met"], "")
    assert run(home, "olga", policy, number, "low-income").stdout == first.stdout
    with act(bench.county.home, "olga") as olga:
        (case,) = open_cases(olga, [number], ASKED)
        assert find_case(olga, case.case_id[:8]) == case
    events = bench.county.ledger("coordinator", event_name="case.determined")
    assert [e.fields["case"] for e in events].count(case.case_id) == 1


def test_a_letter_that_nobody_knows_is_a_case_that_was_refused(bench: Bench, policy: str) -> None:
    said = run(str(bench.county.home), "olga", policy, "330212-nobody").stdout
    assert said.split() == ["330212-nobody", "refused", "authorization_unknown"]


def test_what_is_wrong_is_raised(bench: Bench, tmp_path: Path, policy: str) -> None:
    with pytest.raises(SettingsError, match="nobody"), act(bench.county.home, "nobody"):
        pass
    with pytest.raises(SettingsError, match="no programme"):
        question(policy, ["bus-pass"])
    with act(bench.county.home, "clara") as clerk, pytest.raises(Refused) as refused:
        open_cases(clerk, [bench.household()], ASKED)
    assert refused.value.process == "coordinator"


ROW = re.compile(r"^\| `(\w+)`(.*?) \| [^|]+ \| (.*) \|$", re.MULTILINE)


def test_every_name_of_the_page_is_in_its_module() -> None:
    found = 0
    for first, more, calls in ROW.findall(PAGE.partition("## What is raised")[0]):
        names = [first, *re.findall(r"`(\w+)`", more)]
        modules = [import_module(f"desk.client.{name}") for name in names]
        for call in re.findall(r"`(\w+)", calls):
            known = any(hasattr(m, call) for m in modules)
            # ``look`` is a method of what ``open_witness`` returns.
            assert known or call == "look", f"{call} is in none of {names}"
            found += 1
    assert found > 30


def test_every_error_of_the_page_is_in_its_module() -> None:
    table = PAGE.partition("## What is raised")[2]
    rows = re.findall(r"^\| (`[A-Z].*?) \|", table, re.MULTILINE)
    assert len(rows) > 7
    for row in rows:
        for name, _, module in re.findall(r"`(\w+)`( \(`([\w.]+)`\))?", row):
            if name[0].isupper():
                assert hasattr(import_module(module or "runtime.errors"), name), name


def test_every_module_of_the_client_has_its_row() -> None:
    modules = {path.stem for path in (ROOT / "desk" / "client").glob("[a-z]*.py")}
    assert modules <= set(re.findall(r"`(\w+)`", PAGE))
