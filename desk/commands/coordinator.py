"""``hedui coordinator init | serve``: the process of civil affairs."""

from coordinator.process import KIND
from desk.process import commands_of

app = commands_of(
    KIND,
    title="The coordinator: cases of the verification centre.",
    creates="Create the coordinator's keys, join request and database, under its name in the plan.",
)
