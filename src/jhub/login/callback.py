"""The way through the person's browser and back, to a port of this machine."""

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
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jhub.errors import HubError, InvalidInput, NotAuthorized, WaitTimeout
from jhub.login.peer import is_same_user, is_supported
from jhub.login.prompts import NoCallback, Visit

CALLBACK_TIMEOUT_SECONDS = 300.0
"""Seconds for signing in."""
POLL_SECONDS = 0.2
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>jhub</title>
<style>body{{font:1.1em sans-serif;margin:4em auto;max-width:34em}}</style><h1>{title}</h1><p>{text}</p></html>
"""


NO_CALLBACK_HINT = (
    "where the hub shows an error instead, an administrator lets people in with jhub service create --login-client; "
    "until then use: jhub login --paste"
)


def has_browser(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a browser can be opened where the person sees it."""
    if environ.get("BROWSER"):
        return True
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return False
    if sys.platform.startswith("linux") and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return False  # what there may be is a browser for terminals, which would take this one
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def open_page(url: str) -> None:
    """Open a page in the person's browser, if there is one here."""
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
    """The code that the browser comes back with. `tell` says things to the person; `gone` is set when nobody waits.

    Raises
    ------
    InvalidInput
        The port is taken; `NoCallback` in a server of a hub.
    NotAuthorized
        The hub, or the person, refused.
    WaitTimeout
        Nobody came back for `timeout` seconds.
    """
    if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
        raise NoCallback(
            "this runs in a server of a hub, where no browser comes back to",
            hint="make a token on the hub's token page instead: jhub login --paste",
        )
    callbacks: queue.SimpleQueue[Mapping[str, str]] = queue.SimpleQueue()
    with _listening(question, callbacks) as (port, start), _address(question, start) as address:
        _show_instructions(question, port, tell, address if open_browser else "")
        end = time.monotonic() + timeout
        while time.monotonic() < end and not (stop and stop.is_set()):
            try:
                return _code(callbacks.get(timeout=POLL_SECONDS))
            except queue.Empty:
                continue
    raise WaitTimeout(f"nobody came back from the browser within {timeout / 60:.0f} min", hint=NO_CALLBACK_HINT)


@contextmanager
def _address(question: Visit, start: str) -> Generator[str]:
    """An address to open that leads to the question's own; "" where there is none.

    What a browser is started with can be read by everybody on this machine, and whoever has the state can come back in
    the person's place, signed in as somebody else. So it is a page of the listener that is shown to this user's
    processes only, or, where the system does not tell whose they are, a file that only this user can read.
    """
    if is_supported():
        yield start
        return
    page = (
        '<!doctype html><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0;url={escape(question.url)}">'
    )
    with ExitStack() as stack:
        address = ""
        with suppress(OSError):
            folder = stack.enter_context(TemporaryDirectory(prefix="jhub-sign-in-", ignore_cleanup_errors=True))
            file = Path(folder, "start.html")
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
                opened.write(page)
            address = file.as_uri()
        yield address


def _show_instructions(question: Visit, port: int, tell: Callable[[str], object], address: str) -> None:
    if os.environ.get("SSH_CONNECTION"):
        tell("sign in on this page of the hub, in the browser of the machine that you sit at:")
        tell(question.url)
        tell(f"forward the port there first, in another terminal: ssh -L {port}:127.0.0.1:{port} and this machine")
    else:
        tell("sign in on this page of the hub, in the browser of this machine:")
        tell(question.url)
    if address:
        open_page(address)
    tell("waiting for the browser to come back; Ctrl-C ends that")
    tell(NO_CALLBACK_HINT)


def _code(query: Mapping[str, str]) -> str:
    if "code" in query:
        return query["code"]
    said = " ".join(query.get("error_description", query.get("error", "no code came")).split())[:200]
    raise NotAuthorized(f"sign in by the browser: {said}", hint="sign in again, or use: jhub login --paste")


class _listening:
    """Hears the browser come back on the port of the redirect URI, and nobody else; sends it off from there, too."""

    def __init__(self, question: Visit, callbacks: queue.SimpleQueue[Mapping[str, str]]) -> None:
        back = urlsplit(question.redirect_uri)
        port = back.port or 80
        start = f"/start/{secrets.token_urlsafe(32)}"

        class Back(BaseHTTPRequestHandler):
            timeout = 10  # browsers open connections that they do not use
            server_version = "jhub"
            sys_version = ""

            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(asked.query).items()}
                if secrets.compare_digest(asked.path.encode(), start.encode()):
                    self.start()
                elif asked.path != back.path:
                    self.say(404, "Not here", "Nothing is served at this address.")
                elif not secrets.compare_digest(query.get("state", "").encode(), question.state.encode()):
                    self.say(400, "Not yours", "This is not the way back from the page that jhub opened.")
                else:
                    title = "Back from the hub" if "code" in query else "Not signed in"
                    self.say(200, title, "You can close this window, and go on where jhub runs.")
                    callbacks.put(query)

            def start(self) -> None:
                if is_same_user(self.client_address[:2], self.connection.getsockname()[:2]):
                    self.say(303, "Sign in", "The page to sign in on is the hub's.", Location=question.url)
                else:
                    self.say(
                        403, "Not yours", "This page is for who runs jhub: open the address that jhub has printed."
                    )

            def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
                self.say(code, "Not here", "Nothing is served at this address.")  # its own words repeat the request

            def say(self, status: int, title: str, text: str, **more: str) -> None:
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

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
                pass  # the code stands in it

        try:
            self._server = _Server((str(back.hostname), port), Back)
        except OSError as error:
            raise _port_error(port, error) from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)
        self._found = port, f"http://{back.netloc}{start}"

    def __enter__(self) -> tuple[int, str]:
        self._thread.start()
        return self._found

    def __exit__(self, *exc: object) -> None:
        try:
            self._server.shutdown()
            self._thread.join()
        finally:
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    # Elsewhere than on Windows this means that a port can be used again at once; there, that others may take it over.
    allow_reuse_address = sys.platform != "win32"

    def server_bind(self) -> None:
        if sys.platform == "win32":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        # Not that of HTTPServer, which looks this machine's name up: seconds, where the DNS is far away.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # whoever went away before the answer


def _port_error(port: int, error: OSError) -> HubError:
    return InvalidInput(
        f"cannot listen on port {port} of this machine, where the hub sends the browser back to: {error.strerror}",
        hint="is another jhub login waiting? The hub knows no other port: end what uses it, or use: jhub login --paste",
    )
