"""The content of an answer: below a bound as it arrives and as it is unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx2

from jhub.client.deadline import Deadline
from jhub.errors import NotAHub

MAX_ANSWER_BYTES = 64 * 2**20
"""Bytes. A page of 200 groups with a thousand members each is a few million; no hub comes near this."""
MAX_REFUSAL_BYTES = 2**20
"""Bytes of an answer that is no success."""
MAX_STREAM_BYTES = 16 * 2**20
"""Bytes of all events of a progress stream. A start that takes an hour has some hundred, of a few thousand each."""
EVENT_OVERHEAD_BYTES = 200
"""Bytes that an event counts for beside its data: empty ones take memory, too."""
CHUNK_BYTES = 2**20
"""Bytes that are unpacked at a time."""
GZIP_CODINGS = ("gzip", "x-gzip")


def content_coding(response: httpx2.Response) -> str:
    """How its content is packed; empty for not at all."""
    codings = response.headers.get_list("content-encoding", split_commas=True)
    return ", ".join(each for each in (each.strip().lower() for each in codings) if each not in ("", "identity"))


class BoundedContent:
    """The content of one answer, part by part.

    Not by the HTTP library's own unpacking: that takes any number of packings one inside another, and keeps whatever
    comes after the end of what is packed.
    """

    def __init__(self, response: httpx2.Response, host: str, deadline: Deadline) -> None:
        self._host = host
        self._deadline = deadline
        self._largest = MAX_ANSWER_BYTES if 200 <= response.status_code < 300 else MAX_REFUSAL_BYTES
        self._arrived = 0
        self._content = bytearray()
        self._gzip = None
        if packed := content_coding(response):
            if packed not in GZIP_CODINGS:
                raise NotAHub(f"{host} answers with content packed by {packed!r}, which nobody has asked for")
            self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def __bytes__(self) -> bytes:
        return bytes(self._content)

    def add(self, part: bytes) -> None:
        """A part arrives. `TimeoutError`, `NotAHub` where that takes too long, or is too much."""
        if self._deadline.over:
            raise TimeoutError
        self._arrived += len(part)
        for piece in (part,) if self._gzip is None else self._unpacked(part):
            self._content += piece
            self._check()
        self._check()

    def _check(self) -> None:
        if max(self._arrived, len(self._content)) > self._largest:
            raise NotAHub(f"{self._host} answers with more than {self._largest >> 20} MiB: no hub does that")

    def _unpacked(self, part: bytes) -> Iterator[bytes]:
        gzip = self._gzip
        try:
            while gzip is not None and part and not gzip.eof:
                yield gzip.decompress(part, CHUNK_BYTES)
                part = gzip.unconsumed_tail
        except zlib.error:
            raise NotAHub(f"{self._host} answers with content that is not gzip, as its header says") from None


class StreamSize:
    """The size of a progress stream, event by event."""

    def __init__(self, response: httpx2.Response, host: str) -> None:
        self._host = host
        self._size = 0
        if packed := content_coding(response):
            raise NotAHub(f"{host} answers with a stream packed by {packed!r}, which nobody has asked for")

    def add(self, data: str) -> None:
        """An event arrives. `NotAHub` where that is too much."""
        self._size += len(data) + EVENT_OVERHEAD_BYTES
        if self._size > MAX_STREAM_BYTES:
            raise NotAHub(f"{self._host} sends more than {MAX_STREAM_BYTES >> 20} MiB of progress: no hub does that")
