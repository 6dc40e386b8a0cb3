"""``hedui registrar init | serve``: the authorization registry."""

from desk.process import commands_of
from registrar.process import KIND

app = commands_of(
    KIND,
    title="The registrar: authorizations, manifests, tickets, permits, enrolment.",
    creates="Create the registrar's keys, PRF keys, join request and database.",
)
