"""The codes of an authenticator app (RFC 6238), from its secret."""

from __future__ import annotations

import base64
import hmac
import struct
import time


def code(secret: str, at: float | None = None) -> str:
    """The six digits that are right now, or at some time."""
    step = int(time.time() if at is None else at) // 30
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0xF
    (number,) = struct.unpack_from(">I", digest, offset)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"
