"""Paged listings: items one at a time, with the next pages prefetched."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from msgspec import MsgspecError, Raw, Struct, field, json

from jhub.errors import NotAHub
from jhub.steps import Answer, Cancel, Done, Emit, Flow, Fork, Next, Request, call

T = TypeVar("T")

MEDIA_TYPE = "application/jupyterhub-pagination+json"
"""Media type that makes JupyterHub page its lists."""
MAX_PAGE_SIZE = 200
"""Maximum number of items that JupyterHub puts on a page, with its default `api_page_max_limit`."""
MAX_PAGES_IN_FLIGHT = 4
"""Maximum number of pages in flight. A hub answers reads one after the other, so further ones would only queue."""
MAX_REMEMBERED_KEYS = 2000
"""Maximum number of recent items among which a repeated item is dropped."""
WAIT_SECONDS = 1.0
"""Maximum wait for a page in flight before the flow checks again."""


class _NextPage(Struct):
    offset: int


class _Pagination(Struct):
    next: _NextPage | None = None
    total: int = 0


class Page(Struct, Generic[T]):
    """A page of a listing."""

    items: list[T] | dict[str, T]
    pagination: _Pagination = field(name="_pagination")

    def entries(self) -> list[T]:
        """Return the items as a list; some listings have them by name."""
        return list(self.items.values()) if isinstance(self.items, dict) else self.items


class _Total(Struct):
    pagination: _Pagination = field(name="_pagination")


class _RawPage(Struct):
    items: list[Raw]
    pagination: Raw = field(name="_pagination")


class _Item(Struct):
    name: str | None = ""


def page_request(
    path: str, item: type[T], offset: int, query: tuple[tuple[str, str], ...] = (), *, about: str
) -> Request[Page[T]]:
    """Return the request for the page of a listing that begins at `offset`.

    Without the media type for pages JupyterHub silently truncates a list at `api_page_max_limit` (200).
    """
    page_query = (*query, ("offset", str(offset)), ("limit", str(MAX_PAGE_SIZE)))
    request = call("GET", path, _page_of(item), query=page_query, about=about, accept=MEDIA_TYPE)
    return replace(request, decode=partial(_decode_page, request.decode))


def pages(
    path: str,
    item: type[T],
    key: Callable[[T], object],
    query: tuple[tuple[str, str], ...] = (),
    *,
    about: str,
    emit: Callable[[T], Iterable[object]] = lambda entry: (entry,),
) -> Flow[None]:
    """Emit every item of a paged listing, or the objects that `emit` makes of it.

    The next page is requested by its offset and not by `next.url`: the hub builds that URL from the request as it
    received it, so behind a proxy it can be another host or plain http, and a token must not go there. A short page is
    not always the last one (`state=ready` filters after the query), and before 5.0 pages of `state=active` repeat users
    (JupyterHub #4789, #5293), which `key` detects.

    From the second page on the listing forks, so a flow with forks of its own must run it in a fork.
    """

    def request_page(offset: int) -> Request[Page[T]]:
        return page_request(path, item, offset, query, about=about)

    recent = _RecentKeys()
    prefetcher = _Prefetcher(request_page)
    offset = 0
    page = yield from request_page(0)
    while True:
        for entry in page.entries():
            if recent.is_new(key(entry)):
                for part in emit(entry):
                    yield Emit(part)
        next_page = page.pagination.next
        if next_page is None or next_page.offset <= offset:
            return
        size, offset = next_page.offset - offset, next_page.offset
        page = yield from prefetcher.page(offset, size, page.pagination.total)


def count_items(path: str, *, about: str) -> Flow[int]:
    """Return the number of items of a paged listing."""
    page_query = (("offset", "0"), ("limit", "1"))
    page = yield from call("GET", path, _Total, query=page_query, about=about, accept=MEDIA_TYPE)
    return page.pagination.total


class _PageTag(NamedTuple):
    listing: object
    offset: int


class _Prefetcher(Generic[T]):
    """A reader of pages that requests the following pages before they are needed."""

    def __init__(self, request_page: Callable[[int], Request[T]]) -> None:
        self._request_page = request_page
        self._in_flight = set[int]()
        self._ready: dict[int, T] = {}

    def page(self, offset: int, size: int, total: int) -> Flow[T]:
        if not self._in_flight and not self._ready and offset + size >= total:
            return (yield from self._request_page(offset))
        # `offset` can lie past `total`, if the total has shrunk since the last page.
        wanted = {offset, *range(offset, min(total, offset + MAX_PAGES_IN_FLIGHT * size), size)}
        for at in sorted(wanted - self._in_flight - self._ready.keys()):
            self._in_flight.add(at)
            yield Fork(self._request_page(at), _PageTag(self, at))
        while offset not in self._ready:
            if done := (yield from Next(WAIT_SECONDS)):
                yield from self._receive(done)
        return self._ready.pop(offset)

    def _receive(self, done: Done) -> Flow[None]:
        if not isinstance(done.tag, _PageTag):
            raise RuntimeError(
                f"{done.tag} ended while a listing waited: fork the listing in a flow that has other forks"
            )
        listing, at = done.tag
        if listing is not self:
            return  # a page of an abandoned listing
        self._in_flight.remove(at)
        if done.error is not None:
            for other in self._in_flight:
                yield Cancel(_PageTag(self, other))
            raise done.error
        self._ready[at] = done.answer


class _RecentKeys:
    """The keys of the most recent items.

    Keeping all keys would need memory for the whole listing, and an item is repeated soon after its first occurrence.
    """

    def __init__(self) -> None:
        self._order = deque[object]()
        self._keys = set[object]()

    def is_new(self, key: object) -> bool:
        if key in self._keys:
            return False
        self._keys.add(key)
        self._order.append(key)
        if len(self._order) > MAX_REMEMBERED_KEYS:
            self._keys.remove(self._order.popleft())
        return True


def _decode_page(decode: Callable[[Answer], T], answer: Answer) -> T:
    """Decode a page, without items that have lost their name.

    JupyterHub 5.5.3 and later erase a user's name for a request that should change nothing (see `UserOps.edit`). One
    such user must not hide all the others.
    """
    try:
        return decode(answer)
    except NotAHub:
        cleaned = _drop_nameless(answer.content)
        if cleaned is None:
            raise
    return decode(Answer(answer.status, answer.headers, cleaned))


def _drop_nameless(content: bytes) -> bytes | None:
    """Return the page without nameless items; None if it is not a page, or has no such items."""
    try:
        page = json.decode(content, type=_RawPage)
        named = [raw for raw in page.items if json.decode(raw, type=_Item).name is not None]
    except (MsgspecError, RecursionError):
        return None
    return None if len(named) == len(page.items) else json.encode(_RawPage(named, page.pagination))


def _page_of(item: type[T]) -> type[Page[T]]:
    return Page[item]  # type: ignore[valid-type]  # a value here, which annotations cannot express
