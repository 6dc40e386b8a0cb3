"""From pseudonyms to the household's rows, with the same reads whether anybody is matched or not.

Source: design.md 2.4.3, 2.4.16, 2.2.8. For a pseudonym that is nobody's here, the rows of a
person drawn at random are read and dropped. Every pseudonym costs one lookup, one draw, and one
read per resource.
Learns: this node, which of its own people are asked about. Nobody else.
Not protected: the time that the operating system takes for pages; replies leave at fixed steps.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from crypto.rng import Rng, random_below
from model.fields import format_time
from model.policy.schema import Measure
from model.reasons import Reason
from node.index import store as index
from node.records import store as records
from node.records.store import Resource, Row
from runtime.errors import Refusal
from runtime.storage.store import Connection


def check_ready(
    conn: Connection,
    measures: Mapping[str, Measure],
    asked: Sequence[str],
    *,
    epoch: int,
    stale_since: datetime,
) -> dict[str, Resource]:
    """Return the catalogue, or raise Refusal where this node cannot answer for anybody.

    Args:
        measures: Those that this department computes.
        asked: Resources that the ticket names.
        epoch: The index that is needed.
        stale_since: People held since then or longer must be in it.
    """
    catalogue = records.resources(conn)
    for code in asked:
        if code not in catalogue:
            raise Refusal(Reason.RESOURCE_UNKNOWN)
    for measure in measures.values():
        _check_fits(measure, catalogue[measure.resource])
    if index.is_stale(conn, epoch, since=format_time(stale_since)):
        raise Refusal(Reason.INDEX_STALE)
    return catalogue


def _check_fits(measure: Measure, resource: Resource) -> None:
    """A resource without amounts or periods must not answer with a flag: it would show members."""
    if measure.kind == "sum" and (not resource.has_amount or resource.unit != measure.base_unit):
        raise Refusal(
            Reason.RESOURCE_UNKNOWN, "a resource is imported without amounts, or in another unit"
        )
    if measure.window_months is not None and not resource.has_period:
        raise Refusal(Reason.RESOURCE_UNKNOWN, "a resource is imported without periods")


def read_household(
    conn: Connection,
    pseudonyms: Sequence[bytes],
    resources: Sequence[str],
    *,
    epoch: int,
    rng: Rng,
) -> dict[str, list[Row]]:
    """Return, per resource, the rows of all members who are known here."""
    found: dict[str, list[Row]] = {resource: [] for resource in resources}
    last = max(1, index.last_local_key(conn))
    for pseudonym in pseudonyms:
        known = index.find(conn, epoch, pseudonym)
        drawn = index.decoy(conn, 1 + random_below(last, rng=rng))
        local_key = known if known is not None else drawn or 0
        for resource in resources:
            rows = records.rows_of(conn, local_key, resource)
            found[resource] += rows if known is not None else []
    return found
