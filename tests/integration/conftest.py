"""The village: one ceremony, one running federation, for tests that kill and mistreat."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import village as villages
from tests.support.village import Village


@pytest.fixture(scope="session")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the ceremony was held and nobody ever served. Copy it; never change it."""
    home = tmp_path_factory.mktemp("ceremony") / "home"
    villages.hold_ceremony(home)
    return home


@pytest.fixture(scope="session")
def running_village(ceremony: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    """The village, serving, with its people enrolled."""
    folder = tmp_path_factory.mktemp("village")
    shutil.copytree(ceremony, folder / "home")
    scenario = villages.new_scenario(folder / "home")
    with scenario.federation:
        village = Village(scenario, folder)
        village.begin()
        yield village


@pytest.fixture
def village(running_village: Village) -> Iterator[Village]:
    """The village; whatever a test killed serves again afterwards."""
    yield running_village
    running_village.bring_up()
