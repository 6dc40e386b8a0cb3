from hedui.v1 import common_pb2 as _common_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IssueRecheckRequest(_message.Message):
    __slots__ = ("determined",)
    DETERMINED_FIELD_NUMBER: _ClassVar[int]
    determined: _common_pb2.LedgerReceipt
    def __init__(self, determined: _Optional[_Union[_common_pb2.LedgerReceipt, _Mapping]] = ...) -> None: ...

class IssueRecheckReply(_message.Message):
    __slots__ = ("manifest", "first", "permit")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    manifest: _common_pb2.SignedDocument
    first: _common_pb2.SignedDocument
    permit: _common_pb2.SignedDocument
    def __init__(self, manifest: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., first: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., permit: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class RecheckRequest(_message.Message):
    __slots__ = ("permit", "case_id")
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    permit: _common_pb2.SignedDocument
    case_id: str
    def __init__(self, permit: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., case_id: _Optional[str] = ...) -> None: ...

class RecheckReply(_message.Message):
    __slots__ = ("mask", "flips", "results", "reveals", "policy")
    MASK_FIELD_NUMBER: _ClassVar[int]
    FLIPS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    REVEALS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    mask: _common_pb2.HolderMessage
    flips: _common_pb2.SealedMessage
    results: _common_pb2.SealedMessage
    reveals: bytes
    policy: bytes
    def __init__(self, mask: _Optional[_Union[_common_pb2.HolderMessage, _Mapping]] = ..., flips: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ..., results: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ..., reveals: _Optional[bytes] = ..., policy: _Optional[bytes] = ...) -> None: ...

class RecheckReveals(_message.Message):
    __slots__ = ("bits", "programmes")
    BITS_FIELD_NUMBER: _ClassVar[int]
    PROGRAMMES_FIELD_NUMBER: _ClassVar[int]
    bits: _common_pb2.Reveal
    programmes: _common_pb2.Reveal
    def __init__(self, bits: _Optional[_Union[_common_pb2.Reveal, _Mapping]] = ..., programmes: _Optional[_Union[_common_pb2.Reveal, _Mapping]] = ...) -> None: ...
