"""The local hub: a real JupyterHub as a child process on loopback, for trying things out and for tests.

    from jhub.local import LocalHub

    with LocalHub(users=["ana", "bo"]) as hub:
        print(hub.url, hub.username, hub.password)

`up`, `down`, `status` and `reset` control a hub that runs in the background and keeps its state in a folder.
Starting a hub needs `pip install 'jhub[local]'`; importing this module does not.
"""

from jhub.discovery import is_loopback
from jhub.local.background import Status, down, exists, reset, status, up
from jhub.local.hub import LocalHub
from jhub.local.state_folder import default_folder

__all__ = ["LocalHub", "Status", "default_folder", "down", "exists", "is_loopback", "reset", "status", "up"]
