"""Servers that a command selects by options, and previews of fleets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

import click
import httpx2
import pytest
from click.testing import CliRunner

from jhub import Hub, Running, Target
from jhub.cli.kit.options import span
from jhub.cli.kit.selection import recheck_idle, select_named, select_running
from jhub.cli.server_start import start
from jhub.errors import Conflict, InvalidInput, NotFound

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = "2026-11-22T08:00:00Z"
IDLE = Running(idle=7200)


class Site:
    """A hub whose users have a server `lab` each, last used at the time in `used`."""

    def __init__(self) -> None:
        self.used = {"ana": LONG_AGO, "ben": LONG_AGO}
        self.requests: list[str] = []
        self.queries: list[str] = []
        self.listing = 200
        self.others: list[str] = []
        """Users without servers."""
        self.scopes = ["list:users", "servers", "start:servers", "delete:servers", "read:servers"]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/hub/api")
        self.requests.append(f"{request.method} {path}")
        self.queries.append(str(request.url.query))
        headers = {"date": format_datetime(NOW, usegmt=True), "x-jupyterhub-version": "6.1.1"}
        if path == "/user":
            identity = {"name": "admin", "kind": "user", "scopes": self.scopes}
            return httpx2.Response(200, headers=headers, json=identity)
        if not path.startswith("/users"):
            return httpx2.Response(200, headers=headers, json={"version": "6.1.1"})
        if self.listing != 200:
            return httpx2.Response(self.listing, headers=headers, json={"message": "no"})
        server = {"name": "lab", "ready": True, "user_options": {"profile": "gpu", "more": 1}}
        items = [
            {"name": name, "servers": {"lab": {**server, "last_activity": used}}} for name, used in self.used.items()
        ]
        items += [{"name": name, "servers": {}} for name in self.others]
        if path != "/users":
            _, _, name, *rest = path.split("/")
            user = next((item for item in items if item["name"] == name), None)
            if user is None or rest == ["profiles"]:
                return httpx2.Response(404, headers=headers, json={"message": "Not Found"})
            return httpx2.Response(200, headers=headers, json={**server, "name": rest[-1]} if rest else user)
        return httpx2.Response(200, headers=headers, json={"items": items, "_pagination": {"total": 2}})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def hub(site: Site) -> Iterator[Hub]:
    with Hub("http://127.0.0.1:1/hub/api", "token", transport=httpx2.MockTransport(site)) as hub:
        yield hub


def test_a_server_used_during_the_confirmation_is_not_stopped(
    hub: Hub, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = select_running(hub, [], IDLE, yes=False)
    assert targets == [Target("ana", "lab"), Target("ben", "lab")]
    assert capsys.readouterr().err == "selected: ana/lab, ben/lab\n"
    site.used["ana"] = (NOW - timedelta(minutes=1)).isoformat()
    site.used["cy"] = LONG_AGO  # not part of the selection
    assert recheck_idle(hub, targets, IDLE) == [Target("ben", "lab")]
    assert capsys.readouterr().err == "skipped 1: no longer idle\n"
    site.used["ben"] = site.used["ana"]
    with pytest.raises(click.exceptions.Exit):
        recheck_idle(hub, targets, IDLE)


def test_an_idle_time_below_ten_minutes_prints_a_note(hub: Hub, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    for select in (select_running, select_named):
        select(hub, [], Running(idle=120.0), yes=True)
        assert "may appear idle for up to 10 minutes" in capsys.readouterr().err
        select(hub, [], Running(idle=600.0), yes=True)
        assert capsys.readouterr().err == ""


def test_a_selection_without_idle_time_is_not_checked_again(hub: Hub, site: Site) -> None:
    targets = select_running(hub, [], Running(name="lab"), yes=True)
    requests = list(site.requests)
    assert recheck_idle(hub, targets, Running(name="lab")) == targets
    assert site.requests == requests


def test_at_most_twelve_selected_servers_are_named(hub: Hub, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.used = {f"u{n:02}": LONG_AGO for n in range(50)}
    select_running(hub, [], IDLE, yes=False)
    assert capsys.readouterr().err.endswith("u10/lab, u11/lab and 38 more\n")


def test_servers_to_delete_are_also_selected_among_stopped_ones(hub: Hub, site: Site) -> None:
    assert select_named(hub, [], Running(name="lab"), yes=True) == [Target("ana", "lab"), Target("ben", "lab")]
    assert "include_stopped_servers" in site.queries[-1]
    select_named(hub, [], IDLE, yes=True)
    assert "include_stopped_servers" not in site.queries[-1]


def test_the_preview_of_many_starts_takes_one_listing(hub: Hub, site: Site) -> None:
    hub.version()
    site.requests.clear()
    site.others = [f"u{n}" for n in range(500)]
    wanted = [Target(user, "lab") for user in ("ana", "ben", *site.others)]
    preview = hub.preview(hub.servers.start_many, wanted, profile="gpu")
    assert (len(preview), preview.complete, preview.failed) == (500, True, ())
    assert preview.unknown == ("whether the profile gpu is available to the owners of 500 other servers",)
    assert str(preview.requests[0]) == 'POST /users/u0/servers/lab {"user_options":{"profile":"gpu"}}'
    assert site.requests == ["GET /user", "GET /users", "GET /users/ana/profiles"]


def test_a_conflict_in_a_preview_leaves_the_other_starts(hub: Hub, site: Site) -> None:
    site.others = ["di"]
    preview = hub.preview(hub.servers.start_many, ["ana/lab", "ben", "di/lab"], profile="cpu", display_name="Lab")
    assert [request.path for request in preview] == ["/users/di/servers/lab"]
    assert [type(error) for error in preview.failed] == [Conflict, InvalidInput]


def test_without_the_right_to_list_servers_all_starts_are_previewed(hub: Hub, site: Site) -> None:
    site.listing = 403
    preview = hub.preview(hub.servers.start_many, ["ana/lab", "ben/lab", "cy/lab"], profile="gpu")
    assert [request.path for request in preview] == [f"/users/{user}/servers/lab" for user in ("ana", "ben", "cy")]


def test_the_command_previews_starts_and_counts_running_servers(
    hub: Hub, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jhub.cli.server_start.connect", lambda: nullcontext(hub))
    site.others = [f"u{n}" for n in range(500)]
    users = [*site.used, *site.others]
    result = CliRunner().invoke(start, [*(f"{user}/lab" for user in users), "--profile", "gpu", "--dry-run"])
    assert result.exit_code == 0, result
    assert len(result.stdout.splitlines()) == 500
    assert result.stdout.splitlines()[0] == 'POST /users/u0/servers/lab {"user_options":{"profile":"gpu"}}'
    unknown = "unknown: whether the profile gpu is available to the owners of 500 other servers\n"
    assert result.stderr == unknown + "2 of 502 already running or starting with these options\n"


def test_stops_and_deletes_are_previewed(hub: Hub, site: Site) -> None:
    stop = hub.preview(hub.servers.stop_many, ["ana/lab", "ben"])
    assert [str(request) for request in stop] == ["DELETE /users/ana/servers/lab", "DELETE /users/ben/server"]
    delete = hub.preview(partial(hub.servers.delete_many, ["ana/lab", "ben"], timeout=5))
    assert [str(request) for request in delete] == ['DELETE /users/ana/servers/lab {"remove":true}']
    assert [str(error) for error in delete.failed] == ["the default server of ben cannot be deleted"]
    assert not hub.preview(hub.servers.wait_many, ["ana/lab"]).requests
    gone = hub.preview(hub.servers.stop_many, ["ana/none", "cy", "ben/lab"])
    assert [str(request) for request in gone] == ["DELETE /users/ben/servers/lab"]
    assert [type(error) for error in gone.failed] == [NotFound, NotFound]
    assert {request.partition(" ")[0] for request in site.requests} == {"GET"}


@pytest.mark.parametrize("text", ["365", "2", "0.5"])
def test_a_duration_that_selects_needs_a_unit(text: str) -> None:
    with pytest.raises(InvalidInput, match="has no unit") as refused:
        span(text)
    assert f"{text}d" in refused.value.hint
    assert span("1.5h") == 5400
