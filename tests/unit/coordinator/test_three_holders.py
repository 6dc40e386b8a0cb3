"""Where three of four holders open: further holders send a share to the evaluator."""

from collections.abc import Iterator

import pytest

from tests.support.county import County, make_county, serve_county
from tests.unit.coordinator.conftest import Bench, Bend


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A federation whose four holders are all its nodes."""
    home = tmp_path_factory.mktemp("three") / "home"
    county: County = make_county(home, threshold=3, holders=("tax", "bank", "audit", "police"))
    bends = {name: Bend() for name in ("registrar", "tax", "bank", "audit", "police")}
    options = {name: {"server_interceptors": [bend]} for name, bend in bends.items()}
    try:
        serve_county(county, **options)
        yield Bench(county, bends)
    finally:
        county.stop()


def test_a_case_is_opened_by_three_holders(three: Bench) -> None:
    (case,) = three.verify(three.county.authorize(2, 3))
    outcomes = {rule.rule: rule.outcome for rule in case.programmes[0].rules}
    assert outcomes == {"income_low": "not met", "one_home": "met", "small_home": "met"}
    assert sum(bend.calls["Share"] for bend in three.bends.values()) == 1


def test_a_holder_that_is_down_before_the_permit_is_skipped(three: Bench) -> None:
    three.county.stop("police")
    (case,) = three.verify(three.household())
    (permit,) = three.county.ledger("coordinator", event_name="permit.received")[-1:]
    assert case.state == "determined"
    assert "police" not in list(permit.fields["holders"])
