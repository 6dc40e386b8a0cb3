"""Types of fields that several documents share: hex of fixed width, names, times, dates."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from model.limits import MAX_NAME, MAX_TEXT


class Strict(BaseModel):
    """Frozen, no coercion, unknown keys refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
HexData = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})*$", max_length=60_000)]
Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=MAX_NAME)
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]


_FORM = "%Y-%m-%dT%H:%M:%SZ"
_NO_TIME = "not a time in the form 2026-11-23T08:00:00Z"


def parse_time(text: str) -> datetime:
    """``2026-11-23T08:00:00Z`` to an aware datetime. Raises ValueError for any other form."""
    try:
        moment = datetime.strptime(text, _FORM).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(_NO_TIME) from None
    if format_time(moment) != text:
        raise ValueError(_NO_TIME)
    return moment


def format_time(moment: datetime) -> str:
    """An aware datetime to ``2026-11-23T08:00:00Z``, fractions cut off. Raises ValueError."""
    return in_utc(moment).strftime(_FORM)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for a naive one: nobody knows what it means."""
    if moment.utcoffset() is None:
        raise ValueError("a time without a time zone has no meaning here")
    return moment.astimezone(UTC)


def _check_time(text: str) -> str:
    parse_time(text)
    return text


def _check_date(text: str) -> str:
    try:
        good = date.fromisoformat(text).isoformat() == text
    except ValueError:
        good = False
    if not good:
        raise ValueError("not a date in the form 2026-11-23")
    return text


Time = Annotated[str, AfterValidator(_check_time)]
Date = Annotated[str, AfterValidator(_check_date)]
