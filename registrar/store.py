"""All tables of the registrar's database in one place."""

from registrar.authorizations import store as authorizations
from registrar.enrolment import store as enrolment
from registrar.manifests import permit_store as permits
from registrar.manifests import store as manifests
from registrar.sampling import store as sampling
from runtime.storage.store import MetaData, whole


def metadata() -> MetaData:
    """Return the tables of every part, and those that each process has."""
    parts = (authorizations, manifests, permits, enrolment, sampling)
    return whole(*(part.METADATA for part in parts))
