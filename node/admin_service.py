"""NodeAdminService: import, enrolment and status, for admins of the node's own organisation."""

import threading
from collections.abc import Iterator
from typing import Any, Final

from hedui.v1 import node_pb2, node_pb2_grpc
from model.limits import MAX_SETTINGS_BYTES
from model.reasons import Reason
from node.importing import Importer
from node.index import store as index
from node.index.enrolling import Enroller
from node.records import store as records
from node.records.mapping import parse_mapping
from runtime.errors import Refusal
from runtime.storage.database import Database
from runtime.transport.guard import current_call, current_caller, ensure_time

MAX_PIECE_BYTES: Final = 256 * 1024


class NodeAdminService(node_pb2_grpc.NodeAdminServiceServicer):
    """A department admin's door to the node. Without a department there is only a status."""

    def __init__(
        self,
        *,
        department: str,
        holder: bool,
        epoch: int,
        database: Database,
        importer: Importer | None,
        enroller: Enroller | None,
    ) -> None:
        """``importer`` and ``enroller`` are None on a key holder without records."""
        self._department = department
        self._holder = holder
        self._epoch = epoch
        self._database = database
        self._importer = importer
        self._enroller = enroller
        self._busy = threading.Lock()

    def ImportResource(
        self, request_iterator: Iterator[node_pb2.ImportRequest], context: Any
    ) -> node_pb2.ImportReply:
        """Replace one resource by the rows of a CSV file. All or nothing."""
        if self._importer is None:
            raise Refusal(Reason.WRONG_DEPARTMENT, "this process serves no department")
        mapping = next(request_iterator, None)
        if mapping is None or mapping.WhichOneof("part") != "mapping":
            raise Refusal(Reason.MALFORMED, "the first message must hold the mapping")
        if len(mapping.mapping) > MAX_SETTINGS_BYTES:
            raise Refusal(Reason.MALFORMED, f"a mapping has at most {MAX_SETTINGS_BYTES} bytes")
        with self._alone():
            done = self._importer.run(
                mapping.mapping, _pieces(request_iterator), person=current_caller().name
            )
        return node_pb2.ImportReply(
            resource=done.resource,
            rows=done.rows,
            persons=done.persons,
            not_indexed=done.not_indexed,
        )

    def Enrol(
        self, request: node_pb2.EnrolRequest, context: Any
    ) -> Iterator[node_pb2.EnrolProgress]:
        """Index whoever is not indexed yet; ends early, to be called again, when time is short."""
        if self._enroller is None:
            raise Refusal(Reason.WRONG_DEPARTMENT, "this process serves no department")
        call, enroller = current_call(), self._enroller
        with self._alone():
            for step in enroller.run(lambda: call.time_left_s() > enroller.timeout_s):
                yield node_pb2.EnrolProgress(
                    done=step.done, total=step.total, budget_left=step.budget_left
                )

    def GetStatus(
        self, request: node_pb2.GetStatusRequest, context: Any
    ) -> node_pb2.GetStatusReply:
        """What the node holds: counts for its own admin, never for anybody else."""
        with self._database.read() as conn:
            persons = records.count_persons(conn)
            rows = [_resource(found) for found in records.resources(conn).values()]
            indexed = persons - index.count_pending(conn, self._epoch)
        return node_pb2.GetStatusReply(
            department=self._department,
            persons=persons,
            indexed=indexed,
            resources=rows,
            holder=self._holder,
        )

    def _alone(self) -> "_Alone":
        return _Alone(self._busy)


class _Alone:
    """One import or enrolment at a time; a second is refused, not queued."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise Refusal(Reason.OVERLOADED, "an import or enrolment is running; try again later")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _pieces(requests: Iterator[node_pb2.ImportRequest]) -> Iterator[bytes]:
    for request in requests:
        if request.WhichOneof("part") != "csv" or len(request.csv) > MAX_PIECE_BYTES:
            raise Refusal(
                Reason.MALFORMED,
                f"after the mapping come pieces of at most {MAX_PIECE_BYTES} bytes",
            )
        ensure_time()
        yield request.csv


def _resource(found: records.Resource) -> node_pb2.ResourceRow:
    coverage = parse_mapping(found.mapping).coverage
    return node_pb2.ResourceRow(
        resource=found.resource,
        rows=found.row_count,
        data_date=found.data_date,
        covers_from=coverage.first,
        covers_to=coverage.last,
    )
