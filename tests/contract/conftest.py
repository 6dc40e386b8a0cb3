"""A federation's home, and a node that serves in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.calls import Site, start_node
from tests.support.homes import Home, make_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


@pytest.fixture
def site(home: Home) -> Iterator[Site]:
    site = start_node(home)
    yield site
    site.close()
