"""What every call says of versions: the wire, and the federation file that its caller goes by.

Source: design.md 14.1: every call carries the number; older ones are refused, and two files of one
number are a fork. How a new file reaches the members is not decided here.
Learns: whoever is called, which file the caller holds; it is the same for every call.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from model.federation import WIRE, Federation
from model.reasons import Reason
from runtime.errors import Refusal

WIRE_KEY: Final = "hedui-wire"
NUMBER_KEY: Final = "hedui-federation-number"
DIGEST_KEY: Final = "hedui-federation-digest"

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def stated_by(federation: Federation) -> tuple[tuple[str, str], ...]:
    """Return the call metadata that a holder of this file sends."""
    return (
        (WIRE_KEY, str(federation.wire)),
        (NUMBER_KEY, str(federation.number)),
        (DIGEST_KEY, federation.digest),
    )


def check_stated(metadata: Iterable[tuple[str, str | bytes]], federation: Federation) -> None:
    """Raise Refusal unless a call's metadata name our wire and our very federation file."""
    said = _by_key(metadata)
    if said.get(WIRE_KEY) != str(WIRE):
        raise Refusal(Reason.WIRE_VERSION)
    number, digest = said.get(NUMBER_KEY, ""), said.get(DIGEST_KEY, "")
    if not _NUMBER.fullmatch(number) or not _DIGEST.fullmatch(digest):
        raise Refusal(Reason.MALFORMED, "the call does not name its federation file")
    if int(number) < federation.number:
        raise Refusal(Reason.FEDERATION_OLDER)
    if int(number) > federation.number:
        raise Refusal(Reason.FEDERATION_NEWER)
    if digest != federation.digest:
        raise Refusal(Reason.FEDERATION_FORKED)


def _by_key(metadata: Iterable[tuple[str, str | bytes]]) -> Mapping[str, str]:
    """Return the text entries by key; a key that stands twice is none."""
    said: dict[str, str] = {}
    for key, value in metadata:
        said[key] = "" if key in said or isinstance(value, bytes) else value
    return said
