from hedui.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AcceptRequest(_message.Message):
    __slots__ = ("manifest", "kind", "answers", "role")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    manifest: _common_pb2.SignedDocument
    kind: str
    answers: bytes
    role: str
    def __init__(self, manifest: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., kind: _Optional[str] = ..., answers: _Optional[bytes] = ..., role: _Optional[str] = ...) -> None: ...

class AcceptReply(_message.Message):
    __slots__ = ("acceptance",)
    ACCEPTANCE_FIELD_NUMBER: _ClassVar[int]
    acceptance: _common_pb2.SignedDocument
    def __init__(self, acceptance: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class OpeningContext(_message.Message):
    __slots__ = ("manifest", "permit", "reveals", "answers", "first")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    REVEALS_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    manifest: _common_pb2.SignedDocument
    permit: _common_pb2.SignedDocument
    reveals: _containers.RepeatedCompositeFieldContainer[_common_pb2.Reveal]
    answers: _containers.RepeatedCompositeFieldContainer[_common_pb2.SignedDocument]
    first: _common_pb2.SignedDocument
    def __init__(self, manifest: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., permit: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., reveals: _Optional[_Iterable[_Union[_common_pb2.Reveal, _Mapping]]] = ..., answers: _Optional[_Iterable[_Union[_common_pb2.SignedDocument, _Mapping]]] = ..., first: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class MaskRequest(_message.Message):
    __slots__ = ("context",)
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    context: OpeningContext
    def __init__(self, context: _Optional[_Union[OpeningContext, _Mapping]] = ...) -> None: ...

class MaskReply(_message.Message):
    __slots__ = ("mask", "share")
    MASK_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    mask: _common_pb2.HolderMessage
    share: _common_pb2.SealedMessage
    def __init__(self, mask: _Optional[_Union[_common_pb2.HolderMessage, _Mapping]] = ..., share: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ...) -> None: ...

class ShareRequest(_message.Message):
    __slots__ = ("context", "mask")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    context: OpeningContext
    mask: _common_pb2.HolderMessage
    def __init__(self, context: _Optional[_Union[OpeningContext, _Mapping]] = ..., mask: _Optional[_Union[_common_pb2.HolderMessage, _Mapping]] = ...) -> None: ...

class ShareReply(_message.Message):
    __slots__ = ("share",)
    SHARE_FIELD_NUMBER: _ClassVar[int]
    share: _common_pb2.SealedMessage
    def __init__(self, share: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ...) -> None: ...

class OpenRequest(_message.Message):
    __slots__ = ("context", "mask", "shares")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    context: OpeningContext
    mask: _common_pb2.HolderMessage
    shares: _containers.RepeatedCompositeFieldContainer[_common_pb2.SealedMessage]
    def __init__(self, context: _Optional[_Union[OpeningContext, _Mapping]] = ..., mask: _Optional[_Union[_common_pb2.HolderMessage, _Mapping]] = ..., shares: _Optional[_Iterable[_Union[_common_pb2.SealedMessage, _Mapping]]] = ...) -> None: ...

class OpenReply(_message.Message):
    __slots__ = ("bits",)
    BITS_FIELD_NUMBER: _ClassVar[int]
    bits: _common_pb2.SealedMessage
    def __init__(self, bits: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ...) -> None: ...

class CompareRequest(_message.Message):
    __slots__ = ("permit", "bits")
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    permit: bytes
    bits: _common_pb2.SealedMessage
    def __init__(self, permit: _Optional[bytes] = ..., bits: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ...) -> None: ...

class CompareReply(_message.Message):
    __slots__ = ("terms", "flips")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    FLIPS_FIELD_NUMBER: _ClassVar[int]
    terms: _common_pb2.SealedMessage
    flips: _common_pb2.SealedMessage
    def __init__(self, terms: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ..., flips: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ...) -> None: ...

class ConcludeRequest(_message.Message):
    __slots__ = ("permit", "terms")
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    permit: bytes
    terms: _common_pb2.SealedMessage
    def __init__(self, permit: _Optional[bytes] = ..., terms: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ...) -> None: ...

class ConcludeReply(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _common_pb2.SealedMessage
    def __init__(self, results: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ...) -> None: ...

class ProveShareRequest(_message.Message):
    __slots__ = ("permit",)
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    permit: bytes
    def __init__(self, permit: _Optional[bytes] = ...) -> None: ...

class ProveShareReply(_message.Message):
    __slots__ = ("proof",)
    PROOF_FIELD_NUMBER: _ClassVar[int]
    proof: _common_pb2.SealedMessage
    def __init__(self, proof: _Optional[_Union[_common_pb2.SealedMessage, _Mapping]] = ...) -> None: ...

class NameCheatRequest(_message.Message):
    __slots__ = ("permit", "proofs")
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    permit: bytes
    proofs: _containers.RepeatedCompositeFieldContainer[_common_pb2.SealedMessage]
    def __init__(self, permit: _Optional[bytes] = ..., proofs: _Optional[_Iterable[_Union[_common_pb2.SealedMessage, _Mapping]]] = ...) -> None: ...

class NameCheatReply(_message.Message):
    __slots__ = ("holder",)
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    holder: str
    def __init__(self, holder: _Optional[str] = ...) -> None: ...
