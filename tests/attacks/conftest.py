"""A federation in the test process whose coordinator is the attacker's, and its people."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.support import county as counties
from tests.support.county import ADMINS, PROCESSES, County, make_county
from tests.support.relay import HOLDERS, Papers, Relay

HELD = {
    "modest": {"tax.wages": "1000.00"},
    "earner": {"tax.wages": "7000.00"},
    "indebted": {"tax.wages": "7000.00", "bank.interest": "-2000.00"},
    "unknown": {},
}
"""What departments hold about a person; the limit is 6,000 yuan a member."""
EACH = 60


@dataclass
class Attackers:
    """The relay, and people nobody has used yet."""

    county: County
    relay: Relay
    used: dict[str, int] = field(default_factory=dict)

    def person(self, kind: str) -> int:
        """An unused person of a kind."""
        index = self.used[kind] = self.used.get(kind, -1) + 1
        assert index < EACH, "load more people"
        return 100 + EACH * list(HELD).index(kind) + index

    def letter(self, *kinds: str) -> str:
        """A household's letter, in force."""
        return self.county.authorize(*map(self.person, kinds))

    def case(self, *kinds: str) -> Papers:
        """Manifest and tickets for a new household."""
        return self.relay.issue(self.letter(*kinds))


@pytest.fixture(scope="session")
def attackers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attackers]:
    """Registrar, two departments and two holders; nobody else stands in the coordinator's place."""
    home = tmp_path_factory.mktemp("attacked") / "home"
    with pytest.MonkeyPatch.context() as patch:
        # Two holders, both in every opening: the plan admits no node without a part.
        smaller = tuple(row for row in PROCESSES if row[0] != "police")
        patch.setattr(counties, "PROCESSES", smaller)
        county = make_county(home, holders=HOLDERS)
    try:
        for name in ("registrar", "tax", "bank", "audit"):
            county.start(name)
        _prepare(county)
        with Relay(county) as relay:
            yield Attackers(county, relay)
    finally:
        county.stop()


def _prepare(county: County) -> None:
    people = {"rita": "registrar"} | {ADMINS[n]: n for n in ("tax", "bank", "audit")}
    for person, process in people.items():
        county.approve(person, process)
    county.budgets()
    county.load("tax", "tax.wages", _rows("tax.wages"))
    county.load("tax", "tax.homes", {99: "1.00"})
    county.load("bank", "bank.interest", _rows("bank.interest"))


def _rows(resource: str) -> dict[int, str]:
    return {
        100 + EACH * place + index: held[resource]
        for place, held in enumerate(HELD.values())
        if resource in held
        for index in range(EACH)
    }
