"""Requests for starts that nobody would send by accident, and what a hub may do with them.

A hub may refuse with a 4xx, and then nothing is left of the request; or start what the owner may start, with the
settings that the file says and no others. It counts no failed start of it, for after three it would end.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
import requests
import yaml
from hypothesis import strategies as st

from matrix.profiles.hubs import LISTED, MEMBERS, Kind, ProfileHub

UNLISTED = "--unlisted-choice"
FORM = "profile-option-"
MEMBER, OTHER = "mem", "oth"
SERVER = "work"

# ---------------------------------------------------------------- the profiles


def free_text(override: dict[str, Any], regex: str = "") -> dict[str, Any]:
    """An option that takes any text, or nothing."""
    unlisted = {"enabled": True, "validation_regex": regex, "spawner_override": override}
    return {"choices": {"none": {}}, "unlisted_choice": unlisted}


SETTINGS: dict[str, Any] = {
    "memory": {"mem_limit": "{value}"},
    "memory_part": {"mem_guarantee": "{value}G"},
    "memory_sum": {"mem_limit": "1{value}"},
    "cpu": {"cpu_limit": "{value}"},
    "cpu_part": {"cpu_guarantee": "{value}"},
    "variable": {"environment": {"JHUB_TEXT": "<{value}>"}},
    "name": {"environment": {"JHUB_{value}": "x"}},
    "args": {"args": ["--a", "{value}", "--b={value}"]},
    "cmd": {"cmd": ["sh", "-c", "exec sleep 3600", "{value}"]},
    "url": {"default_url": "/{value}"},
    "url_whole": {"default_url": "{value}"},
    "folder": {"notebook_dir": "{value}"},
    "start": {"start_timeout": "{value}"},
    "http": {"http_timeout": "{value}"},
    "port": {"port": "{value}"},
    "ip": {"ip": "{value}"},
    "flag": {"disable_user_config": "{value}"},
    "nested": {"cookie_options": {"a": {"{value}": ["{value}", {"b": "{value}"}]}}},
}
"""Options whose text goes into a setting of each kind."""
REGEXES = [
    *("[a-z]+", r"\d{1,3}", "(?i)hub[.]example[.]org/.*", "(?s).*", "(a+)+b", "(?:a?){27}a{27}", r"[^\x00]*", "x|"),
    *(r"(?P<n>a)(?P=n)", r"^\w+$", r"\S+(?:\s\S+)*", "é+", r"(?<!a)b"),
]
PROFILES: dict[str, dict[str, Any]] = {
    "wide": {"default": True, "profile_options": {key: free_text(value) for key, value in SETTINGS.items()}},
    "strict": {
        "profile_options": {
            f"r{n}": free_text({"environment": {f"JHUB_R{n}": "{value}"}}, regex) for n, regex in enumerate(REGEXES)
        },
    },
    "free": {"user_options": ["note", "note_file", "user_options", "display_name", "name"]},
    "gated": {
        "groups": [MEMBERS],
        "users": [LISTED],
        "profile_options": {
            "flavour": {
                "choices": {
                    "plain": {"spawner_override": {"environment": {"JHUB_FLAVOUR": "plain"}}},
                    "hot": {"default": True, "spawner_override": {"mem_limit": "2G"}},
                }
            }
        },
        "user_options": ["note"],
    },
    "nobodys": {"groups": [], "profile_options": {"size": free_text({"mem_limit": "{value}"})}},
}
for slug, entry in PROFILES.items():
    entry["spawner_override"] = {"environment": {"JHUB_PROFILE": slug}}

OPEN_TO = {OTHER: {"wide", "strict", "free"}, MEMBER: {"wide", "strict", "free", "gated"}}
OPEN_TO[LISTED] = OPEN_TO[MEMBER]

FUZZED = Kind(
    "fuzzed",
    enable="last",
    slow_spawn_timeout=60,
    profiles="\n" + yaml.safe_dump([{"slug": slug, **entry} for slug, entry in PROFILES.items()]),
    config="fuzz_config.py",
)

# ---------------------------------------------------------------- what is sent

ODD = [
    *("infG", "nanG", "1e999G", "-1G", "1_0G", "0x1G", "9" * 400 + "T", "\u0661G", "1G", "1.5K", "G", "1", "-0T", "1e308T"),
    *("{username}", "{value}", "%U", "%(x)s", "%s%n", "{{", "}}", "{0.__class__}", "${x}", "$(x)", "`id`", "\\"),
    *("", " ", "\t", "\n", "a\nb", "\0", "\x7f", "\u2028", "\u00a0", "\u200b", "\ufeff", "\ud800", "\udc00\ud800", "😀"),
    *("none", "None", "null", "true", "0", "-1", "1e9", "a" * 500, "a" * 501, "a" * 40 + "!", "é" * 499, "hub.example.org/x"),
    *("=", "A=B", "a/../../b", "//evil", "http://x", "javascript:x", "<script>", "'\"", ";", "--unlisted-choice", "ß", "İ"),
]
texts = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.from_regex(r"[-+ ]?([0-9_]{0,4}\.?[0-9]{0,3}(e[-+]?[0-9]{1,4})?|inf|nan|infinity)[KMGTkB]", fullmatch=True),
)
numbers = st.one_of(
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1e999", "-0", "1" * 4300, "9" * 5000, "1e-999", "0.1"]),
    st.integers().map(str),
    st.floats().map(json.dumps),
)
scalars = st.one_of(st.sampled_from(["null", "true", "false", "{}", "[]"]), numbers, texts.map(json.dumps))
BYTES = '{"__jupyterhub_bytes__": true, "data": %s}'


def object_of(pairs: list[tuple[str, str]]) -> str:
    """An object as it is written; a key may come twice."""
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in pairs) + "}"


deep = st.builds(
    lambda before, after, levels: before * levels + "1" + after * levels,
    *map(st.just, ("[", "]")),
    st.sampled_from([40, 49, 50, 51, 52, 60, 200, 900, 950, 970, 985, 995, 1005, 3000, 100_000]),
) | st.builds(
    lambda levels: '{"a":' * levels + "1" + "}" * levels,
    st.sampled_from([40, 49, 50, 51, 52, 60, 200, 320, 480, 900, 950, 970, 985, 995, 1005, 3000, 100_000]),
)
large = st.sampled_from([60_000, 65_000, 66_000, 200_000, 3_000_000]).map(lambda size: json.dumps("x" * size))
values: st.SearchStrategy[str] = st.recursive(
    scalars,
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(texts, below), max_size=3).map(object_of),
        below.map(lambda data: BYTES % data),
    ),
    max_leaves=6,
) | st.one_of(deep, large)

slugs = st.sampled_from([*PROFILES, *PROFILES, "Wide", "gpu", "wide ", "profile", ""])


def names_of(slug: str) -> list[str]:
    """What a start may name of a profile's options: short, and as forms do."""
    options = PROFILES.get(slug, {}).get("profile_options", {})
    short = [f"{key}{end}" for key in options for end in ("", UNLISTED)]
    return short + [f"{FORM}{slug}{dash}{name}" for dash in ("--", "-") for name in short]


