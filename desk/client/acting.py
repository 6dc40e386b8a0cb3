"""A person who acts: own keys, the federation file under the pinned root, a dialer.

Source: design.md 2.1.5.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crypto.sealing import SealingKey
from model.federation import Federation, Member
from model.messages import gettext as _
from model.mistakes import did_you_mean
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
        requester_option: Which coordinator is meant; empty: the only one.
    """

    identity: Identity
    member: Member
    federation: Federation
    dialer: Dialer
    clock: Clock
    requester_option: str = ""

    @property
    def requester(self) -> str:
        """The coordinator that is meant: the named one, else the only one that serves this person.

        Raises SettingsError naming those there are.
        """
        wanted, federation = self.requester_option, self.federation
        known = [requester.name for requester in federation.requesters]
        if wanted and wanted not in known:
            hint = did_you_mean(wanted, known)
            said = _('--requester: no coordinator is called "{name}"').format(name=wanted)
            raise SettingsError(said + hint)
        through = federation.acts_through(self.member.organisation)
        if wanted or len(through) == 1:
            return wanted or through[0].name
        raise SettingsError(
            _(
                "there are several coordinators ({names}): say which with --requester NAME before "
                "the command, or as requester in hedui.toml"
            ).format(names=", ".join(known))
        )

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
def act(home: Path, person: str, requester: str = "") -> Iterator[Acting]:
    """Load the person ``HOME/people/PERSON``, and dial in that name until the block ends.

    Args:
        requester: Which coordinator is meant, where there are several.

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
        yield Acting(identity, member, federation, dialer, clock, requester)


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
