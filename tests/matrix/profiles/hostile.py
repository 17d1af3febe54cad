"""Hostile requests for starts, and the profiles that they name.

User options are generated as JSON text, because some have no value in Python: a duplicate key, a hundred thousand
levels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import yaml
from hypothesis import strategies as st

from matrix.profiles.hubs import LISTED, MEMBERS, Kind

UNLISTED_SUFFIX = "--unlisted-choice"
FORM = "profile-option-"
MEMBER, OTHER = "mem", "oth"
SERVER = "work"


def free_text(override: dict[str, Any], regex: str = "") -> dict[str, Any]:
    """Return an option that accepts any text, or none."""
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
    "nested": {"nested": {"a": {"{value}": ["{value}", {"b": "{value}"}]}}},
}
"""Options that put their text into settings of each kind."""
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

ODD = [
    *(
        "infG",
        "nanG",
        "1e999G",
        "-1G",
        "1_0G",
        "0x1G",
        "9" * 400 + "T",
        "\u0661G",
        "1G",
        "1.5K",
        "G",
        "1",
        "-0T",
        "1e308T",
    ),
    *("{username}", "{value}", "%U", "%(x)s", "%s%n", "{{", "}}", "{0.__class__}", "${x}", "$(x)", "`id`", "\\"),
    *(
        "",
        " ",
        "\t",
        "\n",
        "a\nb",
        "\0",
        "\x7f",
        "\u2028",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "\ud800",
        "\udc00\ud800",
        "😀",
    ),
    *(
        "none",
        "None",
        "null",
        "true",
        "0",
        "-1",
        "1e9",
        "a" * 500,
        "a" * 501,
        "a" * 40 + "!",
        "é" * 499,
        "hub.example.org/x",
    ),
    *(
        "=",
        "A=B",
        "a/../../b",
        "//evil",
        "http://x",
        "javascript:x",
        "<script>",
        "'\"",
        ";",
        "--unlisted-choice",
        "ß",
        "İ",
    ),
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
    """Return the text of a JSON object; a key may occur twice."""
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in pairs) + "}"


LEVELS = [40, 49, 50, 51, 52, 60, 200, 330, 490, 900, 950, 965, 970, 985, 995, 1005, 3000, 100_000]
deep = st.builds(
    lambda pair, levels: pair[0] * levels + "1" + pair[1] * levels,
    st.sampled_from([("[", "]"), ('{"a":', "}")]),
    st.sampled_from(LEVELS),
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
    """Return the names of a profile's options in a start: the short ones, and those of forms."""
    options = PROFILES.get(slug, {}).get("profile_options", {})
    short = [f"{key}{end}" for key in options for end in ("", UNLISTED_SUFFIX)]
    return short + [f"{FORM}{slug}{dash}{name}" for dash in ("--", "-") for name in short]


@st.composite
def text_options(draw: st.DrawFn, of: st.SearchStrategy[str]) -> list[tuple[str, str]]:
    """Generate a profile, and a text for one of its options."""
    slug = draw(st.sampled_from(["wide", "wide", "strict", "nobodys"]))
    options = PROFILES[slug]["profile_options"]
    # Settings that parse a text get more examples than those that keep it.
    key = draw(st.sampled_from([*options, *(key for key in options if key.startswith(("memory", "cpu")))]))
    name = draw(st.sampled_from([key, key, f"{FORM}{slug}--{key}", f"{FORM}{slug}-{key}"]))
    return [("profile", json.dumps(slug)), (f"{name}{UNLISTED_SUFFIX}", draw(of))]


@st.composite
def free_options(draw: st.DrawFn, of: st.SearchStrategy[str]) -> list[tuple[str, str]]:
    """Generate a profile, and any value for one of its user_options."""
    slug = draw(st.sampled_from(["free", "free", "gated"]))
    return [("profile", json.dumps(slug)), (draw(st.sampled_from(PROFILES[slug]["user_options"])), draw(of))]


@st.composite
def odd_options(draw: st.DrawFn, of: st.SearchStrategy[str]) -> list[tuple[str, str]]:
    """Generate names and values of all kinds."""
    slug = draw(slugs)
    found = [("profile", json.dumps(slug))] if draw(st.integers(0, 9)) else [("profile", draw(of))]
    odd = ["profile", "_xsrf", "user_options", "note", f"{FORM}nobodys--size", "display_name", "name", "next"]
    names = st.sampled_from([*names_of(slug), *odd]) | texts
    choices = st.sampled_from(["none", "plain", "hot", "--unlisted-choice"]).map(json.dumps)
    return found + draw(st.lists(st.tuples(names, choices | of), max_size=3))