@st.composite
def text_options(draw: st.DrawFn, of: st.SearchStrategy[str]) -> list[tuple[str, str]]:
    """A profile, and text for one of its options."""
    slug = draw(st.sampled_from(["wide", "wide", "strict", "nobodys"]))
    options = PROFILES[slug]["profile_options"]
    # More for what reads a text than for what keeps it.
    key = draw(st.sampled_from([*options, *(key for key in options if key.startswith(("memory", "cpu")))]))
    name = draw(st.sampled_from([key, key, f"{FORM}{slug}--{key}", f"{FORM}{slug}-{key}"]))
    return [("profile", json.dumps(slug)), (f"{name}{UNLISTED}", draw(of))]


@st.composite
def free_options(draw: st.DrawFn, of: st.SearchStrategy[str]) -> list[tuple[str, str]]:
    """A profile, and anything for what it lets through."""
    slug = draw(st.sampled_from(["free", "free", "gated"]))
    return [("profile", json.dumps(slug)), (draw(st.sampled_from(PROFILES[slug]["user_options"])), draw(of))]


@st.composite
def odd_options(draw: st.DrawFn, of: st.SearchStrategy[str]) -> list[tuple[str, str]]:
    """Names and values of all kinds."""
    slug = draw(slugs)
    found = [("profile", json.dumps(slug))] if draw(st.integers(0, 9)) else [("profile", draw(of))]
    odd = ["profile", "_xsrf", "user_options", "note", f"{FORM}nobodys--size", "display_name", "name", "next"]
    names = st.sampled_from([*names_of(slug), *odd]) | texts
    choices = st.sampled_from(["none", "plain", "hot", "--unlisted-choice"]).map(json.dumps)
    return found + draw(st.lists(st.tuples(names, choices | of), max_size=3))


