"""The configuration of the hub in the tests of the idle culler: theirs, free ports, and perhaps the extension."""

from __future__ import annotations

import os
import sys
from typing import Any

import jhub.extension
from upstream.inside.load_extension import PROFILES

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub puts it here
load_subconfig(os.environ["UPSTREAM_CONFIG"])  # type: ignore[name-defined]  # noqa: F821

port, hub_port, proxy_port = os.environ["UPSTREAM_PORTS"].split()
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_port = int(hub_port)
# The servers of JupyterHub's own tests: real ones take so long on a busy machine that the tests give up.
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.tests.mocksu"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{proxy_port}"
if os.environ["UPSTREAM_EXTENSION"]:
    jhub.extension.enable(c, profiles=PROFILES)
