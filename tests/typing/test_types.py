"""Types of the public names, checked by mypy and pyright; nothing here is run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from jhub import (
    AsyncFleet,
    AsyncHub,
    AsyncStream,
    Difference,
    Fleet,
    Flow,
    Group,
    Hub,
    HubInfo,
    Identity,
    Members,
    NameEvent,
    NameSummary,
    OAuthToken,
    Preview,
    Profile,
    ProfileChoice,
    ProfileOption,
    Progress,
    Request,
    Route,
    Running,
    Server,
    ServerEvent,
    Service,
    Share,
    ShareCode,
    Stream,
    Summary,
    Target,
    Timeouts,
    Token,
    TokenKind,
    UnlistedChoice,
    User,
    UserTokens,
    revocation_groups,
)
from jhub.bulk.groups import BulkGroupOps
from jhub.bulk.users import BulkUserOps
from jhub.fleet.selection import resolve
from jhub.fleet.servers import FleetOps
from jhub.models import Version
from jhub.operations.groups import GroupOps
from jhub.operations.hub import HubOps
from jhub.operations.profiles import ProfileOps
from jhub.operations.servers import ServerOps
from jhub.operations.tokens import TokenOps
from jhub.operations.users import UserOps
from jhub.steps import Done, HubVersion, Next, Now, Operation, call, send
from jhub.testing import Played, play


def what_a_hub_gives(hub: Hub) -> None:
    assert_type(hub.users.list(), Stream[User])
    assert_type(hub.users.get("ana"), User)
    assert_type(hub.users.create("ana", admin=True, exist_ok=True), User)
    assert_type(hub.users.edit("ana", admin=True), User)
    assert_type(hub.users.rename("ana", "anna"), User)
    assert_type(hub.users.record_activity("ana", at=datetime.now(UTC), servers=["lab"]), None)
    assert_type(hub.users.delete("ana"), None)
    assert_type(hub.groups.list(), Stream[Group])
    assert_type(hub.groups.create_many(["geo", "bio"], users=["ana"]), tuple[Group, ...])
    assert_type(hub.groups.get("geo"), Group)
    assert_type(hub.groups.create("geo", exist_ok=True), Group)
    assert_type(hub.groups.add_users("geo", ["ana"]), Group)
    assert_type(hub.groups.remove_users("geo", (name for name in "ab")), Group)
    assert_type(hub.groups.set_users("geo", ["ana"]), NameSummary)
    assert_type(hub.groups.compare_users("geo", ["ana"]), Difference)
    assert_type(hub.groups.change_users(hub.groups.compare_users("geo", ["ana"])), NameSummary)
    assert_type(hub.users.get_many(["ana"]), Fleet[NameEvent, NameSummary])
    assert_type(hub.servers.select(Running(idle=7200)), list[Target])
    assert_type(hub.preview(hub.servers.start_many, ["ana"], profile="gpu"), Preview)
    assert_type(hub.time(), datetime)
    assert_type(hub.tokens.get("ana", "a7").kind, TokenKind)
    assert_type(revocation_groups(hub.tokens.list("ana")), list[list[Token]])
    assert_type(hub.groups.set_properties("geo", {"quota": None}), Group)
    assert_type(hub.groups.delete("geo"), None)
    assert_type(hub.servers.list("ana", stopped=True), Stream[Server])
    assert_type(hub.servers.get("ana", "lab"), Server)
    assert_type(hub.servers.start("ana", "lab", profile="gpu", user_options={"size": 2}), Server)
    assert_type(hub.servers.create("ana", "lab", display_name="Lab"), Server)
    assert_type(hub.servers.edit("ana", "lab", user_options={"size": 2}), Server)
    assert_type(hub.servers.rename("ana", "lab", "old-lab"), Server)
    assert_type(hub.servers.wait("ana"), Server)
    assert_type(hub.servers.restart("ana"), Server)
    assert_type(hub.servers.stop("ana"), None)
    assert_type(hub.servers.delete("ana", "lab"), None)
    assert_type(hub.servers.progress("ana"), Stream[Progress])
    assert_type(hub.profiles.list(), Stream[Profile])
    assert_type(hub.profiles.list("ana"), Stream[Profile])
    assert_type(hub.profiles.get("gpu", "ana"), Profile)
    assert_type(hub.tokens.list("ana"), Stream[Token])
    assert_type(hub.tokens.list_all(unused_for=60), Stream[UserTokens])
    assert_type(hub.tokens.create("ana", expires_in=60, scopes=["servers"]), Token)
    assert_type(hub.tokens.create_with_password("ana", "secret"), Token)
    assert_type(hub.tokens.get("ana", "a7"), Token)
    assert_type(hub.tokens.revoke("ana", "a7"), None)
    assert_type(hub.tokens.exchange_code("x", client_id="", client_secret="", redirect_uri=""), OAuthToken)
    assert_type(hub.shares.list("ana"), Stream[Share])
    assert_type(hub.shares.list_shared_with(user="ben"), Stream[Share])
    assert_type(hub.shares.grant("ana", "lab", user="ben"), Share)
    assert_type(hub.shares.get("ana", "lab", group="geo"), Share)
    assert_type(hub.shares.revoke("ana", "lab", user="ben"), Share | None)
    assert_type(hub.shares.revoke_all("ana", "lab"), None)
    assert_type(hub.shares.leave("ana", "lab", user="ben"), None)
    assert_type(hub.share_codes.list("ana"), Stream[ShareCode])
    assert_type(hub.share_codes.create("ana", "lab", expires_in=3600), ShareCode)
    assert_type(hub.share_codes.revoke("ana", "lab", "sc_1"), None)
    assert_type(hub.services.list(), Stream[Service])
    assert_type(hub.services.get("robot"), Service)
    assert_type(hub.services.create("robot", api_token="secret"), Service)
    assert_type(hub.services.delete("robot"), None)
    assert_type(hub.proxy.routes(), Stream[Route])
    assert_type(hub.proxy.sync(), None)
    assert_type(hub.shutdown(servers=False), None)
    assert_type(hub.version(), str)
    assert_type(hub.info(), HubInfo)
    assert_type(hub.whoami(), Identity)
    assert_type(hub.api_url, str)
    assert_type(Hub("", timeout=5, verify="ca.pem", proxy="http://proxy:3128"), Hub)
    assert_type(Hub("", timeout=Timeouts(connect=3, total=60), verify=False), Hub)


def what_a_hub_gives_item_by_item(hub: Hub) -> None:
    for user in hub.users.list():
        assert_type(user, User)
    assert_type(list(hub.groups.list()), list[Group])
    assert_type(iter(hub.servers.list()), Generator[Server, None, None])


async def what_an_asynchronous_hub_gives(hub: AsyncHub) -> None:
    assert_type(hub.users.list(), AsyncStream[User])
    assert_type(await hub.users.list(), list[User])
    assert_type(await hub.users.get("ana"), User)
    assert_type(await hub.users.create("ana"), User)
    assert_type(await hub.users.delete("ana"), None)
    assert_type(await hub.groups.list(), list[Group])
    assert_type(await hub.groups.get("geo"), Group)
    assert_type(await hub.groups.add_users("geo", ["ana"]), Group)
    assert_type(await hub.groups.set_users("geo", ["ana"]), NameSummary)
    assert_type(await hub.servers.list(), list[Server])
    assert_type(await hub.shares.list("ana"), list[Share])
    assert_type(await hub.shares.revoke("ana", "lab", user="ben"), Share | None)
    assert_type(await hub.services.list(), list[Service])
    assert_type(await hub.proxy.routes(), list[Route])
    assert_type(await hub.shutdown(), None)
    assert_type(await hub.servers.start("ana", profile="gpu"), Server)
    assert_type(await hub.servers.stop("ana"), None)
    assert_type(await hub.servers.progress("ana"), list[Progress])
    assert_type(await hub.profiles.list("ana"), list[Profile])
    assert_type(await hub.profiles.get("gpu"), Profile)
    assert_type(await hub.tokens.create("ana"), Token)
    assert_type(await hub.version(), str)
    assert_type(await hub.whoami(), Identity)
    assert_type(await hub.find_api_url(), str)


async def what_an_asynchronous_hub_gives_item_by_item(hub: AsyncHub) -> None:
    async for user in hub.users.list():
        assert_type(user, User)
    assert_type([server async for server in hub.servers.list()], list[Server])
    assert_type(aiter(hub.groups.list()), AsyncIterator[Group])


def what_a_profile_tells(profile: Profile, option: ProfileOption) -> None:
    assert_type(profile.profile_options, tuple[ProfileOption, ...])
    assert_type(option.choices, tuple[ProfileChoice, ...])
    assert_type(option.default, ProfileChoice | None)
    assert_type(option.unlisted_choice, UnlistedChoice | None)


def what_a_fleet_tells(hub: Hub) -> None:
    assert_type(hub.servers.start_many(["ana"]), Fleet[ServerEvent, Summary])
    assert_type(hub.servers.stop_many(hub.servers.list()), Fleet[ServerEvent, Summary])
    assert_type(hub.servers.start_many(Members("geo", "lab")), Fleet[ServerEvent, Summary])
    assert_type(hub.servers.stop_many(Running(group="geo", idle=timedelta(hours=2))), Fleet[ServerEvent, Summary])
    assert_type(hub.servers.list(idle=7200, state="ready"), Stream[Server])
    assert_type(hub.run(resolve(Running(profile="gpu"))), list[Target])
    with hub.servers.start_many(["ana", ("ben", "lab")], profile="gpu") as fleet:
        for event in fleet:
            assert_type(event, ServerEvent)
    assert_type(fleet.summary, Summary)
    assert_type(fleet.summary.ok, bool)
    assert_type(fleet.summary.failed, tuple[ServerEvent, ...])
    with hub.users.create_many(["ana"], admin=True, exist_ok=False) as creation:
        for each in creation:
            assert_type(each, NameEvent)
            assert_type(each.user, User | None)
    assert_type(creation.summary, NameSummary)
    assert_type(creation.summary.failed, tuple[NameEvent, ...])


async def what_an_asynchronous_fleet_tells(hub: AsyncHub) -> None:
    assert_type(hub.servers.delete_many(["ana/lab"]), AsyncFleet[ServerEvent, Summary])
    async with hub.servers.start_many(await hub.servers.list()) as fleet:
        async for event in fleet:
            assert_type(event, ServerEvent)
    assert_type(fleet.summary, Summary)
    assert_type(hub.users.create_many(name for name in "ab"), AsyncFleet[NameEvent, NameSummary])


def what_a_plan_is() -> None:
    assert_type(UserOps.get("ana"), Operation[User])
    assert_type(GroupOps.list(), Operation[None])
    assert_type(ServerOps.stop("ana"), Operation[None])
    assert_type(ProfileOps.list(), Operation[None])
    assert_type(ProfileOps.get("gpu"), Operation[Profile])
    assert_type(HubOps.version(), Operation[str])
    assert_type(FleetOps.start_many(["ana"]), Operation[Summary])
    assert_type(BulkUserOps.create_many(["ana"]), Operation[NameSummary])
    assert_type(BulkGroupOps.set_users("geo", ["ana"]), Operation[NameSummary])
    assert_type(call("GET", "/", Version), Request[Version])
    assert_type(call("GET", "/", list[User]), Request[list[User]])
    assert_type(send("POST", "/proxy"), Request[None])


def how_flows_compose() -> Flow[str]:
    assert_type((yield from UserOps.get("ana")), User)
    assert_type((yield from TokenOps.create("ana")), Token)
    assert_type((yield from ServerOps.start("ana")), Server)
    assert_type((yield from call("GET", "/", Version)), Version)
    assert_type((yield from call("GET", "/", Version).once()), Version)
    assert_type((yield from Now()), float)
    assert_type((yield from HubVersion()), tuple[int, ...])
    assert_type((yield from Next(1.0)), Done | None)
    return "done"


def what_running_a_plan_gives(hub: Hub) -> None:
    assert_type(hub.run(call("GET", "/", Version)), Version)
    assert_type(hub.run(call("GET", "/", Version).once()), Version)
    assert_type(hub.run(Request("GET", "/x", lambda answer: answer.status)), int)
    assert_type(hub.run(UserOps.get("ana")), User)
    assert_type(hub.run(how_flows_compose()), str)
    assert_type(hub.fleet(FleetOps.start_many(["ana"])), Fleet[Any, Summary])
    with Hub("https://hub.example.org") as same, Hub.login("", username="", password="") as other:
        assert_type(same, Hub)
        assert_type(other, Hub)
    assert_type(Hub.login(""), Hub)
    assert_type(
        Hub.login("", second_factor="1", method="form", ask=str, note="n", expires_in=None, scopes=["self"]), Hub
    )


async def what_running_a_plan_asynchronously_gives(hub: AsyncHub) -> None:
    assert_type(await hub.run(call("GET", "/", Version)), Version)
    assert_type(await hub.run(UserOps.get("ana")), User)
    assert_type(await hub.run(how_flows_compose()), str)
    assert_type(await AsyncHub.login("", username="", password=""), AsyncHub)
    assert_type(
        await AsyncHub.login("", second_factor="1", method="browser", ask=str, scopes=(s for s in "ab")), AsyncHub
    )


def what_playing_a_plan_gives() -> None:
    assert_type(play(UserOps.get("ana")), Played[User])
    assert_type(play(how_flows_compose()).result, str)
    assert_type(play(FleetOps.start_many(["ana"])).result.done, tuple[ServerEvent, ...])


def what_is_refused(hub: Hub, asynchronous: AsyncHub) -> None:
    hub.users.get()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    hub.users.get(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    hub.users.list(sort="age")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    hub.users.list(state="asleep")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    hub.servers.start("ana", "lab", "gpu")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Hub.login("", method="magic")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Hub.login("", "ana", "secret")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    hub.users.gett("ana")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    len(hub.users.list())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    for _ in asynchronous.users.list():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
        pass
