"""Sign-in in the user's browser: opens the hub's page, and receives the redirect on a port of this machine."""

from __future__ import annotations

import os
import queue
import secrets
import socket
import socketserver
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from jhub.errors import HubError, InvalidInput, NotAuthorized, WaitTimeout
from jhub.login.peer import is_same_user, is_supported
from jhub.login.questions import NoCallback, Visit

CALLBACK_TIMEOUT_SECONDS = 300.0
"""Maximum time for signing in in the browser."""
POLL_SECONDS = 0.2
"""Interval at which a wait checks whether it should stop."""
IDLE_SECONDS = 10
"""Time after which an unused connection is closed; browsers open some that they do not use."""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>jhub</title>
<style>body{{font:1.1em sans-serif;margin:4em auto;max-width:34em}}</style><h1>{title}</h1><p>{text}</p></html>
"""
NO_CALLBACK_HINT = (
    "if the hub shows an error page, an administrator must allow this with jhub service create --login-client; "
    "until then use: jhub login --paste"
)


def has_browser(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a browser can be opened on the user's screen."""
    if environ.get("BROWSER"):
        return True
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return False
    if sys.platform.startswith("linux") and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return False  # any browser here is one for terminals, and would occupy this terminal
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def open_page(url: str) -> None:
    """Open a page in the user's browser, if there is one on this machine."""
    if has_browser():
        webbrowser.open(url)


def visit(
    question: Visit,
    tell: Callable[[str], object],
    *,
    open_browser: bool = True,
    timeout: float = CALLBACK_TIMEOUT_SECONDS,
    stop: threading.Event | None = None,
) -> str:
    """Return the code in the browser's redirect.

    Parameters
    ----------
    question
        The page to open, and the address of the redirect.
    tell
        Shows a line to the user.
    open_browser
        Open the page in the user's browser. Without it only the address is shown.
    timeout
        Seconds to wait for the redirect.
    stop
        An event that ends the wait early.

    Raises
    ------
    InvalidInput
        The port is in use; `NoCallback` inside a server of a hub.
    NotAuthorized
        The hub, or the user, refused.
    WaitTimeout
        No redirect arrived within `timeout` seconds.
    """
    if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
        raise NoCallback(
            "cannot receive the browser's redirect inside a JupyterHub server",
            hint="create a token on the hub's token page instead: jhub login --paste",
        )
    queries: queue.SimpleQueue[Mapping[str, str]] = queue.SimpleQueue()
    with CallbackServer(question, queries) as server, _start_address(question, server.start_url) as address:
        _show_instructions(question, server.port, tell, address if open_browser else "")
        end = time.monotonic() + timeout
        while time.monotonic() < end and not (stop and stop.is_set()):
            try:
                return _code(queries.get(timeout=POLL_SECONDS))
            except queue.Empty:
                continue
    raise WaitTimeout(f"timed out after {timeout / 60:.0f} min waiting for the browser", hint=NO_CALLBACK_HINT)


@contextmanager
def _start_address(question: Visit, start_url: str) -> Generator[str]:
    """Yield an address to open that leads to the question's own; "" if there is none.

    All users of this machine can read the command line of a browser. With the state, another user could send a code of
    their own, so that the user is signed in as somebody else. So the address is a page of the callback server, which
    redirects only this user's processes; on systems that do not list the users of connections it is a file that only
    this user can read.
    """
    if is_supported():
        yield start_url
        return
    page = (
        '<!doctype html><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0;url={escape(question.url)}">'
    )
    with ExitStack() as stack:
        address = ""
        with suppress(OSError):
            folder = stack.enter_context(TemporaryDirectory(prefix="jhub-sign-in-", ignore_cleanup_errors=True))
            path = Path(folder, "start.html")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(page)
            address = path.as_uri()
        yield address


