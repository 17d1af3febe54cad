"""A real JupyterHub with many users, reachable directly and through a relay with latency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psutil

from bench.relay import through_relay
from jhub import Hub
from jhub.local import LocalHub

# The hub's configuration runs before the hub opens its database. It adds the users with JupyterHub's own classes: 5 000
# in two seconds. The REST API takes half a minute or more, and so does the hub itself to assign missing roles. The
# administrator is one more user.
CONFIG = """
from jupyterhub import orm, roles

db = orm.new_session_factory("sqlite:///jupyterhub.sqlite")()
for role in roles.get_default_roles():
    roles.create_role(db, role)
role = orm.Role.find(db, "user")
users = [orm.User(name=f"student{{number:05}}", roles=[role]) for number in range({users} - 1)]
db.add_all(users)
client = orm.OAuthClient(identifier="jupyterhub", description="JupyterHub")
db.add_all([
    orm.APIToken(user=user, oauth_client=client, token=orm.new_token(), scopes=["inherit"], note=f"job {{number}}")
    for user in users for number in range({tokens})
])
db.commit()
db.close()
"""


class RealHub(NamedTuple):
    """A running hub: its API root, direct (`near`) and through the relay (`far`), and an administrator's token."""

    near: str
    far: str
    token: str
    process: psutil.Process
    version: str

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds that the hub has used so far."""
        times = self.process.cpu_times()
        return times.user + times.system


@contextmanager
def real_hub(users: int, tokens: int = 0) -> Iterator[RealHub]:
    """Run a hub with that many users, and that many tokens for each of them but the administrator."""
    with LocalHub(config=CONFIG.format(users=users, tokens=tokens)) as local:
        with Hub(local.url) as client:
            token = client.tokens.create_with_password(local.username, local.password, note="benchmark")
        with through_relay(local.api_url) as far:
            yield RealHub(local.api_url, far, token.token or "", psutil.Process(local.pid), local.version)
