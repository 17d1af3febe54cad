"""Signing in with `jhub login --browser`: the hub has its OAuth client, and lets all users use it.

Nothing of it goes into `c`, where `services` or `load_roles` set further down would replace it. It is put in place
when the hub reads these settings, after all of them; and as part of its configuration, so that it goes with the line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterhub import orm, version_info
from jupyterhub.app import JupyterHub

from jhub import oauth_client
from jhub.errors import InvalidInput
from jhub.extension.patching import wrap

NAME = oauth_client.NAME


def install() -> None:
    """Wrap the three steps of the hub's start that it takes, once."""
    wrap(JupyterHub, "init_role_creation", _then_let_users_in)
    wrap(JupyterHub, "init_services", _with_client)
    wrap(JupyterHub, "init_role_assignment", _then_without_roles)


def _then_let_users_in(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add the scope to the role that all users have, whatever the configuration makes of this role.

    At each start the hub sets a role's scopes to those of the configuration, so it does not stay where the line does
    not. (`jupyterhub token` does so too, beside a running hub: hence here, and not at the end of a start.)
    """

    async def init_role_creation(self: Any) -> None:
        await original(self)
        role = orm.Role.find(self.db, "user")
        if oauth_client.ACCESS_SCOPE not in role.scopes:
            # A list of its own: the database does not see changes within one.
            role.scopes = [*role.scopes, oauth_client.ACCESS_SCOPE]
            self.db.commit()

    return init_role_creation


def _with_client(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add the service to those of the configuration."""

    def init_services(self: Any) -> Any:
        spec = oauth_client.service_entry(version_info[:2])
        _check_configuration(self, spec)
        _adopt(self)
        if spec not in self.services:
            self.services = [*self.services, spec]
        return original(self)

    return init_services


def _then_without_roles(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Take from the service what roles an earlier one of its name may have left in the database: everybody knows its
    secret. Roles that the configuration gives it have stopped the hub before.
    """

    async def init_role_assignment(self: Any) -> None:
        await original(self)
        service = orm.Service.find(self.db, NAME)
        if service is not None and (service.roles or service.admin):
            self.log.warning("Taking all roles from the service %s, whose secret is known to everybody", NAME)
            service.roles = []
            service.admin = False
            self.db.commit()

    return init_role_assignment


def _check_configuration(app: Any, spec: dict[str, object]) -> None:
    """InvalidInput, which stops the hub, for what the administrator means by this name, and is something else."""
    for other in app.services:
        if other != spec and (other.get("name") == NAME or other.get("oauth_client_id") == oauth_client.CLIENT_ID):
            raise InvalidInput(
                f"jhub.extension.enable(c, login_client=True) registers the service {NAME}, and there is another of "
                f"that name or OAuth client in c.JupyterHub.services: {other.get('name')}"
            )
    for role in app.load_roles:
        if NAME in role.get("services", ()):
            raise InvalidInput(
                f"c.JupyterHub.load_roles gives the role {role.get('name')} to the service {NAME}, whose secret is "
                "known to everybody"
            )


def _adopt(app: Any) -> None:
    """Make a service of the configuration of one that was registered by REST. InvalidInput if it is another client.

    The hub would keep that one as it is, and no line of the configuration could take it away.
    """
    service = orm.Service.find(app.db, NAME)
    if service is None or service.from_config:
        return
    client = service.oauth_client
    same = client is not None and (client.identifier, client.redirect_uri) == (
        oauth_client.CLIENT_ID,
        oauth_client.REDIRECT_URI,
    )
    if not same:
        raise InvalidInput(
            f"jhub.extension.enable(c, login_client=True) registers the service {NAME}, and there is another of that "
            f"name, registered while the hub ran: remove it with jhub service delete {NAME}"
        )
    service.from_config = True
    app.db.commit()
