"""What a command does with the servers that it selected."""

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
from jhub.cli.kit.selection import recheck_idle, select_named, select_running
from jhub.cli.server_start import start
from jhub.errors import Conflict, InvalidInput

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = "2026-11-22T08:00:00Z"
IDLE = Running(idle=7200)


class Site:
    """A hub with users who have a server `lab` each, that was last used at the time given."""

    def __init__(self) -> None:
        self.used = {"ana": LONG_AGO, "ben": LONG_AGO}
        self.asked: list[str] = []
        self.queries: list[str] = []
        self.listing = 200

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/hub/api")
        self.asked.append(f"{request.method} {path}")
        self.queries.append(str(request.url.query))
        headers = {"date": format_datetime(NOW, usegmt=True), "x-jupyterhub-version": "6.1.1"}
        if path != "/users":
            return httpx2.Response(200, headers=headers, json={"version": "6.1.1"})
        if self.listing != 200:
            return httpx2.Response(self.listing, headers=headers, json={"message": "no"})
        server = {"name": "lab", "ready": True, "user_options": {"profile": "gpu", "more": 1}}
        items = [
            {"name": name, "servers": {"lab": {**server, "last_activity": used}}} for name, used in self.used.items()
        ]
        return httpx2.Response(200, headers=headers, json={"items": items, "_pagination": {"total": 2}})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def hub(site: Site) -> Iterator[Hub]:
    with Hub("http://127.0.0.1:1/hub/api", "token", transport=httpx2.MockTransport(site)) as hub:
        yield hub


def test_whoever_comes_back_while_a_question_stands_keeps_the_server(
    hub: Hub, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    found = select_running(hub, [], IDLE, yes=False)
    assert found == [Target("ana", "lab"), Target("ben", "lab")]
    assert capsys.readouterr().err == "selected: ana/lab, ben/lab\n"
    site.used["ana"] = (NOW - timedelta(minutes=1)).isoformat()
    site.used["cy"] = LONG_AGO  # was not asked about
    assert recheck_idle(hub, found, IDLE) == [Target("ben", "lab")]
    assert capsys.readouterr().err == "1 no longer idle, and left alone\n"
    site.used["ben"] = site.used["ana"]
    with pytest.raises(click.exceptions.Exit):
        recheck_idle(hub, found, IDLE)


def test_idle_times_shorter_than_a_hub_can_tell_are_told(
    hub: Hub, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    for select in (select_running, select_named):
        select(hub, [], Running(idle=120.0), yes=True)
        assert "may seem idle for less than 10" in capsys.readouterr().err
        select(hub, [], Running(idle=600.0), yes=True)
        assert capsys.readouterr().err == ""


def test_nothing_is_looked_at_again_that_was_not_selected_by_idle_time(hub: Hub, site: Site) -> None:
    found = select_running(hub, [], Running(name="lab"), yes=True)
    asked = list(site.asked)
    assert recheck_idle(hub, found, Running(name="lab")) == found
    assert site.asked == asked


def test_many_are_not_all_named(hub: Hub, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.used = {f"u{n:02}": LONG_AGO for n in range(50)}
    select_running(hub, [], IDLE, yes=False)
    assert capsys.readouterr().err.endswith("u10/lab, u11/lab and 38 more\n")


def test_what_is_deleted_is_looked_for_among_those_that_do_not_run_too(hub: Hub, site: Site) -> None:
    assert select_named(hub, [], Running(name="lab"), yes=True) == [Target("ana", "lab"), Target("ben", "lab")]
    assert "include_stopped_servers" in site.queries[-1]
    select_named(hub, [], IDLE, yes=True)
    assert "include_stopped_servers" not in site.queries[-1]


def test_the_preview_of_many_starts_takes_one_listing(hub: Hub, site: Site) -> None:
    hub.version()
    site.asked.clear()
    wanted = [Target(user, "lab") for user in ("ana", "ben", *(f"u{n}" for n in range(500)))]
    preview = hub.preview(hub.servers.start_many, wanted, profile="gpu")
    assert (len(preview), preview.complete, preview.failed) == (500, True, ())
    assert str(preview.requests[0]) == 'POST /users/u0/servers/lab {"user_options":{"profile":"gpu"}}'
    assert site.asked == ["GET /users"]


def test_what_runs_otherwise_fails_in_the_preview_and_the_others_do_not(hub: Hub, site: Site) -> None:
    preview = hub.preview(hub.servers.start_many, ["ana/lab", "ben", "di/lab"], profile="cpu", display_name="Lab")
    assert [request.path for request in preview] == ["/users/di/servers/lab"]
    assert [type(error) for error in preview.failed] == [Conflict, InvalidInput]


def test_who_may_not_list_servers_sees_all_starts(hub: Hub, site: Site) -> None:
    site.listing = 403
    preview = hub.preview(hub.servers.start_many, ["ana/lab", "ben/lab", "cy/lab"], profile="gpu")
    assert [request.path for request in preview] == [f"/users/{user}/servers/lab" for user in ("ana", "ben", "cy")]


def test_the_command_shows_the_starts_and_counts_what_is_there(
    hub: Hub, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jhub.cli.server_start.connect", lambda: nullcontext(hub))
    users = [*site.used, *(f"u{n}" for n in range(500))]
    result = CliRunner().invoke(start, [*(f"{user}/lab" for user in users), "--profile", "gpu", "--dry-run"])
    assert result.exit_code == 0, result
    assert len(result.stdout.splitlines()) == 500
    assert result.stdout.splitlines()[0] == 'POST /users/u0/servers/lab {"user_options":{"profile":"gpu"}}'
    assert result.stderr == "2 of 502 already run with these options, or are starting\n"


def test_fleets_that_end_servers_are_previewed_without_a_look(hub: Hub, site: Site) -> None:
    stop = hub.preview(hub.servers.stop_many, ["ana/lab", "ben"])
    assert [str(request) for request in stop] == ["DELETE /users/ana/servers/lab", "DELETE /users/ben/server"]
    delete = hub.preview(partial(hub.servers.delete_many, ["ana/lab", "ben"], timeout=5))
    assert [str(request) for request in delete] == ['DELETE /users/ana/servers/lab {"remove":true}']
    assert [str(error) for error in delete.failed] == ["the default server of ben cannot be deleted"]
    assert not hub.preview(hub.servers.wait_many, ["ana/lab"]).requests
    assert site.asked == []
