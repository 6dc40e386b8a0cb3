"""A person who acts: own keys, the federation file under the pinned root, a dialer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from desk.command import Options
from model.federation import Federation, Member
from runtime.clock import Clock
from runtime.errors import SettingsError
from runtime.site.identity import Identity
from runtime.site.settings import did_you_mean
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
            raise SettingsError(f'--requester: no coordinator is called "{wanted}"{hint}')
        through = federation.acts_through(self.member.organisation)
        if wanted or len(through) == 1:
            return wanted or through[0].name
        raise SettingsError(
            f"there are {len(known)} coordinators ({', '.join(known)}): say which with --requester "
            "NAME before the command, or as requester in hedui.toml"
        )

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
        yield Acting(identity, member, federation, dialer, clock, options.requester)
