"""All tables of the registrar's database in one place."""

from typing import Final

from sqlalchemy import MetaData

from registrar.authorizations import store as authorizations
from registrar.enrolment import store as enrolment
from registrar.manifests import store as manifests
from registrar.permits import store as permits
from registrar.sampling import store as sampling
from runtime.storage.store import include

_PARTS: Final = (
    authorizations.METADATA,
    manifests.METADATA,
    permits.METADATA,
    enrolment.METADATA,
    sampling.METADATA,
)


def metadata() -> MetaData:
    """Return the tables of every part, and those that each process has."""
    whole = MetaData()
    for part in _PARTS:
        for table in part.sorted_tables:
            table.to_metadata(whole)
    return include(whole)
