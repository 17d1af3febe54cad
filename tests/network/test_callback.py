"""The browser's redirect: a real callback server on a port of this machine, and the requests that reach it."""

from __future__ import annotations

import logging
import os
import queue
import socket
import stat
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from loopback import MAX_SECONDS, alarm, within

from jhub.errors import HubError, InvalidInput, NotAuthorized, WaitTimeout
from jhub.login.callback import has_browser, visit
from jhub.login.peer import is_same_user
from jhub.login.questions import Visit

STATE = "STATE-that-nobody-guesses"
URL = f"https://hub.example.org/hub/api/oauth2/authorize?state={STATE}"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jhub.login.callback.POLL_SECONDS", 0.02)
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def question(port: int) -> Visit:
    return Visit(URL, f"http://127.0.0.1:{port}/signed-in", STATE)


class Waiting:
    """A `visit` in its own thread."""

    def __init__(self, port: int, timeout: float, stop: threading.Event | None, *, open_browser: bool = False) -> None:
        self.port = port
        self.open_browser = open_browser
        self.told: list[str] = []
        self.code: str | None = None
        self.error: HubError | None = None
        self.up = threading.Event()
        self.thread = threading.Thread(target=self._go, args=(timeout, stop), daemon=True)

    def _go(self, timeout: float, stop: threading.Event | None) -> None:
        try:
            self.code = visit(
                question(self.port), self._tell, open_browser=self.open_browser, timeout=timeout, stop=stop
            )
        except HubError as error:
            self.error = error

    def _tell(self, text: str) -> None:
        self.told.append(text)
        self.up.set()

    def send(self, raw: bytes) -> bytes:
        """Send a raw request, and return the raw answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=MAX_SECONDS) as connection:
            connection.sendall(raw)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def get(self, path: str, method: str = "GET") -> str:
        return self.send(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()).decode()

    def back(self, **query: str) -> str:
        return self.get("/signed-in?" + "&".join(f"{name}={value}" for name, value in query.items()))

    def end(self) -> None:
        self.thread.join(MAX_SECONDS)
        assert not self.thread.is_alive(), "it waits for ever"

    @property
    def waits(self) -> bool:
        return self.thread.is_alive()


@contextmanager
def waiting(timeout: float = MAX_SECONDS, stop: threading.Event | None = None) -> Iterator[Waiting]:
    """Run a `visit`; at the end of the block, end it with a code if it still waits."""
    found = Waiting(free_port(), timeout, stop)
    found.thread.start()
    assert found.up.wait(MAX_SECONDS)
    yield found
    with suppress(OSError):  # the visit has just ended
        found.back(code="LAST", state=STATE)
    found.end()


def is_free(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) != 0


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


def test_a_code_with_the_right_state_is_accepted_and_frees_the_port() -> None:
    with waiting() as wait:
        answer = wait.back(code="CODE", state=STATE)
        wait.end()
    assert wait.code == "CODE"
    assert status(answer) == 200
    assert "You can close this window" in answer
    assert is_free(wait.port)


def test_a_code_is_decoded() -> None:
    with waiting() as wait:
        wait.back(code="a%2Fb%3D%20c", state=STATE)
        wait.end()
    assert wait.code == "a/b= c"


@pytest.mark.parametrize(
    "path",
    [
        "/signed-in?code=EVIL&state=wrong",
        "/signed-in?code=EVIL&state=",
        "/signed-in?code=EVIL",
        "/signed-in",
        "/signed-in?error=access_denied&state=wrong",
        f"/signed-in?code=EVIL&state={STATE}x",
        f"/signed-in?code=EVIL&state={STATE[:-1]}",
        "/signed-in?code=EVIL&state=%FF%FE",
        f"/signed-in?code=EVIL&state=wrong&state={STATE}",
    ],
)
def test_requests_without_the_state_are_refused(path: str) -> None:
    with waiting() as wait:
        assert status(wait.get(path)) == 400
        assert wait.waits
        wait.back(code="CODE", state=STATE)
        wait.end()
    assert wait.code == "CODE"


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/signed-in/", "/signed-in/x", "/../signed-in", "//signed-in/x"])
def test_other_paths_are_404(path: str) -> None:
    with waiting() as wait:
        assert status(wait.get(f"{path}?code=EVIL&state={STATE}")) == 404
        assert wait.waits


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"error": "access_denied", "error_description": "You%20may%0Anot"}, "You may not"),
        ({"error": "access_denied"}, "access_denied"),
        ({"code": ""}, "the redirect has no code"),
        ({}, "the redirect has no code"),
        ({"error_description": "x" * 5000}, "x" * 200),
    ],
)
def test_a_refusal_shows_the_hubs_message_on_one_line(query: dict[str, str], said: str) -> None:
    with waiting() as wait:
        answer = wait.back(**query, state=STATE)
        wait.end()
    assert isinstance(wait.error, NotAuthorized)
    assert str(wait.error) == f"sign in with the browser: {said}"
    assert "Not signed in" in answer
    assert "--paste" in wait.error.hint


@pytest.mark.parametrize("state", [STATE, "wrong"])
def test_answers_do_not_repeat_the_request(state: str) -> None:
    evil = "%3Cscript%3Ealert(1)%3C/script%3E"
    with waiting() as wait:
        for path in (f"/signed-in?error={evil}&error_description={evil}&state={state}", f"/{evil}", "/<script>"):
            answer = wait.get(path)
            assert "script" not in answer.lower()
            assert "alert" not in answer
            if state == STATE:
                break
        assert STATE not in answer


@pytest.mark.parametrize("path", ["/signed-in?code=CODE&state=" + STATE, "/signed-in?code=x", "/elsewhere"])
def test_answers_have_headers_against_caching_and_scripts(path: str) -> None:
    with waiting() as wait:
        head = wait.get(path).partition("\r\n\r\n")[0].lower().split("\r\n")
    assert "content-security-policy: default-src 'none'; style-src 'unsafe-inline'" in head
    assert "referrer-policy: no-referrer" in head
    assert "cache-control: no-store" in head
    assert "connection: close" in head
    assert "server: jhub" in [line.strip() for line in head]
    assert not [line for line in head if line.startswith("access-control")]


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "HEAD", "DELETE", "<script>"])
def test_other_http_methods_are_refused(method: str) -> None:
    with waiting() as wait:
        answer = wait.get(f"/signed-in?code=EVIL&state={STATE}", method)
        head, _, body = answer.partition("\r\n\r\n")
        assert status(head) == 501
        assert "Content-Security-Policy" in head
        assert "script" not in body
        assert (body == "") == (method == "HEAD")
        assert wait.waits


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"\0\xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /signed-in?code=EVIL HTTP/9.9\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET //[ HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"<script>alert(1)</script> / HTTP/1.1\r\n\r\n",
    ],
)
def test_malformed_requests_are_ignored_and_not_repeated(raw: bytes) -> None:
    with waiting() as wait:
        try:
            answer = wait.send(raw)
        except ConnectionError:
            answer = b""  # the server resets a connection with unread data
        assert b"script" not in answer
        assert b"EVIL" not in answer
        assert wait.waits
        wait.back(code="CODE", state=STATE)
        wait.end()
    assert wait.code == "CODE"


def test_idle_connections_do_not_block_the_server() -> None:
    """Browsers preconnect."""
    began = time.monotonic()
    with waiting() as wait:
        idle = [socket.create_connection(("127.0.0.1", wait.port)) for _ in range(4)]
        idle[0].sendall(b"GET /signed-in?code=EV")
        assert status(wait.back(code="CODE", state=STATE)) == 200
        wait.end()
    for each in idle:
        each.close()
    assert wait.code == "CODE"
    assert time.monotonic() - began < 9, "they are dropped after 10 s"


def test_only_the_first_redirect_counts() -> None:
    with waiting() as wait:
        wait.back(code="FIRST", state=STATE)
        wait.end()
    assert wait.code == "FIRST"


def test_a_port_in_use_is_an_error_before_the_browser_opens() -> None:
    told: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(InvalidInput, match=f"cannot listen on port {port}") as caught:
            visit(question(port), told.append, open_browser=True, timeout=2 * MAX_SECONDS)
        assert time.monotonic() - began < MAX_SECONDS
    assert told == []
    assert "--paste" in caught.value.hint


def test_two_sign_ins_cannot_share_the_port() -> None:
    with waiting() as wait:
        with pytest.raises(InvalidInput, match="cannot listen"):
            visit(question(wait.port), lambda text: None, open_browser=False, timeout=60)
        assert wait.waits


def test_the_port_can_be_reused_at_once() -> None:
    port = free_port()
    for _ in range(3):
        wait = Waiting(port, MAX_SECONDS, None)
        wait.thread.start()
        assert wait.up.wait(MAX_SECONDS)
        wait.back(code="CODE", state=STATE)
        wait.end()
        assert wait.code == "CODE"


def test_the_wait_times_out() -> None:
    with waiting(timeout=0.1) as wait:
        wait.end()
    assert isinstance(wait.error, WaitTimeout)
    assert "--paste" in wait.error.hint
    assert is_free(wait.port)


def test_the_stop_event_ends_the_wait_and_frees_the_port() -> None:
    stop = threading.Event()
    with waiting(timeout=2 * MAX_SECONDS, stop=stop) as wait:
        began = time.monotonic()
        stop.set()
        wait.end()
        assert time.monotonic() - began < MAX_SECONDS
    assert isinstance(wait.error, WaitTimeout)
    assert is_free(wait.port)


def test_ctrl_c_while_waiting_frees_the_port() -> None:
    port = free_port()
    with pytest.raises(KeyboardInterrupt), alarm(0.1):
        visit(question(port), lambda text: None, open_browser=False, timeout=60)
    assert is_free(port)


def test_ctrl_c_before_the_wait_frees_the_port() -> None:
    def tell(text: str) -> None:
        raise KeyboardInterrupt

    port = free_port()
    with pytest.raises(KeyboardInterrupt):
        visit(question(port), tell, open_browser=False, timeout=60)
    assert is_free(port)


def test_the_server_listens_on_the_loopback_address_only() -> None:
    with waiting() as wait, socket.socket() as other:
        # Another address of this machine: a server on all addresses would occupy the port there too.
        other.bind(("127.0.0.2", wait.port))


def test_the_code_is_neither_printed_nor_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with waiting() as wait:
        wait.back(code="TOPSECRET", state="wrong")
        wait.get("/other?code=TOPSECRET", "POST")
        wait.back(code="TOPSECRET", state=STATE)
        wait.end()
    captured = capfd.readouterr()
    assert "TOPSECRET" not in f"{captured.out}{captured.err}{caplog.text}{wait.told}"
    assert (captured.out, captured.err) == ("", "")


def test_the_address_and_the_way_to_stop_are_printed() -> None:
    with waiting() as wait:
        pass
    assert URL in wait.told
    assert "Ctrl-C" in wait.told[-2]
    assert "jhub service create --login-client" in wait.told[-1]


def test_over_ssh_the_port_forwarding_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22")
    with waiting() as wait:
        pass
    assert f"ssh -L {wait.port}:127.0.0.1:{wait.port} HOST" in " ".join(wait.told)


@pytest.mark.parametrize(
    ("environ", "here"),
    [
        ({}, False),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "x"}, False),
        ({"DISPLAY": ":0", "SSH_TTY": "/dev/pts/0"}, False),
        ({"BROWSER": "helper", "SSH_CONNECTION": "x"}, True),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
    ],
)
def test_a_browser_opens_only_on_the_users_screen(
    environ: dict[str, str], here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("true"))
    assert has_browser(environ) is here


def test_a_machine_without_a_browser_opens_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert not has_browser({"DISPLAY": ":0"})


@pytest.mark.parametrize("wanted", [True, False])
def test_the_browser_opens_once_the_server_listens(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, bool]] = []
    port = free_port()

    def open_page(url: str) -> bool:
        opened.append((url, is_free(port)))
        return False

    monkeypatch.setenv("BROWSER", "helper")
    monkeypatch.setattr(webbrowser, "open", open_page)
    with pytest.raises(WaitTimeout):
        within(lambda: visit(question(port), lambda text: None, open_browser=wanted, timeout=0.05))
    assert [free for _, free in opened] == ([False] if wanted else [])


# All users of this machine can read the command line of a browser.

FETCH = """
import os, socket, sys
if int(sys.argv[3]) != os.getuid():  # here, because another user may not run this Python
    os.setuid(int(sys.argv[3]))
