"""Listings: from page to page, one item at a time, reading a few pages ahead."""

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
MAX_PAGE_SIZE = 200
MAX_PAGES_IN_FLIGHT = 4
"""Pages under way at a time. A hub answers reads one after the other; more would only queue up."""
MAX_REMEMBERED_KEYS = 2000
"""Items among which a repeated one is noticed."""
WAIT_SECONDS = 1.0


class _Next(Struct):
    offset: int


class _Position(Struct):
    next: _Next | None = None
    total: int = 0


class _Page(Struct, Generic[T]):
    items: list[T] | dict[str, T]
    position: _Position = field(name="_pagination")


class _Total(Struct):
    position: _Position = field(name="_pagination")


class _RawPage(Struct):
    items: list[Raw]
    position: Raw = field(name="_pagination")


class _Item(Struct):
    name: str | None = ""


def pages(
    path: str,
    item: type[T],
    key: Callable[[T], object],
    query: tuple[tuple[str, str], ...] = (),
    *,
    about: str,
    emit: Callable[[T], Iterable[object]] = lambda each: (each,),
) -> Flow[None]:
    """Emits every item of a paged listing, or what `emit` makes of it.

    Without the media type for pages JupyterHub cuts a list at `api_page_max_limit` (200) and says nothing. The next
    page is computed from its offset: `next.url` is built from the request as the hub saw it, which behind a proxy can
    be another host or plain http, and a token must not go there. A short page is not the last one (`state=ready`
    filters after the query), and before 5.0 pages of `state=active` repeat users (JupyterHub #4789, #5293), hence
    `key`.

    From the second page on it forks: a flow with forks of its own forks its listings too.
    """

    def page_at(offset: int) -> Request[_Page[T]]:
        where = (*query, ("offset", str(offset)), ("limit", str(MAX_PAGE_SIZE)))
        request = call("GET", path, _page_of(item), query=where, about=about, accept=MEDIA_TYPE)
        return replace(request, decode=partial(_decode, _page_of(item), request.decode))

    seen = _Recent()
    ahead = _Ahead(page_at)
    offset = 0
    page = yield from page_at(0)
    while True:
        for each in page.items.values() if isinstance(page.items, dict) else page.items:
            if seen.is_new(key(each)):
                for part in emit(each):
                    yield Emit(part)
        following = page.position.next
        if following is None or following.offset <= offset:
            return
        size, offset = following.offset - offset, following.offset
        page = yield from ahead.page(offset, size, page.position.total)


def total(path: str, *, about: str) -> Flow[int]:
    """How many items a paged listing has."""
    where = (("offset", "0"), ("limit", "1"))
    page = yield from call("GET", path, _Total, query=where, about=about, accept=MEDIA_TYPE)
    return page.position.total


class _PageTag(NamedTuple):
    listing: object
    offset: int


class _Ahead(Generic[T]):
    """Fetches a page while the ones after it are already under way."""

    def __init__(self, page_at: Callable[[int], Request[T]]) -> None:
        self._page_at = page_at
        self._under_way = set[int]()
        self._here: dict[int, T] = {}

    def page(self, offset: int, size: int, total: int) -> Flow[T]:
        if not self._under_way and not self._here and offset + size >= total:
            return (yield from self._page_at(offset))
        # The first of them may be past a total that has just shrunk.
        wanted = {offset, *range(offset, min(total, offset + MAX_PAGES_IN_FLIGHT * size), size)}
        for at in sorted(wanted - self._under_way - self._here.keys()):
            self._under_way.add(at)
            yield Fork(self._page_at(at), _PageTag(self, at))
        while offset not in self._here:
            if done := (yield from Next(WAIT_SECONDS)):
                yield from self._take(done)
        return self._here.pop(offset)

    def _take(self, done: Done) -> Flow[None]:
        if not isinstance(done.tag, _PageTag):
            raise RuntimeError(f"{done.tag} ended while a listing waited: a flow with forks forks its listings too")
        listing, at = done.tag
        if listing is not self:
            return  # of a listing that somebody gave up
        self._under_way.remove(at)
        if done.error is not None:
            for other in self._under_way:
                yield Cancel(_PageTag(self, other))
            raise done.error
        self._here[at] = done.answer


class _Recent:
    """The last items. All of them would make a long listing grow; a repeated one comes soon after the first."""

    def __init__(self) -> None:
        self._order = deque[object]()
        self._known = set[object]()

    def is_new(self, key: object) -> bool:
        if key in self._known:
            return False
        self._known.add(key)
        self._order.append(key)
        if len(self._order) > MAX_REMEMBERED_KEYS:
            self._known.remove(self._order.popleft())
        return True


def _decode(kind: type[T], whole: Callable[[Answer], T], answer: Answer) -> T:
    """A page, if need be without the items that have lost their name.

    JupyterHub 5.5.3 and later erase a user's name for a request that should change nothing (see `UserOps.edit`). One
    such user must not hide all the others.
    """
    try:
        return whole(answer)
    except NotAHub:
        named = _named(answer.content)
        if named is None:
            raise
    return whole(Answer(answer.status, answer.headers, named))


def _named(content: bytes) -> bytes | None:
    """The page without those; None if it is no page, or there are none."""
    try:
        page = json.decode(content, type=_RawPage)
        named = [raw for raw in page.items if json.decode(raw, type=_Item).name is not None]
    except (MsgspecError, RecursionError):
        return None
    return None if len(named) == len(page.items) else json.encode(_RawPage(named, page.position))


def _page_of(item: type[T]) -> type[_Page[T]]:
    return _Page[item]  # type: ignore[valid-type]  # a value here, which annotations cannot express
