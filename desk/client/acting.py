"""A person who acts: own keys, the federation file under the pinned root, a dialer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crypto.sealing import SealingKey
from model.federation import Federation, Member
from model.messages import gettext as _
from runtime.clock import Clock, SystemClock
from runtime.errors import SettingsError
from runtime.site.endpoints import Endpoints
from runtime.site.identity import Identity, load_federation, load_person
from runtime.transport.channel import Dialer

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Acting:
    """Who acts, and how others are called in that name.

    Attributes:
        identity: The person's private keys.
        member: What the federation file says of the person.
        federation: Its signature was verified under the pinned root key.
        dialer: Connections, mutually authenticated; each call is made in the person's name.
        clock: For the times in signed documents.
    """

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

    def seal_key(self) -> SealingKey:
        """The key to which others seal for this person. Raises SettingsError for none."""
        if self.identity.seal_key is None:
            raise SettingsError(
                _(
                    "{person} has no sealing key; `hedui person init` creates one",
                    person=self.member.name,
                )
            )
        return self.identity.seal_key


@contextmanager
def act(home: Path, person: str) -> Iterator[Acting]:
    """Load the person ``HOME/people/PERSON``, and dial in that name until the block ends.

    Raises SettingsError for a home, person or federation file that is not there or not the root's;
    KeyFileError for keys; CertificateError for a certificate that is over or another's.
    """
    clock = SystemClock()
    settings, identity = load_person(home, person)
    federation = load_federation(home, settings.root_verify_key)
    member = identity.check(federation, clock=clock)
    with Dialer(
        federation=federation, identity=identity, endpoints=Endpoints(home), clock=clock
    ) as dialer:
        yield Acting(identity, member, federation, dialer, clock)


def pages(ask: Callable[[Any], Any], request: Any) -> Iterator[Any]:
    """Yield page after page of a list; raises what ``ask`` raises.

    Args:
        ask: Makes the call.
        request: Any request with ``after`` and ``limit``, its filters set.
    """
    while True:
        reply = ask(request)
        yield reply
        if not reply.next:
            return
        request.after = reply.next
