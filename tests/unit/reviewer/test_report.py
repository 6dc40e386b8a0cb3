"""What the report calls unusual, and what it leaves alone."""

import json
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from crypto.commit import Reveal
from ledger.verify.reconcile import read_verified
from reviewer.report import Unusual, Usual, read_reveals, report
from tests.support.ledgers import CASE, SALTED, Ledgers, Lie, commitment, federation_file, honest

BEIJING = timezone(timedelta(hours=8))
DAY_S = 86_400
USUAL = Usual(zone=BEIJING, least=4, burst=3)
OFFICERS = {commitment(900 + i): "wang" for i in range(20)}


def found(made: Ledgers, folder: Path, usual: Usual = USUAL) -> list[Unusual]:
    return report(read_verified(made.write(folder), federation_file()), usual)


def test_an_ordinary_day_is_not_unusual(tmp_path: Path) -> None:
    """The ledgers begin at 16:00 in Beijing, on a Monday."""
    assert found(honest(), tmp_path) == []


def refusals(made: Ledgers, *, apart_s: int, count: int) -> None:
    for i in range(count):
        made.add("registrar", 4000 + apart_s * i, "manifest.refused", reason="manifest_limit")


def many_cases(made: Ledgers) -> None:
    for day, cases in enumerate((1, 1, 6)):
        for i in range(cases):
            made.add("coordinator", (day + 1) * DAY_S + i, "case.opened", case=f"{day}{i:031d}",
                     officer=commitment(900 + i))  # fmt: skip


def asked_without_result(made: Ledgers) -> None:
    made.drop("coordinator", "case.determined", "case.decided", "case.closed")
    made.add("coordinator", 70, "case.refused", case=CASE, reason="authorization_revoked")


def undecided(made: Ledgers) -> None:
    made.drop("coordinator", "case.decided", "case.closed")
    made.add("tax", 9 * DAY_S, "ledger.read", first=0, count=1, reader="reviewer")


UNUSUAL: dict[str, tuple[Lie, tuple[str, str, int], str]] = {
    "many refusals within minutes": (
        lambda made: refusals(made, apart_s=60, count=4),
        ("burst", "registrar", 4), "4 refusals within 3 minutes: manifest_limit 4",
    ),
    "a request after revocation": (
        lambda made: made.add("registrar", 80, "manifest.refused", reason="authorization_revoked"),
        ("after-the-end", "registrar", 1), "manifest.refused: authorization_revoked",
    ),
    "a revoked ticket": (
        lambda made: made.add("tax", 80, "query.refused", reason="ticket_revoked"),
        ("after-the-end", "tax", 1), "query.refused: ticket_revoked",
    ),
    "asked, and nothing came of it": (
        asked_without_result, ("no-determination", "coordinator", 1),
        "ended without a determination: authorization_revoked",
    ),
    "determined, and nobody decides": (
        undecided, ("undecided", "coordinator", 1), "undecided for 9 days",
    ),
    "at night": (
        lambda made: made.add("registrar", 8 * 3600, "authorization.read", authorization=SALTED,
                              reader=SALTED),
        ("off-hours", "registrar", 1), "Tuesday 2026-11-24, 00:00 to 00:00: authorization.read 1",
    ),
    "on a Saturday": (
        lambda made: made.add("coordinator", 5 * DAY_S, "case.opened", case="f" * 32),
        ("off-hours", "coordinator", 1), "Saturday 2026-11-28, 16:00 to 16:00: case.opened 1",
    ),
    "one household twice": (
        lambda made: made.add("registrar", 2 * DAY_S, "manifest.issued", manifest="7" * 64,
                              authorization=commitment(8), given=1),
        ("repeated", "registrar", 2), "the authorization of entry 1 was queried 2 times",
    ),
    "a day with many more cases": (
        many_cases,
        ("volume", "coordinator", 6),
        "6 times case.opened on 2026-11-26; on another day 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("act", "row", "words"), UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_is_unusual(act: Lie, row: tuple[str, str, int], words: str, tmp_path: Path) -> None:
    made = honest()
    act(made)
    (line,) = found(made, tmp_path)
    assert (line.kind, line.ledger, line.count) == row
    assert words in line.sentence
    assert 0 <= line.index < len(made.rows[line.ledger])


def test_the_same_refusals_over_hours_are_no_burst(tmp_path: Path) -> None:
    made = honest()
    refusals(made, apart_s=400, count=6)
    assert found(made, tmp_path) == []


def test_two_bursts_are_two_lines(tmp_path: Path) -> None:
    made = honest()
    refusals(made, apart_s=10, count=3)
    for i in range(4):
        made.add("registrar", 20_000 + i, "manifest.refused", reason="policy_unknown")
    bursts = [line for line in found(made, tmp_path) if line.kind == "burst"]
    assert [line.count for line in bursts] == [3, 4]


def test_officers_are_told_apart_only_with_the_reveals_of_their_commitments(
    tmp_path: Path,
) -> None:
    made = honest()
    many_cases(made)
    lines = found(made, tmp_path / "a", Usual(zone=BEIJING, least=4, officers=OFFICERS))
    assert [line.sentence for line in lines] == [
        "6 times case.opened on 2026-11-26; on another day 1",
        "6 times case.opened by wang on 2026-11-26; on another day 1",
    ]


def test_a_sample_of_the_registrar_tells_officers_apart_and_counts_nothing_twice(
    tmp_path: Path,
) -> None:
    made = honest()
    for day, manifests in enumerate((1, 1, 6)):
        for i in range(manifests):
            made.add("registrar", (day + 1) * DAY_S + i, "manifest.issued",
                     manifest=f"{day}{i:063d}", authorization=SALTED, given=100 + 10 * day + i,
                     officer=commitment(900 + i))  # fmt: skip
    lines = found(made, tmp_path / "a", Usual(zone=BEIJING, least=4, officers=OFFICERS))
    assert [line.sentence for line in lines] == [
        "6 times manifest.issued by wang on 2026-11-26; on another day 1"
    ]
    assert found(made, tmp_path / "b", Usual(zone=BEIJING, least=4)) == []


def test_an_opening_counts_only_if_it_opens_its_commitment(tmp_path: Path) -> None:
    opening = Reveal("officer", "wang", bytes(32))
    row = {
        "commitment": opening.commitment().hex(), "field": "officer", "value": "wang",
        "salt": "00" * 32,
    }  # fmt: skip
    file = tmp_path / "reveals.jsonl"
    file.write_text(json.dumps(row) + "\n")
    assert read_reveals(file) == {opening.commitment().hex(): "wang"}
    file.write_text(json.dumps(row) + "\n" + json.dumps(row | {"value": "li"}) + "\n")
    with pytest.raises(ValueError, match="line 2: not the reveal"):
        read_reveals(file)
