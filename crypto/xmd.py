"""Uniform bytes from a message, as every hash to a group or a scalar starts.

Source: RFC 9380, section 5.3.1 (expand_message_xmd).
Trusts: SHA-256 and SHA-512. Learns: nobody; public computation.
"""

import hashlib

from crypto.errors import InvalidInput

_BLOCK_BYTES = {"sha256": 64, "sha512": 128}


def expand_message_xmd(message: bytes, dst: bytes, count: int, *, hash_name: str) -> bytes:
    """Return ``count`` uniform bytes: b_1 || b_2 || …, with b_i = H(b_0 ⊕ b_{i-1} || i || DST').

    Args:
        message: Any length.
        dst: Domain separation tag, 1 to 255 bytes; longer ones are refused, not hashed down.
        count: At most 255 hash outputs.
        hash_name: ``sha256`` or ``sha512``.
    """
    size = hashlib.new(hash_name).digest_size
    blocks = -(-count // size)
    if not 1 <= len(dst) <= 255 or not 1 <= blocks <= 255:
        raise InvalidInput(f"expand_message_xmd: {len(dst)} bytes of tag, {count} bytes asked")
    tag = dst + len(dst).to_bytes(1, "big")
    padding = bytes(_BLOCK_BYTES[hash_name])
    first = hashlib.new(hash_name, padding + message + count.to_bytes(2, "big") + b"\0" + tag)
    return _chain(first.digest(), tag, blocks, hash_name)[:count]


def _chain(seed: bytes, tag: bytes, blocks: int, hash_name: str) -> bytes:
    block = hashlib.new(hash_name, seed + b"\1" + tag).digest()
    result = [block]
    for index in range(2, blocks + 1):
        mixed = bytes(a ^ b for a, b in zip(seed, block, strict=True))
        block = hashlib.new(hash_name, mixed + index.to_bytes(1, "big") + tag).digest()
        result.append(block)
    return b"".join(result)
