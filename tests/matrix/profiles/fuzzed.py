"""Check of a hub's response to any request for a start.

The hub may refuse with a 4xx, and then saves nothing of the request; or start what the owner may start, with exactly
the settings of the file. It counts no failed start, because it would shut down after three of them.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import msgspec
import requests

from matrix import launch
from matrix.profiles.hostile import (
    FORM,
    FUZZED,
    MEMBER,
    OPEN_TO,
    OTHER,
    PAGES,
    PROFILES,
    REST,
    SERVER,
    UNLISTED_SUFFIX,
    Sent,
)
from matrix.profiles.hubs import LISTED, MEMBERS, ProfileHub

SECONDS = 120
"""Maximum time for a response on a slow machine; a hub that takes longer is blocked."""


class Fault(AssertionError):
    """An error of the hub."""


@dataclass
class Fuzzed:
    """A hub, and counts of the requests and their responses."""

    hub: ProfileHub
    figures: Counter[str] = field(default_factory=Counter[str])
    browsers: dict[str, requests.Session] = field(default_factory=dict[str, requests.Session])
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    base: dict[str, Any] = field(default_factory=dict[str, Any])
    pid: int = 0
    read: int = 0

    def __post_init__(self) -> None:
        for owner, groups in ((OTHER, ()), (MEMBER, (MEMBERS,)), (LISTED, ())):
            self.hub.user(owner, *groups)
            self.tokens[owner] = self.hub.token(owner)
            self.browsers[owner] = self.hub.signed_in(owner)
            # From here on, its XSRF cookie is that of a signed-in user.
            self.browsers[owner].get(f"{self.hub.url}/home", timeout=SECONDS)
        self.pid = self.hub.api("GET", "/failures").json()["pid"]
        self.hub.start(OTHER, SERVER, profile="free")
        self.hub.ready(OTHER, SERVER)
        self.base = self.started()[-1]["settings"]
        self.clear(OTHER, SERVER)

    # sending

    def send(self, sent: Sent) -> requests.Response:
        """Send a request."""
        self.figures["requests"] += 1
        if sent.interface in REST:
            return self.rest(sent.interface, sent.owner, sent.server, sent.text(edits=self.hub.edits))
        page = f"{self.hub.url}/spawn/{sent.owner}/{escaped(sent.server)}".rstrip("/")
        browser = self.browsers[sent.owner]
        opt = "opt-" if self.hub.edits and sent.interface == "query" else ""
        raw = "&".join(f"{opt}{escaped(key)}={escaped(text)}" for key, text in sent.form)
        if sent.interface == "query":
            return browser.get(f"{page}?{raw}", allow_redirects=False, timeout=SECONDS)
        xsrf = browser.cookies.get("_xsrf", path=f"{self.hub.settings.base_url}hub/")
        if sent.interface == "form":
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            data = f"_xsrf={escaped(str(xsrf))}&{raw}".encode()
        else:
            headers = {"Content-Type": "multipart/form-data; boundary=xxBOUNDARYxx"}
            data = multipart([("_xsrf", str(xsrf)), *sent.form])
        return browser.post(page, data=data, headers=headers, allow_redirects=False, timeout=SECONDS)

    def rest(self, method: str, owner: str, server: str, body: str) -> requests.Response:
        """Send a REST call with exactly this body."""
        return self.hub.operator.request(
            method,
            f"{self.hub.url}/api{path_of(owner, server)}",
            data=body.encode("utf-8", "surrogatepass"),
            headers={"Authorization": f"token {self.tokens[owner]}", "Content-Type": "application/json"},
            timeout=SECONDS,
        )

    # looking

    def started(self) -> list[dict[str, Any]]:
        """Return the starts since the last call."""
        with (self.hub.place / "starts").open() as file:
            file.seek(self.read)
            lines = file.readlines()
            self.read = file.tell()
        return [json.loads(line) for line in lines]

    def rows(self, owner: str) -> dict[str, Any]:
        """Return the saved state of those of an owner's servers that have options."""
        answer = self.hub.api("GET", f"/users/{owner}?include_stopped_servers=1")
        if answer.status_code != 200:
            raise Fault(f"the owner's model cannot be had: {answer.status_code}")
        try:
            # Strict JSON has no NaN, but Python's json module accepts it.
            found: dict[str, Any] = msgspec.json.decode(answer.content)["servers"]
        except msgspec.DecodeError as error:
            raise Fault(f"the owner's model is not JSON: {error}") from None
        return {
            name: (model["user_options"], model["ready"], model["pending"])
            for name, model in found.items()
            if model["user_options"]
        }

    def stop(self, owner: str, server: str, *, remove: bool = False) -> None:
        """Stop a server."""
        answer = self.hub.api("DELETE", path_of(owner, server), json={"remove": remove})
        if answer.status_code not in (202, 204, 404):
            raise Fault(f"the server cannot be stopped: {answer.status_code}")

    def clear(self, owner: str, server: str) -> None:
        """Remove a server, or only its options if it is the default server."""
        self.stop(owner, server, remove=bool(server))
        if not server:
            self.rest("PATCH", owner, server, '{"user_options": {"profile": "free"}}')

    def check_health(self) -> None:
        """Check that the hub runs, and has counted no failed start."""
        answer = self.hub.api("GET", "/failures").json()
        if answer["failures"]:
            raise Fault("a failed start was counted")
        if answer["pid"] != self.pid:
            raise Fault("the hub is another process")

    @staticmethod
    def wait(done: Callable[[], bool]) -> None:
        """Poll until a condition is met."""
        deadline = time.monotonic() + SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise Fault(f"not so after {SECONDS} s")
            time.sleep(0.05)

    # judging

    def check_file(self, profiles: str) -> None:
        """Change the file of profiles, start from each available one, and restore `FUZZED.profiles`."""
        self.figures["files"] += 1
        try:
            if not self.reload(profiles):
                self.figures["files refused"] += 1
                return
            for slug in self.hub.listed(OTHER):
                answer = self.rest("POST", OTHER, SERVER, json.dumps(self.hub.body({"profile": slug})))
                self.figures[f"POST {answer.status_code}"] += 1
                if answer.status_code >= 500:
                    raise Fault(f"{answer.status_code}: {said(answer)}")
                self.check_health()
                self.clear(OTHER, SERVER)
        finally:
            self.hub.api("DELETE", "/failures")
            self.clear(OTHER, SERVER)
            self.reload(FUZZED.profiles)
            self.started()

    def reload(self, profiles: str) -> bool:
        """Change the file, and return whether the hub accepts it."""
        log = launch.log_of(self.hub.place)
        size = log.stat().st_size
        self.hub.write(profiles)
        said: list[str] = []

        def logged() -> bool:
            with log.open(errors="replace") as file:
                file.seek(size)
                text = file.read()
            said[:] = [words for words in ("Profiles reloaded", "keeping the previous profiles") if words in text]
            return bool(said)

        self.wait(logged)
        return said == ["Profiles reloaded"]

    def check_end(self) -> None:
        """Check that the hub has survived all requests, and starts servers."""
        # A hub at its failure limit shuts down two seconds later.
        time.sleep(2.5)
        self.check_health()
        assert self.hub.process.poll() is None
        log = self.hub.log()
        assert not re.search("Aborting due to|consecutive spawns failed", log)
        owner = self.hub.user("last")
        assert self.hub.start(owner, SERVER, profile="wide").status_code == 201
        print(
            f"hub {self.pid}: {self.figures.pop('examples')} examples, {dict(sorted(self.figures.items()))}, 0 restarts"
        )

    def check(self, sent: Sent) -> None:
        """Send a request, check the hub's response, and clean up."""
        self.figures["examples"] += 1
        try:
            self.send_and_start(sent)
            self.check_health()
            self.stop(sent.owner, sent.server)
            # The model of a stopped server has the saved options, not those of the start.
            self.rows(sent.owner)
        except Exception:
            with suppress(Fault, requests.RequestException):
                self.clear(sent.owner, sent.server)
                self.hub.api("DELETE", "/failures")
            raise
        self.clear(sent.owner, sent.server)

    def check_started(self, sent: Sent) -> None:
        """Check that a request starts a server, if the hub has that interface."""
        before = self.figures["starts"]
        self.check(sent)
        expected = self.hub.edits or sent.interface not in ("PUT", "PATCH")
        assert self.figures["starts"] - before == int(expected)

    def send_and_start(self, sent: Sent) -> None:
        """Send a request, and start a server from the options that it has saved."""
        if sent.interface == "PATCH":
            self.rest("PUT", sent.owner, SERVER, "")
        before = self.rows(sent.owner)
        answer = self.send(sent)
        self.check_answer(sent, answer, before)
        if sent.interface in ("PUT", "PATCH") and answer.ok:
            self.figures["requests"] += 1
            saved = self.rows(sent.owner)
            later = self.rest("POST", sent.owner, sent.server, "")
            self.check_answer(replace(sent, interface="POST"), later, saved)

    def check_answer(self, sent: Sent, answer: requests.Response, before: dict[str, Any]) -> None:
        """Raise Fault for a response that is not allowed."""
        status = answer.status_code
        self.figures[f"{sent.interface} {status}"] += 1
        if status >= 500:
            raise Fault(f"{status} by {sent.interface}: {said(answer)}")
        if sent.interface in PAGES and status < 400:
            # Pages wait up to a second for a start.
            self.wait(lambda: not any(model["pending"] for model in self.hub.servers(sent.owner).values()))
        starts = self.started()
        # JupyterHub 5.3 shows its form again, with the reason, and status 200.
        if status >= 400 or (status == 200 and sent.interface in PAGES):
            if starts:
                raise Fault(f"started, and answered {status}")
            after = self.rows(sent.owner)
            if after != before:
                raise Fault(f"{status} by {sent.interface}, and something was saved: {before} {after}")
            return
        if sent.interface in ("PUT", "PATCH"):
            if starts:
                raise Fault("an edit has started a server")
            return
        self.figures["starts"] += len(starts)
        self.rows(sent.owner)
        if len(starts) != 1:
            raise Fault(f"{len(starts)} starts, and {status} by {sent.interface}: {said(answer)}")
        (started,) = starts
        if (started["user"], started["server"]) != (sent.owner, sent.server):
            raise Fault("the server of somebody else has started")
        check(sent, started, self.base, self.hub.edits)


