"""A stub of users' servers: `python -m bench.stub_server`. It answers every request at once.

A hub checks each server with a new connection before it is ready. Many servers start at the same moment, so the backlog
is long, and connections have no threads.
"""

from __future__ import annotations

import asyncio
import contextlib

from bench.child import announce

VERSION = "6.1.1"
"""Version in the answers, without which a hub logs a warning."""
ANSWER = f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-JupyterHub-Version: {VERSION}\r\n\r\n".encode()
BACKLOG = 1024


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection until the client closes it. Requests have no content."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
    writer.close()


async def main() -> None:
    """Listen on a free port of loopback."""
    listener = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=BACKLOG)
    announce(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
