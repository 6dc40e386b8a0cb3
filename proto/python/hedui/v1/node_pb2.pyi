from hedui.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AnswerRequest(_message.Message):
    __slots__ = ("manifest", "ticket", "revocations", "reveals")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    REVEALS_FIELD_NUMBER: _ClassVar[int]
    manifest: _common_pb2.SignedDocument
    ticket: _common_pb2.SignedDocument
    revocations: _common_pb2.SignedDocument
    reveals: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reveal]
    def __init__(self, manifest: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., ticket: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., revocations: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., reveals: _Optional[_Iterable[_Union[_common_pb2.Reveal, _Mapping]]] = ...) -> None: ...

class AnswerReply(_message.Message):
    __slots__ = ("answer", "receipt")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    answer: _common_pb2.SignedDocument
    receipt: _common_pb2.LedgerReceipt
    def __init__(self, answer: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., receipt: _Optional[_Union[_common_pb2.LedgerReceipt, _Mapping]] = ...) -> None: ...

class DiscloseAnswerRequest(_message.Message):
    __slots__ = ("grant", "query", "values")
    GRANT_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    grant: _common_pb2.SignedDocument
    query: str
    values: bool
    def __init__(self, grant: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., query: _Optional[str] = ..., values: _Optional[bool] = ...) -> None: ...

class DiscloseAnswerReply(_message.Message):
    __slots__ = ("sealed",)
    SEALED_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    def __init__(self, sealed: _Optional[bytes] = ...) -> None: ...

class ImportRequest(_message.Message):
    __slots__ = ("mapping", "csv")
    MAPPING_FIELD_NUMBER: _ClassVar[int]
    CSV_FIELD_NUMBER: _ClassVar[int]
    mapping: bytes
    csv: bytes
    def __init__(self, mapping: _Optional[bytes] = ..., csv: _Optional[bytes] = ...) -> None: ...

class ImportReply(_message.Message):
    __slots__ = ("resource", "rows", "persons", "not_indexed")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    resource: str
    rows: int
    persons: int
    not_indexed: int
    def __init__(self, resource: _Optional[str] = ..., rows: _Optional[int] = ..., persons: _Optional[int] = ..., not_indexed: _Optional[int] = ...) -> None: ...

class EnrolRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EnrolProgress(_message.Message):
    __slots__ = ("done", "total", "budget_left")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    BUDGET_LEFT_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    budget_left: int
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ..., budget_left: _Optional[int] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusReply(_message.Message):
    __slots__ = ("department", "persons", "indexed", "resources", "holder")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    department: str
    persons: int
    indexed: int
    resources: _containers.RepeatedCompositeFieldContainer[ResourceRow]
    holder: bool
    def __init__(self, department: _Optional[str] = ..., persons: _Optional[int] = ..., indexed: _Optional[int] = ..., resources: _Optional[_Iterable[_Union[ResourceRow, _Mapping]]] = ..., holder: _Optional[bool] = ...) -> None: ...

class ResourceRow(_message.Message):
    __slots__ = ("resource", "rows", "data_date", "covers_from", "covers_to")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DATA_DATE_FIELD_NUMBER: _ClassVar[int]
    COVERS_FROM_FIELD_NUMBER: _ClassVar[int]
    COVERS_TO_FIELD_NUMBER: _ClassVar[int]
    resource: str
    rows: int
    data_date: str
    covers_from: str
    covers_to: str
    def __init__(self, resource: _Optional[str] = ..., rows: _Optional[int] = ..., data_date: _Optional[str] = ..., covers_from: _Optional[str] = ..., covers_to: _Optional[str] = ...) -> None: ...
