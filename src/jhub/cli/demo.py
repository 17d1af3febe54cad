"""`jhub demo`: get a token, manage a group and start servers, on a local hub."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import click
import msgspec

from jhub.cli.kit.options import common, output
from jhub.cli.kit.output import View, note
from jhub.errors import APIError, HubError, NotAHub
from jhub.models import Version
from jhub.steps import Request, call

if TYPE_CHECKING:
    from jhub import Hub, Server

GROUP = "geo"
PROFILE_OF_USER = {"ana": "lab", "bo": "lean"}
REMOVED_USER = "cy"


class Row(msgspec.Struct, frozen=True):
    """A server that the demo started, and the application that responds in it."""

    user: str
    server: str
    profile: str
    application: str
    url: str
    seconds: float


ROWS: View[Row] = View(
    name=lambda row: f"{row.user}/{row.server}",
    columns={
        "USER": lambda row: row.user,
        "SERVER": lambda row: row.server,
        "PROFILE": lambda row: row.profile,
        "APPLICATION": lambda row: row.application,
        "URL": lambda row: row.url,
        "SECONDS": lambda row: row.seconds,
    },
)


@click.command()
@click.option("--keep", is_flag=True, help="Leave the hub running, like jhub local up.")
@output()
@common
def demo(keep: bool, output_format: str) -> None:
    """Start a real JupyterHub and show the main tasks: get a token, manage a group, start servers from profiles.

    The hub and its servers stop at the end, unless you use --keep. Requires: pip install 'jhub[local]'

    $ jhub demo
    $ jhub demo --keep
    """
    from jhub import Hub, local

    began = time.monotonic()
    with ExitStack() as stack:
        note("starting a JupyterHub on this machine …")
        local_hub = local.up() if keep else stack.enter_context(local.LocalHub())
        note(f"  JupyterHub {local_hub.version} at {local_hub.url}")

        note("1. get a token with a username and a password")
        hub = stack.enter_context(
            Hub.login(
                local_hub.url, username=local_hub.username, password=local_hub.password, note="demo", expires_in=3600
            )
        )
        identity = hub.whoami()
        note(f"  this token belongs to {identity.name}, and has {len(identity.scopes)} scopes")

        note("2. create a group, add three users and remove one")
        hub.groups.create(GROUP, exist_ok=True)
        for name in (*PROFILE_OF_USER, REMOVED_USER):
            hub.users.create(name, exist_ok=True)
        hub.groups.add_users(GROUP, [*PROFILE_OF_USER, REMOVED_USER])
        hub.groups.remove_users(GROUP, [REMOVED_USER])
        for group in hub.groups.list():
            note(f"  {group.name}: {', '.join(group.users or ())}")

        note("3. start a named server from a profile for each member")
        members = [user for user in hub.groups.get(GROUP).users or () if user in PROFILE_OF_USER]
        ROWS.print_list([_start_server(hub, user, PROFILE_OF_USER[user]) for user in members], output_format)

        if keep:
            from jhub.cli.local import NEXT_STEPS, sign_in

            sign_in(local_hub)
            note(f"the hub keeps running at {local_hub.url}; log in as {local_hub.username}, or as ana")
            for line in NEXT_STEPS:
                note(line)
        else:
            note("stopping everything …")
    note(f"done in {time.monotonic() - began:.0f} s")
    if not keep:
        note("next: try it yourself on a hub that keeps running, jhub local up, or on your own, jhub login URL")


def _start_server(hub: Hub, user: str, profile: str) -> Row:
    with hub.servers.start_many([(user, f"{profile}-demo")], profile=profile) as fleet:
        for event in fleet:
            if event.kind == "progress":
                note(f"  {event.target}: {event.progress or 0:.0f} % {event.message}")
            elif event.error is not None:
                raise event.error
    [started] = fleet.summary.done
    server = started.server
    if server is None:
        raise HubError(f"server {started.target} is ready, but the hub does not report its address")
    note(f"  {started.target}: ready after {started.seconds or 0:.1f} s")
    return Row(
        user,
        server.name,
        profile,
        _describe_application(hub, server),
        urljoin(hub.url, server.url),
        started.seconds or 0,
    )


def _describe_application(hub: Hub, server: Server) -> str:
    """Return the application of a server, from its own REST API. Only the profile `lab` has JupyterLab."""
    version = hub.run(call("GET", f"{server.url}api", Version, root="site", about=f"server {server.target}"))
    lab = Request("GET", f"{server.url}lab", lambda answer: True, root="site", about="JupyterLab")
    try:
        with_lab = hub.run(lab)
    except (APIError, NotAHub):
        with_lab = False
    return f"{'JupyterLab on ' if with_lab else ''}Jupyter Server {version.version}"