with socket.socket() as connection:
    connection.connect(("127.0.0.1", int(sys.argv[1])))
    connection.sendall(f"GET {sys.argv[2]} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n".encode())
    while part := connection.recv(65536):
        sys.stdout.buffer.write(part)
"""
NOBODY = 65534


@contextmanager
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Waiting, str]]:
    """Run a `visit` that opens a browser; yield it and the address that it opened."""
    addresses: queue.SimpleQueue[str] = queue.SimpleQueue()
    monkeypatch.setenv("BROWSER", "helper")
    monkeypatch.setattr(webbrowser, "open", addresses.put)
    found = Waiting(free_port(), MAX_SECONDS, None, open_browser=True)
    found.thread.start()
    yield found, addresses.get(timeout=MAX_SECONDS)
    with suppress(OSError):
        found.back(code="LAST", state=STATE)
    found.end()


def fetched(address: str, user: int) -> str:
    """Return the answer to a process of this user at an address."""
    where = urlsplit(address)
    run = [sys.executable, "-I", "-S", "-c", FETCH, str(where.port), where.path, str(user)]
    return subprocess.run(run, capture_output=True, text=True, check=True, cwd="/").stdout


linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the user of a connection")
by_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


@linux
def test_the_start_page_redirects_and_its_address_has_no_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with opened(monkeypatch) as (wait, address):
        assert STATE not in address
        assert address.startswith(f"http://127.0.0.1:{wait.port}/start/")
        answer = fetched(address, os.geteuid())
        assert status(answer) == 303
        assert f"\nLocation: {URL}\n" in answer
        assert "\nReferrer-Policy: no-referrer\n" in answer
        assert "\nCache-Control: no-store\n" in answer
        assert status(wait.back(code="CODE", state=STATE)) == 200
        wait.end()
    assert wait.code == "CODE"


@linux
def test_each_visit_has_its_own_start_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = set[str]()
    for _ in range(3):
        with opened(monkeypatch) as (wait, address):
            pages.add(address.partition("/start/")[2])
            assert status(wait.get("/start/")) == 404
            assert status(wait.get(f"/start/{'x' * 43}")) == 404
    assert len(pages) == 3
    assert {len(page) for page in pages} == {43}


@linux
@by_root
def test_another_user_of_the_machine_does_not_get_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(monkeypatch) as (wait, address):
        answer = fetched(address, NOBODY)
        assert status(answer) == 403
        assert STATE not in answer
        assert "open the address that jhub has printed" in answer
        assert wait.waits
        assert status(fetched(address, os.geteuid())) == 303, "and the person still does"


@linux
def test_the_user_of_an_open_connection_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            ours, theirs = server.accept()
            assert is_same_user(theirs, ours.getsockname())
            assert not is_same_user((theirs[0], theirs[1] ^ 1), ours.getsockname())
        # The system lists a closed connection as root's.
        assert not is_same_user(theirs, ours.getsockname())
        ours.close()


@linux
@pytest.mark.skipif(not Path("/proc/net/tcp6").exists(), reason="this machine has no IPv6")
def test_the_user_of_a_dual_stack_socket_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        ours, theirs = server.accept()
        assert is_same_user(theirs, ours.getsockname())
        ours.close()


def test_without_connection_tables_the_start_page_is_a_private_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("jhub.login.peer.TCP_TABLES", (tmp_path / "none",))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with opened(monkeypatch) as (wait, address):
        assert STATE not in address
        file = Path(url2pathname(urlsplit(address).path))
        assert file.parent.parent == tmp_path
        assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
        assert f'content="0;url={URL}"' in file.read_text()
        wait.back(code="CODE", state=STATE)
        wait.end()
    assert wait.code == "CODE"
    assert list(tmp_path.iterdir()) == []


def test_without_a_writable_folder_the_address_is_only_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("jhub.login.peer.TCP_TABLES", (tmp_path / "none",))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    monkeypatch.setenv("BROWSER", "helper")
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail(f"{url} was opened"))
    told: list[str] = []
    with pytest.raises(WaitTimeout):
        within(lambda: visit(question(free_port()), told.append, timeout=0.05))
    assert URL in told
