"""A blocking interface to `AsyncHub`, so that each live test runs on `Hub` and `AsyncHub`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from anyio.from_thread import BlockingPortal

from jhub import AsyncFleet, AsyncHub, AsyncSingleUser, AsyncStream


class Blocking:
    """A wrapper of an `AsyncHub` or a namespace of it that waits for coroutines."""

    def __init__(self, portal: BlockingPortal, inner: Any) -> None:
        self._portal = portal
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not callable(attribute):
            return Blocking(self._portal, attribute)
        return lambda *args, **kwargs: self._wait(attribute(*args, **kwargs))

    def __enter__(self) -> Blocking:
        self._portal.call(self._inner.__aenter__)
        return self

    def __exit__(self, *exc: object) -> None:
        self._portal.call(self._inner.__aexit__, None, None, None)

    def _wait(self, result: Any) -> Any:
        if inspect.iscoroutine(result):
            return self._portal.call(lambda: result)
        if isinstance(result, AsyncStream):
            return self._portal.call(_all, result)
        if isinstance(result, AsyncFleet):
            return _Fleet(self._portal, result)
        if isinstance(result, AsyncSingleUser):
            return Blocking(self._portal, result)
        return result


class _Fleet:
    def __init__(self, portal: BlockingPortal, fleet: AsyncFleet[Any, Any]) -> None:
        self._portal = portal
        self._fleet = fleet

    def __enter__(self) -> _Fleet:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(self._portal.call(_events, self._fleet))

    @property
    def summary(self) -> Any:
        return self._fleet.summary


async def _all(stream: AsyncStream[Any]) -> list[Any]:
    return await stream


async def _events(fleet: AsyncFleet[Any, Any]) -> list[Any]:
    async with fleet:
        return [event async for event in fleet]


def blocking(portal: BlockingPortal, url: str, token: str | None = None, transport: Any = None) -> Any:
    """Return an `AsyncHub` with the blocking interface of `Hub`."""
    return Blocking(portal, portal.call(_make, url, token, transport))


async def _make(url: str, token: str | None, transport: Any) -> AsyncHub:
    return AsyncHub(url, token, transport=transport)
