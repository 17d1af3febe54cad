"""What takes the place of people's servers: `python -m bench.stub_server`. Answers everything, at once."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.child import announce

VERSION = "6.1.1"
"""A hub looks for its own version in the answer, and warns where there is none."""


class Visit(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("X-JupyterHub-Version", VERSION)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name it has there
        """A line for every request would be noise."""


class StubServer(ThreadingHTTPServer):
    """Listens on loopback, at a port of its own choice."""

    daemon_threads = True


if __name__ == "__main__":
    stub = StubServer(("127.0.0.1", 0), Visit)
    announce(f"http://127.0.0.1:{stub.server_port}")
    stub.serve_forever()
