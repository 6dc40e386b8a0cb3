"""What all tests share: where published vectors lie, and one session-wide federation.

Tests that need a running federation use ``county``: the demo itself, run once, each test with
its own households. Tests that kill or tamper start a small federation of their own.
"""

import io
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from model.messages import Language, speaking
from simulations.demo import SEED, Demo
from simulations.federation import LocalFederation
from simulations.scenario import Scenario
from tests.support.postgres import PostgresServer, serving

# Tests read English, whatever the machine's locale; so do the commands that they start.
os.environ["HEDUI_LANG"] = "en"

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
FEDERATIONS = ("county: County", "village: Village")
"""What a test of a session-wide federation has among its arguments."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Two workers: a file's tests stay together, and so do all files that share a federation.

    By the text of the file, for xdist's own groups do nothing under pytest 9: they are written
    into an attribute of items that pytest no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        text = (ROOT / path).read_text(encoding="utf-8")
        return next((shared for shared in FEDERATIONS if shared in text), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Schedule so."""
    return Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how long the tests of each folder took, set-up included, added up over the workers."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds["/".join(report.nodeid.split("/")[:2])] += report.duration
    for folder, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        terminalreporter.write_line(f"{spent:7.0f} s  {folder}")


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """What a command with ``--lang`` leaves behind in this process ends with its test."""
    with speaking(Language.EN):
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of published vectors and data beside the project; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder of published vectors and samples is not beside the project")
    return SHARED


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this run's own; skips where it is not installed, fails in CI."""
    with serving() as server:
        yield server


@dataclass
class County:
    """The demo's federation, running, and what the demo printed."""

    demo: Demo
    cases: list[dict[str, Any]]
    printed: str

    @property
    def scenario(self) -> Scenario:
        """Its steps and people."""
        return self.demo.scenario

    @property
    def run(self) -> LocalFederation:
        """The launcher: run commands with it."""
        return self.demo.scenario.federation

    @property
    def home(self) -> Path:
        """HEDUI_HOME."""
        return self.demo.scenario.home


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """The demo, run once for all tests, left running."""
    scenario = Scenario(
        home=tmp_path_factory.mktemp("county") / "home",
        seed=SEED,
        persons=300,  # what the demo shows does not depend on how many others there are
        reference=datetime.now(UTC).date(),
    )
    output = io.StringIO()
    demo = Demo(scenario, Console(file=output, width=120))
    with scenario.federation:
        cases = demo.run()
        demo.audit()
        demo.close()
        yield County(demo, cases, output.getvalue())
