from hedui.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ApprovePolicyRequest(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: bytes
    def __init__(self, policy: _Optional[bytes] = ...) -> None: ...

class ApprovePolicyReply(_message.Message):
    __slots__ = ("digest", "findings")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    findings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, digest: _Optional[bytes] = ..., findings: _Optional[_Iterable[str]] = ...) -> None: ...

class WithdrawPolicyRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    def __init__(self, digest: _Optional[bytes] = ...) -> None: ...

class ListPoliciesRequest(_message.Message):
    __slots__ = ("after", "limit", "state")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    state: str
    def __init__(self, after: _Optional[str] = ..., limit: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...

class ListPoliciesReply(_message.Message):
    __slots__ = ("policies", "next")
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[PolicyRow]
    next: str
    def __init__(self, policies: _Optional[_Iterable[_Union[PolicyRow, _Mapping]]] = ..., next: _Optional[str] = ...) -> None: ...

class PolicyRow(_message.Message):
    __slots__ = ("digest", "name", "title", "approved_at", "withdrawn_at")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AT_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_AT_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    name: str
    title: str
    approved_at: str
    withdrawn_at: str
    def __init__(self, digest: _Optional[bytes] = ..., name: _Optional[str] = ..., title: _Optional[str] = ..., approved_at: _Optional[str] = ..., withdrawn_at: _Optional[str] = ...) -> None: ...