def _show_instructions(question: Visit, port: int, tell: Callable[[str], object], address: str) -> None:
    if os.environ.get("SSH_CONNECTION"):
        tell("open this page in a browser on your own machine, and sign in:")
        tell(question.url)
        tell(f"forward the port first, in another terminal on your machine: ssh -L {port}:127.0.0.1:{port} HOST")
    else:
        tell("open this page in a browser on this machine, and sign in:")
        tell(question.url)
    if address:
        open_page(address)
    tell("waiting for the browser; press Ctrl-C to stop")
    tell(NO_CALLBACK_HINT)


def _code(query: Mapping[str, str]) -> str:
    if "code" in query:
        return query["code"]
    reason = " ".join(query.get("error_description", query.get("error", "the redirect has no code")).split())[:200]
    raise NotAuthorized(f"sign in with the browser: {reason}", hint="sign in again, or use: jhub login --paste")


class CallbackServer(ThreadingHTTPServer):
    """A server on the port of the redirect URI, which receives the browser's redirect and nothing else.

    Its start page redirects the browser to the hub. It serves while its `with` block runs.
    """

    daemon_threads = True
    request_queue_size = 64
    # On Windows this would let other processes take the port over; elsewhere it only allows reusing the port at once.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, question: Visit, queries: queue.SimpleQueue[Mapping[str, str]]) -> None:
        redirect = urlsplit(question.redirect_uri)
        self.port = redirect.port or 80
        start_path = f"/start/{secrets.token_urlsafe(32)}"
        self.start_url = f"http://{redirect.netloc}{start_path}"
        handler = partial(_CallbackHandler, question, start_path, queries)
        try:
            super().__init__((str(redirect.hostname), self.port), handler)
        except OSError as error:
            raise _port_error(self.port, error) from None
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL_SECONDS,), daemon=True)

    def __enter__(self) -> Self:
        """Start to serve, in a thread."""
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop the thread, and free the port."""
        try:
            self.shutdown()
            self._thread.join()
        finally:
            self.server_close()

    def server_bind(self) -> None:
        """Bind the port, on Windows for this process alone."""
        if sys.platform == "win32":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        # Not HTTPServer's method: it looks up this machine's name, which takes seconds with a slow DNS.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that closed the connection before the answer."""


class _CallbackHandler(BaseHTTPRequestHandler):
    """The answer to one request: the start page, the redirect, or an error."""

    timeout = IDLE_SECONDS
    server_version = "jhub"
    sys_version = ""

    def __init__(
        self, question: Visit, start_path: str, queries: queue.SimpleQueue[Mapping[str, str]], *connection: Any
    ) -> None:
        self._question = question
        self._start_path = start_path
        self._queries = queries
        super().__init__(*connection)  # handles the request

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if secrets.compare_digest(url.path.encode(), self._start_path.encode()):
            self._redirect_to_hub()
        elif url.path != urlsplit(self._question.redirect_uri).path:
            self._respond(404, "Not found", "Nothing is served at this address.")
        elif not secrets.compare_digest(query.get("state", "").encode(), self._question.state.encode()):
            self._respond(400, "Invalid request", "This request does not belong to the sign-in that jhub started.")
        else:
            title = "Back from the hub" if "code" in query else "Not signed in"
            self._respond(200, title, "You can close this window and return to jhub.")
            self._queries.put(query)

    def _redirect_to_hub(self) -> None:
        if is_same_user(self.client_address[:2], self.connection.getsockname()[:2]):
            self._respond(303, "Sign in", "Sign in on the hub's page.", Location=self._question.url)
        else:
            self._respond(
                403, "Not allowed", "This page is for the user who runs jhub: open the address that jhub has printed."
            )

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        # The base class would repeat the request in its answer.
        self._respond(code, "Not found", "Nothing is served at this address.")

    def _respond(self, status: int, title: str, text: str, **more: str) -> None:
        content = PAGE.format(title=escape(title), text=escape(text)).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Connection": "close",
            **more,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass  # the request line holds the code


def _port_error(port: int, error: OSError) -> HubError:
    return InvalidInput(
        f"cannot listen on port {port} of this machine, to which the hub redirects the browser: {error.strerror}",
        hint="another jhub login may be using the port, which is fixed; stop it, or use: jhub login --paste",
    )
