"""A real JupyterHub as a child process, on loopback: for trying things, and for tests.

    from jhub.local import LocalHub

    with LocalHub(users=["ana", "bo"]) as hub:
        print(hub.url, hub.username, hub.password)

`up`, `down`, `status` and `reset` keep one running in the background, with its state in a folder.
Needs `pip install 'jhub[local]'` when a hub is started, not when this is imported.
"""

from jhub.discovery import is_loopback
from jhub.local.background import Status, down, exists, reset, status, up
from jhub.local.hub import LocalHub
from jhub.local.state_folder import default_folder

__all__ = ["LocalHub", "Status", "default_folder", "down", "exists", "is_loopback", "reset", "status", "up"]
