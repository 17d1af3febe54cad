"""Listings: from page to page, one item at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from msgspec import Struct, field

from jhub.steps import Emit, Flow, call

T = TypeVar("T")

MEDIA_TYPE = "application/jupyterhub-pagination+json"
LARGEST_PAGE = 200


class _Next(Struct):
    offset: int


class _Position(Struct):
    next: _Next | None = None


class _Page(Struct, Generic[T]):
    items: list[T]
    position: _Position = field(name="_pagination")


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
    """
    offset = 0
    seen = set[object]()
    while True:
        where = (*query, ("offset", str(offset)), ("limit", str(LARGEST_PAGE)))
        page = yield from call("GET", path, _page_of(item), query=where, about=about, accept=MEDIA_TYPE)
        for each in page.items:
            if key(each) not in seen:
                seen.add(key(each))
                for part in emit(each):
                    yield Emit(part)
        following = page.position.next
        if following is None or following.offset <= offset:
            return
        offset = following.offset


def _page_of(item: type[T]) -> type[_Page[T]]:
    return _Page[item]  # type: ignore[valid-type]  # a value here, which annotations cannot express
