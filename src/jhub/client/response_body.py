"""The content of an answer, with a maximum size while it arrives and while it is decompressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx2

from jhub.client.deadline import Deadline
from jhub.errors import NotAHub

MAX_ANSWER_BYTES = 64 * 2**20
"""Maximum size of an answer. A page of 200 groups with a thousand members each is a few million bytes."""
MAX_REFUSAL_BYTES = 2**20
"""Maximum size of an answer with an error status."""
MAX_STREAM_BYTES = 16 * 2**20
"""Maximum size of a progress stream. An hour-long start has a few hundred events of a few thousand bytes each."""
EVENT_OVERHEAD_BYTES = 200
"""Number of bytes counted for each event besides its data, because empty events take memory too."""
CHUNK_BYTES = 2**20
"""Number of bytes that are decompressed at a time."""
GZIP_CODINGS = ("gzip", "x-gzip")


def content_coding(response: httpx2.Response) -> str:
    """Return the compression of the response's content; empty for no compression."""
    codings = response.headers.get_list("content-encoding", split_commas=True)
    return ", ".join(each for each in (each.strip().lower() for each in codings) if each not in ("", "identity"))


class BoundedContent:
    """The content of one answer, chunk by chunk.

    It does not use the HTTP library's decompression, which accepts any number of nested compressions, and keeps the
    data after the end of the compressed data.
    """

    def __init__(self, response: httpx2.Response, host: str, deadline: Deadline) -> None:
        self._host = host
        self._deadline = deadline
        self._max_bytes = MAX_ANSWER_BYTES if 200 <= response.status_code < 300 else MAX_REFUSAL_BYTES
        self._arrived = self._size = 0
        self._pieces: list[bytes] = []
        self._gzip = None
        if encoding := content_coding(response):
            if encoding not in GZIP_CODINGS:
                raise NotAHub(f"{host} answered with the content encoding {encoding!r}, which was not requested")
            self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def __bytes__(self) -> bytes:
        """Return the content so far."""
        return b"".join(self._pieces)

    def add(self, chunk: bytes) -> None:
        """Add a chunk. `TimeoutError` after the deadline, `NotAHub` above the maximum size."""
        if self._deadline.is_over:
            raise TimeoutError
        self._arrived += len(chunk)
        for piece in (chunk,) if self._gzip is None else self._decompressed(chunk):
            self._pieces.append(piece)
            self._size += len(piece)
            self._check()
        self._check()

    def _check(self) -> None:
        if max(self._arrived, self._size) > self._max_bytes:
            raise NotAHub(f"{self._host} answered with more than {self._max_bytes >> 20} MiB, which no hub does")

    def _decompressed(self, chunk: bytes) -> Iterator[bytes]:
        gzip = self._gzip
        try:
            while gzip is not None and chunk and not gzip.eof:
                yield gzip.decompress(chunk, CHUNK_BYTES)
                chunk = gzip.unconsumed_tail
        except zlib.error:
            raise NotAHub(f"{self._host} answered with content that is not gzip, contrary to its header") from None


class StreamSize:
    """The size of a progress stream, counted event by event."""

    def __init__(self, response: httpx2.Response, host: str) -> None:
        self._host = host
        self._size = 0
        if encoding := content_coding(response):
            raise NotAHub(
                f"{host} answered with a stream of the content encoding {encoding!r}, which was not requested"
            )

    def add(self, data: str) -> None:
        """Count an event. `NotAHub` above the maximum size."""
        self._size += len(data) + EVENT_OVERHEAD_BYTES
        if self._size > MAX_STREAM_BYTES:
            raise NotAHub(f"{self._host} sent more than {MAX_STREAM_BYTES >> 20} MiB of progress, which no hub does")
