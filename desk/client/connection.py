"""The admin's connection to the node of the own organisation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desk.command import Options
from runtime.transport.channel import Dialer

if TYPE_CHECKING:
    from model.federation import Federation, Member

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Line:
    """A dialer of the admin's, and the node that it calls."""

    dialer: Dialer
    node: str

    def call(self, stub: Any, method: str, request: Any, *, timeout_s: float = TIMEOUT_S) -> Any:
        """Call the node; raises CallError."""
        return self.dialer.call(self.node, stub, method, request, timeout_s=timeout_s)

    def stream(self, stub: Any, method: str, request: Any, *, timeout_s: float) -> Iterator[Any]:
        """Call a method that replies with a stream; raises CallError."""
        return self.dialer.stream(self.node, stub, method, request, timeout_s=timeout_s)


@contextmanager
def connect(options: Options, node: str) -> Iterator[Line]:
    """Connect as the acting person. Raises SettingsError naming the profile's mend."""
    from runtime.clock import SystemClock
    from runtime.site.endpoints import Endpoints
    from runtime.site.identity import load_federation, load_person

    home, clock = options.home, SystemClock()
    settings, identity = load_person(home, options.person)
    federation = load_federation(home, settings.root_verify_key)
    person = identity.check(federation, clock=clock)
    name = _node_of(federation, person, node)
    endpoints = Endpoints(home)
    with Dialer(
        federation=federation, identity=identity, endpoints=endpoints, clock=clock
    ) as dialer:
        yield Line(dialer, name)


def _node_of(federation: "Federation", person: "Member", named: str) -> str:
    """The node that is meant: the named one, else the only one of the person's organisation."""
    from model.roles import Role
    from runtime.errors import SettingsError

    own = [
        process.name
        for process in federation.process
        if process.role is Role.NODE and process.organisation == person.organisation
    ]
    if not own:
        raise SettingsError(
            f"{person.name} is {person.role} of {person.organisation}, which runs no node. Act as "
            "the admin of a department: --person NAME"
        )
    if named:
        if named in own:
            return named
        there = ", ".join(own) or "none"
        raise SettingsError(f'"{named}" is no node of {person.organisation} (there: {there})')
    if len(own) != 1:
        there = ", ".join(own) or "none"
        raise SettingsError(
            f"{person.organisation} has not exactly one node (there: {there}). Name one with --node"
        )
    return own[0]