def pairs(texts: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """User options, with values as they are written in JSON."""
    return st.one_of(text_options(texts), text_options(texts), free_options(values), odd_options(values))


texts_written = texts.map(json.dumps)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """The body of a REST call."""
    options = draw(st.one_of(*[pairs(texts_written, values).map(object_of)] * 4, values))
    wrapped = st.sampled_from(["%s", '{"user_options": %s}', '{"user_options": %s}', '{"display_name": "x", "user_options": %s}'])
    body = draw(wrapped).replace("%s", options)
    if not draw(st.integers(0, 19)):
        body = draw(st.sampled_from(["", " ", "{", "nul", '{"user_options": {}}{', "[" * 100_000, '{"a":' * 50_000]))
    return body.encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Sent:
    """A request, or two of them."""

    way: str
    owner: str
    server: str = SERVER
    body: bytes = b""
    form: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


REST = ("POST", "PUT", "PATCH")
PAGES = ("form", "multipart", "query")

owners = st.sampled_from([OTHER, MEMBER, LISTED])
by_rest = st.builds(Sent, st.just("POST"), owners, st.sampled_from([SERVER, SERVER, ""]), bodies()) | st.builds(
    Sent, st.sampled_from(["PUT", "PATCH"]), owners, body=bodies()
)
by_page = st.builds(
    lambda way, owner, form: Sent(way, owner, form=[(key, json.loads(value)) for key, value in form]),
    st.sampled_from(PAGES),
    owners,
    pairs(texts_written, texts_written),
)

# ---------------------------------------------------------------- what comes of it


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
        self.pid = self.hub.api("GET", "/failures").json()["pid"]
        self.hub.start(OTHER, SERVER, profile="free")
        self.base = self.started()[-1]["settings"]
        self.clear(OTHER, SERVER)

    # sending

    def send(self, sent: Sent) -> requests.Response:
        """Send a request."""
        self.figures["requests"] += 1
        if sent.way in REST:
            return self.rest(sent.way, sent.owner, sent.server, sent.body)
        page = f"{self.hub.url}/spawn/{sent.owner}/{sent.server}"
        browser = self.browsers[sent.owner]
        form = [(key, text) for key, text in sent.form]
        raw = "&".join(f"{escaped(key)}={escaped(text)}" for key, text in form)
        if sent.way == "query":
            opt = "opt-" if self.hub.edits else ""
            raw = "&".join(f"{opt}{escaped(key)}={escaped(text)}" for key, text in form)
            return browser.get(f"{page}?{raw}", allow_redirects=False, timeout=60)
        xsrf = browser.cookies.get("_xsrf", path=f"{self.hub.settings.base_url}hub/")
        if sent.way == "form":
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            data = f"_xsrf={xsrf}&{raw}".encode()
        else:
            headers = {"Content-Type": "multipart/form-data; boundary=xxBOUNDARYxx"}
            data = multipart([("_xsrf", str(xsrf)), *form])
        return browser.post(page, data=data, headers=headers, allow_redirects=False, timeout=60)

    def rest(self, method: str, owner: str, server: str, body: bytes) -> requests.Response:
        """A REST call with a body as it is."""
        path = f"/users/{owner}/servers/{server}" if server else f"/users/{owner}/server"
        return self.hub.operator.request(
            method,
            f"{self.hub.url}/api{path}",
            data=body,
            headers={"Authorization": f"token {self.tokens[owner]}", "Content-Type": "application/json"},
            timeout=60,
        )

    # looking

    def started(self) -> list[dict[str, Any]]:
        """The starts since the last look."""
        path = self.hub.place / "starts"
        lines = path.read_text().splitlines() if path.exists() else []
        new, self.read = lines[self.read :], len(lines)
        return [json.loads(line) for line in new]

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
        return {name: (model["user_options"], model["ready"], model["pending"]) for name, model in found.items() if model["user_options"]}

    def stop(self, owner: str, server: str, *, remove: bool = False) -> None:
        """Stop a server."""
        path = f"/users/{owner}/servers/{server}" if server else f"/users/{owner}/server"
        answer = self.hub.api("DELETE", path, json={"remove": remove})
        if answer.status_code not in (202, 204, 404):
            raise Fault(f"the server cannot be stopped: {answer.status_code}")

    def clear(self, owner: str, server: str) -> None:
        """Take a server's options away, and itself where that can be."""
        self.stop(owner, server, remove=bool(server))
        if not server:
            self.rest("PATCH", owner, server, b'{"user_options": {"profile": "free"}}')

    def health(self) -> None:
        """See that the hub lives, and has counted nothing."""
        answer = self.hub.api("GET", "/failures").json()
        if answer["failures"]:
            raise Fault("a failed start was counted")
        if answer["pid"] != self.pid:
            raise Fault("the hub is another process")

    # judging

    def hold(self, sent: Sent) -> None:
        """Send it, and see that the hub does what it may. What is left of it is cleared away."""
        self.figures["examples"] += 1
        try:
            self.follow(sent)
            self.health()
            self.stop(sent.owner, sent.server)
            # What is saved is told in another way than what runs.
            self.rows(sent.owner)
        except Fault:
            with suppress(Fault, requests.RequestException):
                self.clear(sent.owner, sent.server)
                self.hub.api("DELETE", "/failures")
            raise
        self.clear(sent.owner, sent.server)

    def follow(self, sent: Sent) -> None:
        """Send it, and start from what it has saved."""
        if sent.way == "PATCH":
            self.rest("PUT", sent.owner, SERVER, b"")
        before = self.rows(sent.owner)
        answer = self.send(sent)
        self.judge(sent, answer, before)
        if sent.way in ("PUT", "PATCH") and answer.ok:
            self.figures["requests"] += 1
            saved = self.rows(sent.owner)
            later = self.rest("POST", sent.owner, sent.server, b"")
            self.judge(Sent("POST", sent.owner, sent.server, sent.body), later, saved)

    def judge(self, sent: Sent, answer: requests.Response, before: dict[str, Any]) -> None:
        """Raise Fault if it is not what it may be."""
        status = answer.status_code
        self.figures[f"{sent.way} {status}"] += 1
        if status >= 500:
            raise Fault(f"{status} by {sent.way}: {said(answer)}")
        starts = self.started()
        if status >= 400:
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
        [started] = starts
        if (started["user"], started["server"]) != (sent.owner, sent.server):
            raise Fault("the server of somebody else has started")
        check(sent, started, self.base)


def check(sent: Sent, started: dict[str, Any], base: Mapping[str, Any]) -> None:
    """Raise Fault unless what has started is the owner's, is what was sent, and has the settings of the file."""
    options = started["options"]
    slug = options["profile"]
    if slug not in OPEN_TO[sent.owner]:
        raise Fault(f"{sent.owner} has started {slug}")
    profile = PROFILES[slug]
    asked = asked_for(sent)
    if named := single(asked.get("profile")):
        if named != slug:
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
        different = {name: (started["settings"][name], value) for name, value in settings.items() if started["settings"][name] != value}
        raise Fault(f"settings are not those of the file: {different}")
    found = {name: value for name, value in started["environment"].items() if name not in ("JHUB_LOCAL_MARK", "JHUB_HOOK")}
    if found != environment:
        raise Fault(f"the environment is not that of the file: {found}, {environment}")


def asked_for(sent: Sent) -> dict[str, Any]:
    """The user options that were sent, as a plain reader takes them."""
    if sent.way in PAGES:
        found: dict[str, Any] = {}
        for key, text in sent.form:
            found.setdefault(key, []).append(text)
        return found
    body = json.loads(sent.body.decode("utf-8", "replace").strip() or "null")
    if isinstance(body, dict) and ("user_options" in body or "display_name" in body):
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


def escaped(text: str) -> str:
    """As it stands in a query."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


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
