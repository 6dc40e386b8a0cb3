from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignedDocument(_message.Message):
    __slots__ = ("body", "signature", "signer")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    signer: str
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., signer: _Optional[str] = ...) -> None: ...

class Reveal(_message.Message):
    __slots__ = ("field", "value", "salt")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: bytes
    salt: bytes
    def __init__(self, field: _Optional[str] = ..., value: _Optional[bytes] = ..., salt: _Optional[bytes] = ...) -> None: ...

class LedgerReceipt(_message.Message):
    __slots__ = ("index", "path", "checkpoint", "leaf")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    index: int
    path: _containers.RepeatedScalarFieldContainer[bytes]
    checkpoint: bytes
    leaf: bytes
    def __init__(self, index: _Optional[int] = ..., path: _Optional[_Iterable[bytes]] = ..., checkpoint: _Optional[bytes] = ..., leaf: _Optional[bytes] = ...) -> None: ...

class HolderMessage(_message.Message):
    __slots__ = ("header", "payload")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    header: SignedDocument
    payload: bytes
    def __init__(self, header: _Optional[_Union[SignedDocument, _Mapping]] = ..., payload: _Optional[bytes] = ...) -> None: ...

class SealedMessage(_message.Message):
    __slots__ = ("sealed", "sender", "recipient")
    SEALED_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    sender: str
    recipient: str
    def __init__(self, sealed: _Optional[bytes] = ..., sender: _Optional[str] = ..., recipient: _Optional[str] = ...) -> None: ...

class Empty(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
