"""The OAuth client of `jhub login --browser`: the service, and the scope that lets all users sign in with it.

None of it goes into `c`, where a later assignment to `services` or `load_roles` would replace it. It is added when
the hub reads these settings, after the whole file; and as part of the hub's configuration, so that it disappears
together with the call of `enable`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterhub import orm, version_info
from jupyterhub.app import JupyterHub

from jhub import oauth_client
from jhub.errors import InvalidInput
from jhub.extension.patching import wrap_once

NAME = oauth_client.NAME
"""Name of the service."""


def install() -> None:
    """Wrap three steps of the hub's start, once."""
    wrap_once(JupyterHub, "init_role_creation", _wrap_init_role_creation)
    wrap_once(JupyterHub, "init_services", _wrap_init_services)
    wrap_once(JupyterHub, "init_role_assignment", _wrap_init_role_assignment)


def _wrap_init_role_creation(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add the scope to the role `user`, which all users have, whatever scopes the configuration gives to this role.

    At each start the hub sets a role's scopes to those of the configuration, so the scope disappears together with the
    call of `enable`. (`jupyterhub token`, beside a running hub, runs this step but no start: the scope belongs here.)
    """

    async def init_role_creation(self: Any) -> None:
        await original(self)
        role = orm.Role.find(self.db, "user")
        if oauth_client.ACCESS_SCOPE not in role.scopes:
            # A new list: SQLAlchemy does not detect changes within the old one.
            role.scopes = [*role.scopes, oauth_client.ACCESS_SCOPE]
            self.db.commit()

    return init_role_creation


def _wrap_init_services(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add the service to those of the configuration."""

    def init_services(self: Any) -> Any:
        spec = oauth_client.service_entry(version_info[:2])
        _check_configuration(self, spec)
        _adopt_service(self)
        if spec not in self.services:
            self.services = [*self.services, spec]
        return original(self)

    return init_services


def _wrap_init_role_assignment(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Remove roles that an earlier service of this name may have left in the database.

    The service's secret is public. Roles that the configuration assigns to it have already stopped the hub.
    """

    async def init_role_assignment(self: Any) -> None:
        await original(self)
        service = orm.Service.find(self.db, NAME)
        if service is not None and (service.roles or service.admin):
            self.log.warning("Removing all roles from the service %s, because its secret is public", NAME)
            service.roles = []
            service.admin = False
            self.db.commit()

    return init_role_assignment


def _check_configuration(app: Any, spec: dict[str, object]) -> None:
    """Raise InvalidInput, which stops the hub, if the configuration uses the service's name for something else."""
    for other in app.services:
        if other != spec and (other.get("name") == NAME or other.get("oauth_client_id") == oauth_client.CLIENT_ID):
            raise InvalidInput(
                f"jhub.extension.enable(c, login_client=True) registers the service {NAME}, but another service "
                f"has that name or OAuth client in c.JupyterHub.services: {other.get('name')}"
            )
    for role in app.load_roles:
        if NAME in role.get("services", ()):
            raise InvalidInput(
                f"c.JupyterHub.load_roles gives the role {role.get('name')} to the service {NAME}, whose secret is "
                "public; remove {NAME} from that role"
            )


def _adopt_service(app: Any) -> None:
    """Move a service that was registered by REST into the configuration. Raises InvalidInput if it is another client.

    Otherwise the hub would keep the registered service unchanged, and the configuration could not remove it.
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
            f"jhub.extension.enable(c, login_client=True) registers the service {NAME}, but another service with "
            f"that name was registered while the hub ran; remove it with jhub service delete {NAME}"
        )
    service.from_config = True
    app.db.commit()
