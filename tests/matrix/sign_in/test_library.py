"""`Hub.login` and `AsyncHub.login` by the browser; the other methods are in test_methods.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from browser_port import port_lock

from jhub import AsyncHub, Hub
from jhub.login.callback import visit
from jhub.login.questions import Visit
from matrix.sign_in.conftest import Window
from matrix.sign_in.hubs import Hubs
from matrix.sign_in.methods import SINGLE_SIGN_ON
from matrix.sign_in.people import People

Fresh = Callable[[str], str]
Ask = Callable[[object], str]


def with_hub(url: str, ask: Ask) -> str:
    """Return the user after `Hub.login`."""
    with Hub.login(url, ask=ask) as hub:
        return hub.whoami().name


def with_async_hub(url: str, ask: Ask) -> str:
    """Return the user after `AsyncHub.login`."""

    async def login() -> str:
        async with await AsyncHub.login(url, ask=ask) as hub:
            return (await hub.whoami()).name

    return asyncio.run(login())


@pytest.mark.parametrize("login", [with_hub, with_async_hub])
def test_single_sign_on_by_the_browser(
    login: Callable[[str, Ask], str], hubs: Hubs, people: People, fresh: Fresh, window: Window
) -> None:
    person = people.stranger(SINGLE_SIGN_ON, fresh("new"))
    with port_lock(), ThreadPoolExecutor() as others:

        def ask(question: object) -> str:
            assert isinstance(question, Visit)

            def tell(text: str) -> None:
                if text == question.url:
                    others.submit(window.sign_in, question.url, person)

            return visit(question, tell, open_browser=False, timeout=60)

        assert login(hubs[SINGLE_SIGN_ON].url, ask) == person.name
    (kept,) = hubs[SINGLE_SIGN_ON].api("GET", f"/users/{person.name}/tokens")["api_tokens"]
    assert kept["note"].startswith("jhub on ")
