"""A small policy that the tests of this folder change line by line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from model.policy import Policy, parse
from tests.support.policies import changed_text


@pytest.fixture
def changed() -> Callable[..., Policy]:
    """Parse the small policy after replacing texts, each of which must occur in it."""

    def change(*pairs: tuple[str, str], more: str = "") -> Policy:
        return parse(changed_text(*pairs, more=more).encode(), source="small.toml")

    return change


@pytest.fixture(scope="session")
def policies() -> Path:
    """The folder of the committed policies."""
    return Path(__file__).resolve().parents[4] / "policies"