def pairs(texts: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Return a strategy for user options, with values as JSON text."""
    return st.one_of(text_options(texts), text_options(texts), free_options(values), odd_options(values))


texts_written = texts.map(json.dumps)


REST = ("POST", "PUT", "PATCH")
PAGES = ("form", "multipart", "query")


@dataclass(frozen=True)
class Sent:
    """A request for a start, or to save options for one."""

    interface: str
    owner: str
    server: str = SERVER
    options: str = ""
    """Options as JSON, for the REST API."""
    around: str = "%s"
    """Template of the body around the options."""
    form: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Fields of a form, for pages."""

    def __repr__(self) -> str:
        body = self.text(edits=True)
        more = f"… {len(body)} characters" if len(body) > 400 else ""
        return f"Sent({self.interface!r}, {self.owner!r}, {self.server!r}, {body[:400]!r}{more}, form={self.form!r})"

    def text(self, *, edits: bool) -> str:
        """Return the body. Before JupyterHub 6 it consists of the options themselves."""
        around = self.around if edits or "%s" not in self.around else "%s"
        return around.replace("%s", self.options)


AROUND = ["%s", '{"user_options": %s}', '{"user_options": %s}', '{"display_name": "x", "user_options": %s}']
NO_OPTIONS = [
    *("", " ", "{", "nul", '{"user_options": {}}{', "[" * 100_000, '{"a":' * 50_000),
    r'{"display_name": "\ud800"}',
]
owners = st.sampled_from([OTHER, MEMBER, LISTED])
options = st.one_of(*[pairs(texts_written, values).map(object_of)] * 5, values)
around = st.one_of(*[st.sampled_from(AROUND)] * 9, st.sampled_from(NO_OPTIONS))
# JupyterHub 6 has rules for names.
NAMES = [
    *("a\0b", "\0", "a\nb", "..", "a/b", "{username}", "%U", "\x7f", "😀", " ", "A"),
    *("x" * 255, "x" * 256, "x" * 3000),
]
servers = st.one_of(*[st.sampled_from([SERVER, SERVER, ""])] * 9, st.sampled_from(NAMES))
by_rest = st.one_of(
    st.builds(Sent, st.just("POST"), owners, servers, options, around),
    st.builds(Sent, st.sampled_from(["PUT", "PATCH"]), owners, options=options, around=around),
)


def page(interface: str, owner: str, server: str, form: list[tuple[str, str]]) -> Sent:
    """Return a request to the spawn page."""
    return Sent(interface, owner, server, form=[(key, json.loads(value)) for key, value in form])


def is_utf8(sent: Sent) -> bool:
    """Return whether a form is UTF-8. JupyterHub's own pages answer 500 to any other form, without an effect."""
    return not any("\ud800" <= each <= "\udfff" for pair in sent.form for text in pair for each in text)


by_page = st.builds(page, st.sampled_from(PAGES), owners, servers, pairs(texts_written, texts_written)).filter(is_utf8)


def noted(note: str, interface: str = "POST") -> Sent:
    """Return a start with this value in the user_options of its profile."""
    return Sent(interface, OTHER, SERVER, object_of([("profile", '"free"'), ("note", note)]), '{"user_options": %s}')


def typed(option: str, text: str, interface: str = "form") -> Sent:
    """Return a start with this text for an option."""
    return Sent(interface, OTHER, form=[("profile", "wide"), (f"{option}{UNLISTED_SUFFIX}", text)])


ALLOWED = [
    *(typed("memory", "1.5G"), typed("memory_part", "2", "query"), typed("variable", "é $(x) %s", "multipart")),
    *(typed("args", "--x=1"), typed("nested", "k"), Sent("form", LISTED, form=[("profile", "gated")])),
    *(noted('{"a": [1, null, "é"]}', interface) for interface in REST),
    *(noted('"x"'), Sent("POST", MEMBER, "", '{"profile": "gated", "flavour": "hot"}'), Sent("POST", OTHER)),
]
"""Requests that start a server."""

KNOWN = [
    *(
        typed("memory", text, interface)
        for text, interface in (("infG", "form"), ("nanG", "query"), ("1e999G", "multipart"))
    ),
    *(typed("memory_part", "inf"), typed("name", "="), typed("name", "A=B"), typed("url_whole", "%U")),
    *(noted("[" * 970 + "]" * 970, interface) for interface in REST),
    *(noted(note) for note in ("NaN", "1e999", r'"\ud800"', r'{"\ud800": 1}', BYTES % '"aGk="', f'"{"x" * 65_536}"')),
    Sent("POST", OTHER, "a\0b", '{"profile": "free"}'),
    Sent("query", OTHER, "a\0b", form=[("profile", "free")]),
    Sent("multipart", OTHER, form=[("profile", "free"), ("note_file", "x")]),
    *(
        Sent("PATCH", OTHER, around=body)
        for body in ("[1]", '{"profile": "wide"}', '{"name": 5}', r'{"name": "\ud800"}')
    ),
]
"""Requests that once failed, shut a hub down, or broke lists of servers."""
