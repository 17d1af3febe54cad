"""What a hub may do with a request for a start, whatever is in it.

It may refuse with a 4xx, and then nothing is left of the request; or start what the owner may start, with the settings
of the file and no others. It counts no failed start, for after three of them it would end.
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
    UNLISTED,
    Sent,
)
from matrix.profiles.hubs import LISTED, MEMBERS, ProfileHub

SECONDS = 120
"""For an answer, on a slow machine; the hub stands still where it takes that long."""


class Fault(AssertionError):
    """What a hub must not do."""


@dataclass
class Fuzzed:
    """A hub, and the figures of what it was sent."""

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
            # Its cookie against cross-site requests is one for signed-in users from here on.
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
        if sent.way in REST:
            return self.rest(sent.way, sent.owner, sent.server, sent.text(edits=self.hub.edits))
        page = f"{self.hub.url}/spawn/{sent.owner}/{escaped(sent.server)}".rstrip("/")
        browser = self.browsers[sent.owner]
        opt = "opt-" if self.hub.edits and sent.way == "query" else ""
        raw = "&".join(f"{opt}{escaped(key)}={escaped(text)}" for key, text in sent.form)
        if sent.way == "query":
            return browser.get(f"{page}?{raw}", allow_redirects=False, timeout=SECONDS)
        xsrf = browser.cookies.get("_xsrf", path=f"{self.hub.settings.base_url}hub/")
        if sent.way == "form":
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            data = f"_xsrf={escaped(str(xsrf))}&{raw}".encode()
        else:
            headers = {"Content-Type": "multipart/form-data; boundary=xxBOUNDARYxx"}
            data = multipart([("_xsrf", str(xsrf)), *sent.form])
        return browser.post(page, data=data, headers=headers, allow_redirects=False, timeout=SECONDS)

    def rest(self, method: str, owner: str, server: str, body: str) -> requests.Response:
        """A REST call with a body as it is."""
        return self.hub.operator.request(
            method,
            f"{self.hub.url}/api{path_of(owner, server)}",
            data=body.encode("utf-8", "surrogatepass"),
            headers={"Authorization": f"token {self.tokens[owner]}", "Content-Type": "application/json"},
            timeout=SECONDS,
        )

    # looking

    def started(self) -> list[dict[str, Any]]:
        """The starts since the last look."""
        with (self.hub.place / "starts").open() as file:
            file.seek(self.read)
            lines = file.readlines()
            self.read = file.tell()
        return [json.loads(line) for line in lines]

    def rows(self, owner: str) -> dict[str, Any]:
        """What the hub has saved of an owner's servers, where there are options."""
        answer = self.hub.api("GET", f"/users/{owner}?include_stopped_servers=1")
        if answer.status_code != 200:
            raise Fault(f"the owner's model cannot be had: {answer.status_code}")
        try:
            # As strict as JSON, which has no NaN, and Python's reader of it has.
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
        """Take a server's options away, and itself where that can be."""
        self.stop(owner, server, remove=bool(server))
        if not server:
            self.rest("PATCH", owner, server, '{"user_options": {"profile": "free"}}')

    def health(self) -> None:
        """See that the hub lives, and has counted nothing."""
        answer = self.hub.api("GET", "/failures").json()
        if answer["failures"]:
            raise Fault("a failed start was counted")
        if answer["pid"] != self.pid:
            raise Fault("the hub is another process")

    @staticmethod
    def wait(done: Callable[[], bool]) -> None:
        """Look again and again until it is so."""
        deadline = time.monotonic() + SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise Fault(f"not so after {SECONDS} s")
            time.sleep(0.05)

    # judging

    def use(self, profiles: str) -> None:
        """Change the file of profiles, and start from each that there is. `FUZZED.profiles` is in force again then."""
        self.figures["files"] += 1
        try:
            if not self.read_again(profiles):
                self.figures["files refused"] += 1
                return
            for slug in self.hub.listed(OTHER):
                answer = self.rest("POST", OTHER, SERVER, json.dumps(self.hub.body({"profile": slug})))
                self.figures[f"POST {answer.status_code}"] += 1
                if answer.status_code >= 500:
                    raise Fault(f"{answer.status_code}: {said(answer)}")
                self.health()
                self.clear(OTHER, SERVER)
        finally:
            self.hub.api("DELETE", "/failures")
            self.clear(OTHER, SERVER)
            self.read_again(FUZZED.profiles)
            self.started()

    def read_again(self, profiles: str) -> bool:
        """Whether the hub takes a changed file."""
        log = launch.log_of(self.hub.place)
        size = log.stat().st_size
        self.hub.write(profiles)
        said: list[str] = []

        def looked() -> bool:
            with log.open(errors="replace") as file:
                file.seek(size)
                text = file.read()
            said[:] = [words for words in ("Profiles read again", "The profiles stay as they were") if words in text]
            return bool(said)

        self.wait(looked)
        return said == ["Profiles read again"]

    def check_end(self) -> None:
        """See that the hub has lived through it all, and starts servers."""
        # A hub that has had enough ends two seconds later.
        time.sleep(2.5)
        self.health()
        assert self.hub.process.poll() is None
        log = self.hub.log()
        assert not re.search("Aborting due to|consecutive spawns failed", log)
        owner = self.hub.user("last")
        assert self.hub.start(owner, SERVER, profile="wide").status_code == 201
        print(
            f"hub {self.pid}: {self.figures.pop('examples')} examples, {dict(sorted(self.figures.items()))}, 0 restarts"
        )

    def hold(self, sent: Sent) -> None:
        """Send it, and see that the hub does what it may. What is left of it is cleared away."""
        self.figures["examples"] += 1
        try:
            self.follow(sent)
            self.health()
            self.stop(sent.owner, sent.server)
            # What is saved is told in another way than what runs.
            self.rows(sent.owner)
        except Exception:
            with suppress(Fault, requests.RequestException):
                self.clear(sent.owner, sent.server)
                self.hub.api("DELETE", "/failures")
            raise
        self.clear(sent.owner, sent.server)

    def hold_started(self, sent: Sent) -> None:
        """See that it starts, if the hub has that way in."""
        before = self.figures["starts"]
        self.hold(sent)
        expected = self.hub.edits or sent.way not in ("PUT", "PATCH")
        assert self.figures["starts"] - before == int(expected)

    def follow(self, sent: Sent) -> None:
        """Send it, and start from what it has saved."""
        if sent.way == "PATCH":
            self.rest("PUT", sent.owner, SERVER, "")
        before = self.rows(sent.owner)
        answer = self.send(sent)
        self.judge(sent, answer, before)
        if sent.way in ("PUT", "PATCH") and answer.ok:
            self.figures["requests"] += 1
            saved = self.rows(sent.owner)
            later = self.rest("POST", sent.owner, sent.server, "")
            self.judge(replace(sent, way="POST"), later, saved)

    def judge(self, sent: Sent, answer: requests.Response, before: dict[str, Any]) -> None:
        """Raise Fault if it is not what it may be."""
        status = answer.status_code
        self.figures[f"{sent.way} {status}"] += 1
        if status >= 500:
            raise Fault(f"{status} by {sent.way}: {said(answer)}")
        if sent.way in PAGES and status < 400:
            # Pages wait for a start for a second.
            self.wait(lambda: not any(model["pending"] for model in self.hub.servers(sent.owner).values()))
        starts = self.started()
        # JupyterHub 5.3 shows its form again, with the reason, and says 200.
        if status >= 400 or (status == 200 and sent.way in PAGES):
            if starts:
                raise Fault(f"started, and answered {status}")
            after = self.rows(sent.owner)
            if after != before:
                raise Fault(f"{status} by {sent.way}, and something was saved: {before} {after}")
            return
        if sent.way in ("PUT", "PATCH"):
            if starts:
                raise Fault("an edit has started a server")
            return
        self.figures["starts"] += len(starts)
        self.rows(sent.owner)
        if len(starts) != 1:
            raise Fault(f"{len(starts)} starts, and {status} by {sent.way}: {said(answer)}")
        (started,) = starts
        if (started["user"], started["server"]) != (sent.owner, sent.server):
            raise Fault("the server of somebody else has started")
        check(sent, started, self.base, self.hub.edits)