def check(sent: Sent, started: dict[str, Any], base: Mapping[str, Any], edits: bool) -> None:
    """Raise Fault unless the started server is the owner's, has the options that were sent, and the file's settings."""
    options = started["options"]
    slug = options["profile"]
    if slug not in OPEN_TO[sent.owner]:
        raise Fault(f"{sent.owner} has started {slug}")
    profile = PROFILES[slug]
    requested = options_sent(sent, edits)
    named = single(requested.get("profile"))
    if named and named != slug:
        raise Fault(f"{named!r} was sent, and {slug} started")
    settings, environment = dict(base), {"JHUB_PROFILE": slug}
    for key, option in profile.get("profile_options", {}).items():
        chosen = [(key + end, options[key + end]) for end in ("", UNLISTED_SUFFIX) if key + end in options]
        [(name, text)] = chosen
        if name == key:
            override = option["choices"][text].get("spawner_override", {})
        else:
            unlisted = option["unlisted_choice"]
            if not re.fullmatch(unlisted["validation_regex"] or "(?s).*", text):
                raise Fault(f"{text!r} does not match {unlisted['validation_regex']}")
            override = filled(unlisted["spawner_override"], text)
        for alias in (name, f"{FORM}{slug}-{name}", f"{FORM}{slug}--{name}"):
            value = single(requested.get(alias))
            if value not in (None, "", text):
                raise Fault(f"{value!r} was sent for {alias}, and {text!r} started")
        environment |= override.pop("environment", {})
        settings |= override
    for name in ("mem_limit", "mem_guarantee"):
        if isinstance(settings[name], str):
            settings[name] = size(settings[name])
    if settings != started["settings"]:
        different = {
            name: (started["settings"][name], value)
            for name, value in settings.items()
            if started["settings"][name] != value
        }
        raise Fault(f"settings are not those of the file: {different}")
    found = {
        name: value
        for name, value in started["environment"].items()
        if name not in ("JHUB_LOCAL_INSTANCE", "JHUB_HOOK")
    }
    if found != environment:
        raise Fault(f"the environment is not that of the file: {found}, {environment}")


