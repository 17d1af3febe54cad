"""Tables fit a terminal of 80 columns, with values as long as those of real hubs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import pytest
from rich.cells import cell_len

from jhub import Hub
from jhub.cli.context import DETAILS
from jhub.cli.context import ROWS as CONTEXTS
from jhub.cli.context import Row as Context
from jhub.cli.demo import ROWS as DEMO
from jhub.cli.demo import Row as DemoRow
from jhub.cli.files import ENTRIES, Entry
from jhub.cli.group import GROUPS
from jhub.cli.kit.output import Layout, View
from jhub.cli.kit.server_arguments import server_view
from jhub.cli.main import cli
from jhub.cli.profile import PROFILES
from jhub.cli.progress.report import RESULTS, EventRow
from jhub.cli.proxy import ROUTES
from jhub.cli.server_status import ROWS as STATES
from jhub.cli.server_status import Row as State
from jhub.cli.service import SERVICES
from jhub.cli.share import share_view
from jhub.cli.share_code import CODES
from jhub.cli.token_list import ALL_TOKENS, TOKENS, tokens_view
from jhub.cli.user import USERS
from jhub.cli.whoami import IDENTITY
from jhub.models import (
    Group,
    Identity,
    Named,
    Profile,
    ProfileOption,
    Route,
    Server,
    Service,
    Share,
    ShareCode,
    SharedServer,
    Token,
    User,
)

WIDTH = 80
NOW = datetime(2026, 5, 17, 8, 30, tzinfo=UTC)
URL = "https://jupyter.cluster.uni-example.edu/courses/"
USER = "maria.lopez@students.uni-example.edu"
NAMES = tuple(f"student{number}@students.uni-example.edu" for number in range(40))
SCOPES = tuple(f"{scope}!user={USER}" for scope in ("access:servers", "read:servers", "servers"))
TEXT = "the nightly export of the faculty of mathematics; ask Maria before you delete it"
PATH = "/home/maria/certificates/cluster.uni-example.edu/client.pem"
SERVER = Server(
    user=USER,
    name="thesis",
    display_name=TEXT,
    ready=True,
    url=f"{URL}user/{USER}/thesis/",
    started=NOW,
    last_activity=NOW,
    user_options={"profile": "gpu-large-tensorflow"},
)
HUB = Hub(f"{URL}hub/api", "a-token", verify=True)
SHARED = SharedServer(user=Named(name=USER), name="thesis", url=f"/user/{USER}/thesis/")

# The view of each command that prints a table, and an item with long values.
TABLES: dict[str, tuple[View[Any], Any]] = {
    "context list": (CONTEXTS, Context("cluster.uni-example.edu", True, f"{URL}hub/api", USER, NOW)),
    "context show": (DETAILS, Context("cluster", True, f"{URL}hub/api", USER, NOW, "keyring", PATH, PATH, PATH)),
    "user list": (
        USERS,
        User(name=USER, admin=False, groups=NAMES, servers={"thesis": SERVER}, created=NOW, last_activity=NOW),
    ),
    "group list": (GROUPS, Group(name="mathematics-101", users=NAMES, properties={"room": TEXT, "seats": 30})),
    "server list": (server_view(HUB), SERVER),
    "server status": (STATES, State(f"{USER}/thesis", "stopped", f"{TEXT}: {TEXT}", NOW)),
    "server start": (
        RESULTS,
        EventRow(
            server=f"{USER}/thesis", state="failed", profile="gpu-large", url=SERVER.url, seconds=300.0, reason=TEXT
        ),
    ),
    "ls": (ENTRIES, Entry(path=f"{USER}/thesis:data", name="data", type="directory", last_modified=NOW)),
    "share list": (
        share_view(HUB),
        Share(server=SHARED, scopes=SCOPES, kind="user", user=Named(name=NAMES[0]), created_at=NOW),
    ),
    "share code list": (
        CODES,
        ShareCode(id="sc_1234", server=SHARED, scopes=SCOPES, created_at=NOW, expires_at=NOW, last_exchanged_at=NOW),
    ),
    "token list": (tokens_view("a1"), Token(id="a1", note=TEXT, scopes=SCOPES, created=NOW, last_activity=NOW)),
    "token list --all": (
        ALL_TOKENS,
        Token(user=USER, id="a1", note=TEXT, scopes=SCOPES, created=NOW, last_activity=NOW),
    ),
    "token show": (TOKENS, Token(id="a1", note=TEXT, scopes=SCOPES, created=NOW, last_activity=NOW)),
    "profile list": (
        PROFILES,
        Profile(
            slug="gpu-large-tensorflow",
            display_name="GPU, large, with TensorFlow",
            description=f"{TEXT}. {TEXT}.",
            profile_options=tuple(ProfileOption(key=key) for key in ("image", "memory", "storage")),
        ),
    ),
    "service list": (
        SERVICES,
        Service(name="idle-culler", admin=False, roles=NAMES, url=f"{URL}services/idle-culler/", prefix="/services/x/"),
    ),
    "proxy routes": (
        ROUTES,
        Route(
            routespec=f"/courses/user/{USER}/thesis/",
            target="http://10.0.187.23:8888",
            data={"user": USER, "server_name": "thesis"},
        ),
    ),
    "whoami": (IDENTITY, Identity(name=USER, groups=NAMES, scopes=SCOPES * 5)),
    "demo": (DEMO, DemoRow(USER, "thesis", "gpu-large", "lab", SERVER.url, 3.2)),
}


@pytest.fixture(autouse=True)
def _terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: True)
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("TERM", "dumb")


@pytest.mark.parametrize("command", TABLES)
def test_a_list_has_a_line_for_each_row_and_whole_names(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    view, item = TABLES[command]
    view.print_list([item, item], "table")
    heading, *lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, (heading, *lines))) <= WIDTH
    assert len(heading.split()) > 1  # more than the name
    assert all(column in heading for column in view.text)
    name = view.name(item)
    if command != "demo":  # has the user and the server in two columns
        assert sum(name in line.split() for line in lines) == 2
    if not view.text:
        assert len(lines) == 2
    assert not any("://" in line and "…" in line.partition("://")[2].split()[0] for line in lines)


@pytest.mark.parametrize("command", TABLES)
def test_wide_lists_and_chosen_columns_are_complete(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    view, item = TABLES[command]
    for layout in (Layout("wide"), Layout(columns=tuple(view.columns))):
        view.print_list([item], layout)
        _, *lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 1 or view.text
        assert "…" not in "".join(lines)


@pytest.mark.parametrize("command", TABLES)
def test_a_single_object_is_shown_in_full(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    view, item = TABLES[command]
    view.print_item(item, "table")
    lines = capsys.readouterr().out.splitlines()
    # A word, such as a URL, may be longer than a line; everything else is wrapped below its field.
    assert all(cell_len(line) <= WIDTH or len(line.split("  ")[-1].split()) == 1 for line in lines)
    words = " ".join(" ".join(lines).split())
    assert view.name(item) in words or command == "demo"
    assert "…" not in words


def test_omitted_columns_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    view, item = TABLES["proxy routes"]
    view.print_list([item], "table")
    assert capsys.readouterr().err == "not shown: TARGET; use -o wide\n"


def test_the_widest_column_is_shortened_first(capsys: pytest.CaptureFixture[str]) -> None:
    view: View[str] = View(lambda row: row, {"A": str, "B": lambda row: "b" * 20, "C": lambda row: "c" * 90})
    view.print_list(["ana"], "table")
    assert capsys.readouterr().out.splitlines()[1] == f"ana  {'b' * 20}  {'c' * 52}…"


def test_wide_characters_count_twice(capsys: pytest.CaptureFixture[str]) -> None:
    GROUPS.print_list([Group(name="geo", users=(), properties={"部屋": "図書館" * 30})], "table")
    assert max(map(cell_len, capsys.readouterr().out.splitlines())) <= WIDTH


def test_without_a_terminal_nothing_is_shortened(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: False)
    view, item = TABLES["proxy routes"]
    view.print_list([item], "table")
    assert item.target in capsys.readouterr().out


def test_every_list_command_is_in_the_table() -> None:
    lists = {path for path, command in _commands(cli) if any(each.name == "columns" for each in command.params)}
    assert lists <= set(TABLES)


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _commands(child, (*path, name))
    else:
        yield " ".join(path), command