def check(sent: Sent, started: dict[str, Any], base: Mapping[str, Any], edits: bool) -> None:
    """Raise Fault unless what has started is the owner's, is what was sent, and has the settings of the file."""
    options = started["options"]
    slug = options["profile"]
    if slug not in OPEN_TO[sent.owner]:
        raise Fault(f"{sent.owner} has started {slug}")
    profile = PROFILES[slug]
    asked = asked_for(sent, edits)
    named = single(asked.get("profile"))
    if named and named != slug:
        raise Fault(f"{named!r} was sent, and {slug} started")
    settings, environment = dict(base), {"JHUB_PROFILE": slug}
    for key, option in profile.get("profile_options", {}).items():
        chosen = [(key + end, options[key + end]) for end in ("", UNLISTED) if key + end in options]
        [(name, text)] = chosen
        if name == key:
            override = option["choices"][text].get("spawner_override", {})
        else:
            unlisted = option["unlisted_choice"]
            if not re.fullmatch(unlisted["validation_regex"] or "(?s).*", text):
                raise Fault(f"{text!r} does not match {unlisted['validation_regex']}")
            override = filled(unlisted["spawner_override"], text)
        for alias in (name, f"{FORM}{slug}-{name}", f"{FORM}{slug}--{name}"):
            value = single(asked.get(alias))
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


def asked_for(sent: Sent, edits: bool) -> dict[str, Any]:
    """The user options that were sent, as a plain reader takes them."""
    if sent.way in PAGES:
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
    """A form's values are lists of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def filled(template: Any, text: str) -> Any:
    """The text in its places."""
    if isinstance(template, dict):
        return {filled(key, text): filled(value, text) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(item, text) for item in template]
    return template.replace("{value}", text) if isinstance(template, str) else template


def size(text: str) -> int:
    """Bytes."""
    return int(float(text[:-1]) * 1024 ** (1 + "KMGT".index(text[-1])))


def path_of(owner: str, server: str) -> str:
    """Of a server, in the REST API."""
    return f"/users/{owner}/servers/{escaped(server)}" if server else f"/users/{owner}/server"


def escaped(text: str) -> str:
    """As it stands in a query."""
    # Dots too: two of them would be resolved on the way.
    return quote(text.encode("utf-8", "surrogatepass"), safe="").replace(".", "%2E")


def multipart(form: list[tuple[str, str]]) -> bytes:
    """A form with files: those whose names end so."""
    parts = []
    for key, text in form:
        name = re.sub(r"[\x00-\x1f\"\\]", "_", key)
        file = '; filename="x"' if name.endswith("_file") else ""
        head = f'--xxBOUNDARYxx\r\nContent-Disposition: form-data; name="{name.removesuffix("_file")}"{file}\r\n\r\n'
        parts.append(f"{head}{text}\r\n".encode("utf-8", "surrogatepass"))
    return b"".join([*parts, b"--xxBOUNDARYxx--\r\n"])


def said(answer: requests.Response) -> str:
    """The message of a refusal."""
    try:
        return str(answer.json()["message"])[:200]
    except ValueError:
        found = re.search(r'<p[^>]*class="(?:lead|text-danger|spawn-error-msg)"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
        return found.group(1).strip()[:200] if found else answer.text[:200]
