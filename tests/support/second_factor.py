"""Codes of an authenticator app (TOTP, RFC 6238)."""

from __future__ import annotations

import base64
import hmac
import struct
import time


def code(secret: str, at: float | None = None) -> str:
    """Return the six digits that are valid now, or at a given time."""
    step = int(time.time() if at is None else at) // 30
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0xF
    (number,) = struct.unpack_from(">I", digest, offset)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"
