from hedui.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RegisterAuthorizationRequest(_message.Message):
    __slots__ = ("authorization",)
    AUTHORIZATION_FIELD_NUMBER: _ClassVar[int]
    authorization: _common_pb2.SignedDocument
    def __init__(self, authorization: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class ConfirmAuthorizationRequest(_message.Message):
    __slots__ = ("check",)
    CHECK_FIELD_NUMBER: _ClassVar[int]
    check: _common_pb2.SignedDocument
    def __init__(self, check: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class RevokeAuthorizationRequest(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: str
    def __init__(self, number: _Optional[str] = ...) -> None: ...

class EraseAuthorizationRequest(_message.Message):
    __slots__ = ("erasure",)
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    erasure: _common_pb2.SignedDocument
    def __init__(self, erasure: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class GetAuthorizationRequest(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: str
    def __init__(self, number: _Optional[str] = ...) -> None: ...

class GetAuthorizationReply(_message.Message):
    __slots__ = ("authorization", "check", "state")
    AUTHORIZATION_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    authorization: _common_pb2.SignedDocument
    check: _common_pb2.SignedDocument
    state: str
    def __init__(self, authorization: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., check: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., state: _Optional[str] = ...) -> None: ...

class AuthorizationReply(_message.Message):
    __slots__ = ("number", "state", "receipt")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    number: str
    state: str
    receipt: _common_pb2.LedgerReceipt
    def __init__(self, number: _Optional[str] = ..., state: _Optional[str] = ..., receipt: _Optional[_Union[_common_pb2.LedgerReceipt, _Mapping]] = ...) -> None: ...

class ListAuthorizationsRequest(_message.Message):
    __slots__ = ("after", "limit", "state", "since", "until")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    state: str
    since: str
    until: str
    def __init__(self, after: _Optional[str] = ..., limit: _Optional[int] = ..., state: _Optional[str] = ..., since: _Optional[str] = ..., until: _Optional[str] = ...) -> None: ...

class ListAuthorizationsReply(_message.Message):
    __slots__ = ("authorizations", "next")
    AUTHORIZATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    authorizations: _containers.RepeatedCompositeFieldContainer[AuthorizationRow]
    next: str
    def __init__(self, authorizations: _Optional[_Iterable[_Union[AuthorizationRow, _Mapping]]] = ..., next: _Optional[str] = ...) -> None: ...

class AuthorizationRow(_message.Message):
    __slots__ = ("number", "state", "members", "valid_to")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    VALID_TO_FIELD_NUMBER: _ClassVar[int]
    number: str
    state: str
    members: int
    valid_to: str
    def __init__(self, number: _Optional[str] = ..., state: _Optional[str] = ..., members: _Optional[int] = ..., valid_to: _Optional[str] = ...) -> None: ...

class IssueManifestRequest(_message.Message):
    __slots__ = ("request", "countersigned")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    COUNTERSIGNED_FIELD_NUMBER: _ClassVar[int]
    request: _common_pb2.SignedDocument
    countersigned: _common_pb2.SignedDocument
    def __init__(self, request: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., countersigned: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class IssueManifestReply(_message.Message):
    __slots__ = ("manifest", "tickets", "reveals")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    TICKETS_FIELD_NUMBER: _ClassVar[int]
    REVEALS_FIELD_NUMBER: _ClassVar[int]
    manifest: _common_pb2.SignedDocument
    tickets: _containers.RepeatedCompositeFieldContainer[_common_pb2.SignedDocument]
    reveals: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reveal]
    def __init__(self, manifest: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., tickets: _Optional[_Iterable[_Union[_common_pb2.SignedDocument, _Mapping]]] = ..., reveals: _Optional[_Iterable[_Union[_common_pb2.Reveal, _Mapping]]] = ...) -> None: ...

class RenewTicketRequest(_message.Message):
    __slots__ = ("ticket",)
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ticket: _common_pb2.SignedDocument
    def __init__(self, ticket: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class RenewTicketReply(_message.Message):
    __slots__ = ("ticket",)
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ticket: _common_pb2.SignedDocument
    def __init__(self, ticket: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class GetRevocationListRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRevocationListReply(_message.Message):
    __slots__ = ("revocations",)
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    revocations: _common_pb2.SignedDocument
    def __init__(self, revocations: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class IssuePermitRequest(_message.Message):
    __slots__ = ("manifest", "kind", "answers", "silent")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    manifest: bytes
    kind: str
    answers: bytes
    silent: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, manifest: _Optional[bytes] = ..., kind: _Optional[str] = ..., answers: _Optional[bytes] = ..., silent: _Optional[_Iterable[str]] = ...) -> None: ...

class IssuePermitReply(_message.Message):
    __slots__ = ("permit",)
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    permit: _common_pb2.SignedDocument
    def __init__(self, permit: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class CloseApplicationRequest(_message.Message):
    __slots__ = ("manifest",)
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    manifest: bytes
    def __init__(self, manifest: _Optional[bytes] = ...) -> None: ...

class EvaluateRequest(_message.Message):
    __slots__ = ("department", "epoch", "blinded", "batch")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BLINDED_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    department: str
    epoch: int
    blinded: _containers.RepeatedScalarFieldContainer[bytes]
    batch: bytes
    def __init__(self, department: _Optional[str] = ..., epoch: _Optional[int] = ..., blinded: _Optional[_Iterable[bytes]] = ..., batch: _Optional[bytes] = ...) -> None: ...

class EvaluateReply(_message.Message):
    __slots__ = ("evaluated", "proof", "budget_left")
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    BUDGET_LEFT_FIELD_NUMBER: _ClassVar[int]
    evaluated: _containers.RepeatedScalarFieldContainer[bytes]
    proof: bytes
    budget_left: int
    def __init__(self, evaluated: _Optional[_Iterable[bytes]] = ..., proof: _Optional[bytes] = ..., budget_left: _Optional[int] = ...) -> None: ...

class ProposeBudgetRequest(_message.Message):
    __slots__ = ("department", "epoch", "total", "daily")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DAILY_FIELD_NUMBER: _ClassVar[int]
    department: str
    epoch: int
    total: int
    daily: int
    def __init__(self, department: _Optional[str] = ..., epoch: _Optional[int] = ..., total: _Optional[int] = ..., daily: _Optional[int] = ...) -> None: ...

class ApproveBudgetRequest(_message.Message):
    __slots__ = ("department", "epoch", "total", "daily")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DAILY_FIELD_NUMBER: _ClassVar[int]
    department: str
    epoch: int
    total: int
    daily: int
    def __init__(self, department: _Optional[str] = ..., epoch: _Optional[int] = ..., total: _Optional[int] = ..., daily: _Optional[int] = ...) -> None: ...

class BudgetReply(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: str
    def __init__(self, state: _Optional[str] = ...) -> None: ...

class ListBudgetsRequest(_message.Message):
    __slots__ = ("after", "limit", "department", "state")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    department: str
    state: str
    def __init__(self, after: _Optional[str] = ..., limit: _Optional[int] = ..., department: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...

class ListBudgetsReply(_message.Message):
    __slots__ = ("budgets", "next")
    BUDGETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    budgets: _containers.RepeatedCompositeFieldContainer[BudgetRow]
    next: str
    def __init__(self, budgets: _Optional[_Iterable[_Union[BudgetRow, _Mapping]]] = ..., next: _Optional[str] = ...) -> None: ...

class BudgetRow(_message.Message):
    __slots__ = ("department", "epoch", "total", "daily", "used", "state")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DAILY_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    department: str
    epoch: int
    total: int
    daily: int
    used: int
    state: str
    def __init__(self, department: _Optional[str] = ..., epoch: _Optional[int] = ..., total: _Optional[int] = ..., daily: _Optional[int] = ..., used: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...

class DrawSampleRequest(_message.Message):
    __slots__ = ("entries", "of", "named")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    NAMED_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedScalarFieldContainer[int]
    of: int
    named: bool
    def __init__(self, entries: _Optional[_Iterable[int]] = ..., of: _Optional[int] = ..., named: _Optional[bool] = ...) -> None: ...

class DrawSampleReply(_message.Message):
    __slots__ = ("sample", "entries", "expires_at")
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    sample: str
    entries: _containers.RepeatedCompositeFieldContainer[DrawnEntry]
    expires_at: str
    def __init__(self, sample: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[DrawnEntry, _Mapping]]] = ..., expires_at: _Optional[str] = ...) -> None: ...

class DrawnEntry(_message.Message):
    __slots__ = ("entry", "erased_by")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    ERASED_BY_FIELD_NUMBER: _ClassVar[int]
    entry: int
    erased_by: int
    def __init__(self, entry: _Optional[int] = ..., erased_by: _Optional[int] = ...) -> None: ...

class DiscloseSampleRequest(_message.Message):
    __slots__ = ("sample", "entry")
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    sample: str
    entry: int
    def __init__(self, sample: _Optional[str] = ..., entry: _Optional[int] = ...) -> None: ...

class DiscloseSampleReply(_message.Message):
    __slots__ = ("sealed",)
    SEALED_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    def __init__(self, sealed: _Optional[bytes] = ...) -> None: ...

class DiscloseOfficersRequest(_message.Message):
    __slots__ = ("first",)
    FIRST_FIELD_NUMBER: _ClassVar[int]
    first: int
    def __init__(self, first: _Optional[int] = ...) -> None: ...

class DiscloseOfficersReply(_message.Message):
    __slots__ = ("next", "sealed")
    NEXT_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    next: int
    sealed: bytes
    def __init__(self, next: _Optional[int] = ..., sealed: _Optional[bytes] = ...) -> None: ...
