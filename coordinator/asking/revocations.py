"""The registrar's revocation lists, by department, kept for some seconds and shared by all cases.

Source: design.md 2.3.13.
Nodes refuse a list that is too old, so a coordinator cannot hold one back for long.
"""

from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from coordinator.case.state import setbacks
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from model.documents.signed import Signed
from model.federation import Federation
from runtime.clock import Clock
from runtime.documents import open_revocations
from runtime.transport.channel import Dialer
from runtime.transport.wire import signed_from_wire


class Revocations:
    """Fetches a department's list when the one at hand is older than ``refresh_s``."""

    def __init__(
        self,
        dialer: Dialer,
        federation: Federation,
        *,
        name: str,
        clock: Clock,
        refresh_s: int,
        timeout_s: int,
    ) -> None:
        """``name`` is this coordinator's."""
        self._dialer: Final = dialer
        self._name: Final = name
        self._federation: Final = federation
        self._clock: Final = clock
        self._refresh: Final = timedelta(seconds=refresh_s)
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._held: dict[str, tuple[datetime, list[Signed]]] = {}

    def current(self, department: str) -> list[Signed]:
        """Return a verified list, all its pages. Raises Setback where the registrar gives none."""
        with self._lock:
            # Wall time: the monotonic clock stands still while a machine sleeps.
            now = self._clock.now()
            held = self._held.get(department)
            if held is None or not timedelta(0) <= now - held[0] <= self._refresh:
                held = self._held[department] = (now, self._fetch(department))
            return held[1]

    def _fetch(self, department: str) -> list[Signed]:
        registrar = self._federation.registrar
        request = pb.GetRevocationListRequest(department=department)
        with setbacks(registrar.name):
            reply = self._dialer.call(
                registrar.name,
                ManifestServiceStub,
                "GetRevocationList",
                request,
                timeout_s=self._timeout_s,
            )
        pages = [signed_from_wire(page) for page in reply.pages]
        open_revocations(pages, department, self._name, self._federation)
        return pages
