"""The registrar's revocation list, kept for some seconds and shared by all cases.

Nodes refuse a list that is too old, so a coordinator cannot hold one back for long.
"""

from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from coordinator.case.state import setbacks
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from model.documents.query import RevocationList
from model.documents.signed import Signed
from model.federation import Federation
from runtime.clock import Clock
from runtime.documents import open_signed
from runtime.transport.channel import Dialer
from runtime.transport.wire import signed_from_wire


class Revocations:
    """Fetches the list when the one at hand is older than ``refresh_s``."""

    def __init__(
        self,
        dialer: Dialer,
        federation: Federation,
        *,
        clock: Clock,
        refresh_s: int,
        timeout_s: int,
    ) -> None:
        self._dialer: Final = dialer
        self._federation: Final = federation
        self._clock: Final = clock
        self._refresh: Final = timedelta(seconds=refresh_s)
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._held: tuple[datetime, Signed] | None = None

    def current(self) -> Signed:
        """Return a verified list. Raises Setback where the registrar gives none."""
        with self._lock:
            # Wall time: the monotonic clock stands still while a machine sleeps.
            now = self._clock.now()
            if self._held is None or not timedelta(0) <= now - self._held[0] <= self._refresh:
                self._held = (now, self._fetch())
            return self._held[1]

    def _fetch(self) -> Signed:
        registrar = self._federation.registrar
        request = pb.GetRevocationListRequest()
        with setbacks(registrar.name):
            reply = self._dialer.call(
                registrar.name,
                ManifestServiceStub,
                "GetRevocationList",
                request,
                timeout_s=self._timeout_s,
            )
        signed = signed_from_wire(reply.revocations)
        open_signed(signed, RevocationList, registrar)
        return signed