def options_sent(sent: Sent, edits: bool) -> dict[str, Any]:
    """Return the user options that were sent, decoded without the extension."""
    if sent.interface in PAGES:
        found: dict[str, Any] = {}
        for key, text in sent.form:
            found.setdefault(key, []).append(text)
        return found
    body = json.loads(
        sent.text(edits=edits).encode("utf-8", "surrogatepass").decode("utf-8", "replace").strip() or "null"
    )
    if edits and isinstance(body, dict) and ("user_options" in body or "display_name" in body):
        body = body.get("user_options")
    return body or {}


def single(value: Any) -> Any:
    """Return the value of a form's field: these are lists of one item."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def filled(template: Any, text: str) -> Any:
    """Return a template with the text in place of `{value}`."""
    if isinstance(template, dict):
        return {filled(key, text): filled(value, text) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(item, text) for item in template]
    return template.replace("{value}", text) if isinstance(template, str) else template


def size(text: str) -> int:
    """Return a number of bytes."""
    return int(float(text[:-1]) * 1024 ** (1 + "KMGT".index(text[-1])))


def path_of(owner: str, server: str) -> str:
    """Return the path of a server in the REST API."""
    return f"/users/{owner}/servers/{escaped(server)}" if server else f"/users/{owner}/server"


def escaped(text: str) -> str:
    """Return a text as it is written in a query."""
    # Dots too, because clients and proxies resolve two of them.
    return quote(text.encode("utf-8", "surrogatepass"), safe="").replace(".", "%2E")


def multipart(form: list[tuple[str, str]]) -> bytes:
    """Return a multipart form; fields whose names end in `_file` are files."""
    parts = []
    for key, text in form:
        name = re.sub(r"[\x00-\x1f\"\\]", "_", key)
        file = '; filename="x"' if name.endswith("_file") else ""
        head = f'--xxBOUNDARYxx\r\nContent-Disposition: form-data; name="{name.removesuffix("_file")}"{file}\r\n\r\n'
        parts.append(f"{head}{text}\r\n".encode("utf-8", "surrogatepass"))
    return b"".join([*parts, b"--xxBOUNDARYxx--\r\n"])


def said(answer: requests.Response) -> str:
    """Return the message of a refusal."""
    try:
        return str(answer.json()["message"])[:200]
    except ValueError:
        found = re.search(r'<p[^>]*class="(?:lead|text-danger|spawn-error-msg)"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
        return found.group(1).strip()[:200] if found else answer.text[:200]
