"""Uniform bytes from a message, as every hash to a group or a scalar starts.

Source: RFC 9380, section 5.3.1 (expand_message_xmd).
Trusts: SHA-256 and SHA-512. Learns: nobody; public computation.
"""

import hashlib

from crypto.errors import InvalidInput

_HASHES = {"sha256": (hashlib.sha256, 32, bytes(64)), "sha512": (hashlib.sha512, 64, bytes(128))}


def expand_message_xmd(message: bytes, dst: bytes, count: int, *, hash_name: str) -> bytes:
    """Return ``count`` uniform bytes: b_1 || b_2 || …, with b_i = H(b_0 ⊕ b_{i-1} || i || DST').

    Args:
        message: Any length.
        dst: Domain separation tag, 1 to 255 bytes; longer ones are refused, not hashed down.
        count: At most 255 hash outputs.
        hash_name: ``sha256`` or ``sha512``.
    """
    new, size, padding = _HASHES[hash_name]
    if not 1 <= len(dst) <= 255 or not 1 <= count <= 255 * size:
        raise InvalidInput(f"expand_message_xmd: {len(dst)} bytes of tag, {count} bytes asked")
    tag = dst + len(dst).to_bytes(1, "big")
    seed = new(padding + message + count.to_bytes(2, "big") + b"\0" + tag).digest()
    block = new(seed + b"\1" + tag).digest()
    result = block
    for index in range(2, -(-count // size) + 1):
        mixed = bytes(a ^ b for a, b in zip(seed, block, strict=True))
        block = new(mixed + index.to_bytes(1, "big") + tag).digest()
        result += block
    return result[:count]
