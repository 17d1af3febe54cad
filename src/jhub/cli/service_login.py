"""`jhub service create --login-client`: what `jhub login --browser` needs on a hub."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jhub import oauth_client
from jhub.cli.kit.output import View, note, print_requests
from jhub.errors import Conflict
from jhub.models import Service
from jhub.steps import HubVersion

if TYPE_CHECKING:
    from jhub import Hub


def create_login_client(hub: Hub, view: View[Service], form: str, *, if_not_exists: bool, dry_run: bool) -> None:
    """Register the client, and say who can use it and what makes that everybody."""
    register = partial(hub.services.create_login_client, exist_ok=if_not_exists)
    if dry_run:
        print_requests([hub.preview(register)])
        return
    try:
        made = register()
    except Conflict as error:
        error.hint = error.hint or "with --if-not-exists it is seen to that it is the right one"
        raise
    view.one(made, form)
    note("administrators can sign in with jhub login --browser now; for everybody, put this into jupyterhub_config.py")
    note("and restart the hub:")
    note("")
    have = hub.run(HubVersion())
    note(oauth_client.access(have))
    if have < (6,):
        note("")
        note(oauth_client.ROLE_IS_THERE)
