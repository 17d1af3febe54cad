"""What takes the place of people's servers: `python -m bench.stub_server`. Answers everything, at once.

A hub looks whether a server is there before it calls it ready, with a connection of its own each time. Many start in
the same moment, so many may wait in line to be accepted, and none gets a thread.
"""

from __future__ import annotations

import asyncio
import contextlib

from bench.child import announce

VERSION = "6.1.1"
"""A hub looks for its own version in the answer, and warns where there is none."""
ANSWER = f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-JupyterHub-Version: {VERSION}\r\n\r\n".encode()
BACKLOG = 1024


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, until the other side closes it. Requests have no content."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
    writer.close()


async def main() -> None:
    """Listen on loopback, at a port of its own choice."""
    listener = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=BACKLOG)
    announce(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
