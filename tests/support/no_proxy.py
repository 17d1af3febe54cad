"""A proxy for hubs that are asked at their own port, where nobody uses the servers."""

from __future__ import annotations

from typing import Any

from jupyterhub.proxy import Proxy


class NoProxy(Proxy):  # type: ignore[misc]  # JupyterHub has no types
    """Has no routes, and forgets those that it is given."""

    should_start = False

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Forget it."""

    async def delete_route(self, routespec: str) -> None:
        """There is none."""

    async def get_all_routes(self) -> dict[str, Any]:
        """None."""
        return {}
