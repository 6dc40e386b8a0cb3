"""One way to write and read a moment; one without a time zone is refused wherever it arrives.

Tests design.md 2.0.2.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from crypto.rng import system_rng
from ledger import log
from ledger.errors import EventError
from ledger.event import encode
from ledger.verify.reconcile_facts import seconds
from model.fields import format_time, in_utc, parse_time
from runtime.site import certificates as x509
from runtime.storage.database import open_database
from runtime.storage.writer import Writer
from tests.support.homes import FixedClock

NOW = datetime(2026, 11, 23, 8, 0, 1, 999_999, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
SUBJECT = x509.Subject("hexi", "node", "tax office", "1", "tax")


def test_a_moment_is_written_in_utc_and_read_again() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=8)))
    assert format_time(there) == format_time(NOW) == "2026-11-23T08:00:01Z"
    assert parse_time("2026-11-23T08:00:01Z") == NOW.replace(microsecond=0)


def _authority(now: datetime) -> x509.KeyPair:
    return x509.create_authority("hexi", days=30, now=now, rng=system_rng)


def _issued(now: datetime) -> x509.Certificate:
    request = x509.create_request(SUBJECT, rng=system_rng)
    validity = x509.Validity(now, 3)
    pem = x509.issue(
        request.pem, SUBJECT, _authority(NOW), server=True, validity=validity, rng=system_rng
    )
    return x509.parse_certificate(pem)


REFUSED: dict[str, Callable[[], object]] = {
    "to write": lambda: format_time(NAIVE),
    "to compare": lambda: in_utc(NAIVE),
    "an authority that begins": lambda: _authority(NAIVE),
    "a certificate that begins": lambda: _issued(NAIVE),
    "a certificate that is checked": lambda: _issued(NOW).check_validity(NAIVE),
    "in an entry": lambda: encode("query.refused", {"reason": "x"}, at="2026-11-23T08:00:01"),
    "in a bundle": lambda: seconds("2026-11-23T08:00:01"),
    "in a document": lambda: parse_time("2026-11-23T08:00:01"),
    "with an offset": lambda: parse_time("2026-11-23T16:00:01+08:00"),
    "with fractions": lambda: parse_time("2026-11-23T08:00:01.5Z"),
    "without leading zeros": lambda: parse_time("2026-11-23T8:00:01Z"),
    "of a day that is none": lambda: parse_time("2026-02-30T08:00:01Z"),
}  # fmt: skip


@pytest.mark.parametrize("use", REFUSED.values(), ids=REFUSED.keys())
def test_a_moment_that_may_mean_another_is_refused(use: Callable[[], object]) -> None:
    with pytest.raises((ValueError, EventError)) as refused:
        use()
    assert "2026-02-30" not in str(refused.value), "a value is nobody's business"


def test_a_clock_without_a_zone_writes_nothing(tmp_path: Path) -> None:
    with (
        open_database(tmp_path / "n.db", MetaData(), service="node", create=True) as database,
        Writer(database, clock=FixedClock(NAIVE), on_health=lambda *_: None) as writer,
    ):
        writer.start()
        with pytest.raises(Exception, match="time zone"):
            writer.run(lambda tx: tx.append("query.refused", reason="malformed"))
        with database.read() as conn:
            assert log.size(conn) == 0
