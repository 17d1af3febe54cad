"""A TCP relay with the latency of a network: `python -m bench.relay HOST PORT`.

Every chunk arrives half a round trip after it was sent, in order; the bandwidth is not limited. A new connection costs
one more round trip, like a handshake. Slow start, packet loss and TLS are not simulated.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from bench.child import announce, serving

ROUND_TRIP_SECONDS = 0.050
CHUNK_BYTES = 65536

Chunks = asyncio.Queue[tuple[float, bytes]]


@contextlib.contextmanager
def through_relay(url: str) -> Iterator[str]:
    """Yield the same URL through a relay."""
    at = urlsplit(url)
    with serving("bench.relay", str(at.hostname), str(at.port)) as relay:
        yield f"{relay}{at.path}"


async def relay(host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Relay one connection in both directions, until either end closes it."""
    connected = asyncio.get_running_loop().time() + ROUND_TRIP_SECONDS
    there, to_there = await asyncio.open_connection(host, port)
    await asyncio.gather(carry(reader, to_there, connected), carry(there, writer, connected))


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, not_before: float) -> None:
    """Relay one direction. An empty chunk is the end."""
    chunks: Chunks = asyncio.Queue()
    delivering = asyncio.create_task(deliver(chunks, writer))
    now = asyncio.get_running_loop().time
    chunk = b"-"
    while chunk:
        try:
            chunk = await reader.read(CHUNK_BYTES)
        except ConnectionError:
            chunk = b""
        chunks.put_nowait((max(now(), not_before) + ROUND_TRIP_SECONDS / 2, chunk))
    await delivering


async def deliver(chunks: Chunks, writer: asyncio.StreamWriter) -> None:
    """Write every chunk when it is due."""
    now = asyncio.get_running_loop().time
    with contextlib.suppress(ConnectionError):
        while True:
            due, chunk = await chunks.get()
            await asyncio.sleep(due - now())
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def main(host: str, port: int) -> None:
    """Listen on a free port of loopback."""
    listener = await asyncio.start_server(partial(relay, host, port), "127.0.0.1", 0)
    announce(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
