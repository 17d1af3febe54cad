"""What a hub is too old for."""

from __future__ import annotations

from typing import TypeVar

from jhub.errors import NotFound, Unsupported
from jhub.steps import Flow, HubVersion, Operation

T = TypeVar("T")


def since(version: str, operation: Operation[T], what: str) -> Flow[T]:
    """What `operation` answers; `Unsupported` where its route is missing because the hub is older than `version`.

    A hub without a route says 404 or 405, and changes nothing: no need to ask for the version before.
    """
    try:
        return (yield from operation)
    except (NotFound, Unsupported) as error:
        yield from need(version, what, method=error.method, path=error.path, status=error.status)
        raise


def need(version: str, what: str, *, method: str = "", path: str = "", status: int = 405) -> Flow[None]:
    """`Unsupported` on a hub older than `version`."""
    have = yield from HubVersion()
    if have < tuple(map(int, version.split("."))):
        this = ".".join(map(str, have))
        raise Unsupported(
            f"{what}: needs JupyterHub {version}; this hub is {this}", method=method, path=path, status=status
        )
