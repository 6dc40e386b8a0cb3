"""A person who acts: own keys, the federation file under the pinned root, a dialer.

Source: design.md 2.1.5.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from desk.command import Options
from model.federation import Federation, Member
from runtime.clock import Clock
from runtime.site.identity import Identity
from runtime.transport.channel import Dialer

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Acting:
    """Who acts in this command, and how others are called in that name."""

    identity: Identity
    member: Member
    federation: Federation
    dialer: Dialer
    clock: Clock

    def call(
        self, process: str, stub: Any, method: str, request: Any, *, timeout_s: float = TIMEOUT_S
    ) -> Any:
        """Call a process; raises CallError."""
        return self.dialer.call(process, stub, method, request, timeout_s=timeout_s)


@contextmanager
def act(options: Options) -> Iterator[Acting]:
    """Load the acting person. Raises SettingsError, KeyFileError, CertificateError."""
    from runtime.clock import SystemClock
    from runtime.site.endpoints import Endpoints
    from runtime.site.identity import load_federation, load_person

    home, clock = options.home, SystemClock()
    settings, identity = load_person(home, options.person)
    federation = load_federation(home, settings.root_verify_key)
    member = identity.check(federation, clock=clock)
    with Dialer(
        federation=federation, identity=identity, endpoints=Endpoints(home), clock=clock
    ) as dialer:
        yield Acting(identity, member, federation, dialer, clock)
