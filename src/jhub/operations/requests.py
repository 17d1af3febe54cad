"""Parts of requests that several operations share: paths, bodies, and checks of the hub's version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from jhub.errors import InvalidInput, NotFound, Unsupported, is_missing
from jhub.steps import Flow, HubVersion, Operation, segment

UNKNOWN_SCOPE_HINT = "check for a misspelt scope: JupyterHub 5 and 6 fail like this for an unknown one"
"""Hint of a 500 for a request with scopes."""


def user_path(name: str) -> str:
    """Return the path `/users/NAME`, quoted."""
    return f"/users/{segment(name, 'user')}"


def list_of(names: Iterable[str]) -> list[str]:
    """Return the names as a list; a str is a single name, and not a sequence of its letters."""
    return [names] if isinstance(names, str) else list(names)


def body_of(**fields: object) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def check_timeout(seconds: float | None, name: str = "timeout") -> None:
    """Raise `InvalidInput` if a limit of time is not greater than 0; None means no limit."""
    if seconds is not None and not seconds > 0:
        raise InvalidInput(f"{name} must be greater than 0, not {seconds}")


T = TypeVar("T")


def accept_missing(operation: Operation[T], missing_ok: bool) -> Flow[T | None]:
    """Return the answer of a deletion; with `missing_ok` None if there is nothing to delete."""
    try:
        return (yield from operation)
    except NotFound as error:
        if not (missing_ok and is_missing(error)):
            raise
        return None


def since(version: str, operation: Operation[T], what: str) -> Flow[T]:
    """Return the answer of `operation`; `Unsupported` if the hub is older than `version` and lacks the route.

    A hub without a route answers 404 or 405 and changes nothing, so the version is read only after that.
    """
    try:
        return (yield from operation)
    except (NotFound, Unsupported) as error:
        yield from require_version(version, what, method=error.method, path=error.path, status=error.status)
        raise


def require_version(version: str, what: str, *, method: str = "", path: str = "", status: int = 405) -> Flow[None]:
    """Raise `Unsupported` if the hub is older than `version`."""
    hub_version = yield from HubVersion()
    if hub_version < tuple(map(int, version.split("."))):
        running = ".".join(map(str, hub_version))
        raise Unsupported(
            f"{what}: needs JupyterHub {version}; this hub is {running}", method=method, path=path, status=status
        )
