"""A small federation in the test process, for tests of its parts at work together."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.bench import Bench, Bend
from tests.support.county import PROCESSES, make_county, serve_county


def _serve(home: Path) -> Iterator[Bench]:
    county = make_county(home)
    bends = {name: Bend() for name, _, _, _ in PROCESSES}
    options = {name: {"server": [bend]} for name, bend in bends.items()}
    try:
        serve_county(county, **options)
        yield Bench(county, bends)
    finally:
        county.stop()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A federation with two departments and three holders, of which two open."""
    yield from _serve(tmp_path_factory.mktemp("county") / "home")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Bench]:
    """One of a test's own, for what would show in its ledgers for ever."""
    yield from _serve(tmp_path / "own")


@pytest.fixture
def bench(served: Bench) -> Iterator[Bench]:
    """The same: straight before and after, everything running, the clock at the present."""
    served.straight()
    yield served
    served.straight()
    for name, _, _, _ in PROCESSES:
        if name not in served.county.services:
            served.start(name)
    served.county.clock.ahead = timedelta()
