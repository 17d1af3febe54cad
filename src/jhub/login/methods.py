"""Finding the way in that this hub has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jhub.errors import InvalidInput
from jhub.login.by_browser import by_browser
from jhub.login.by_form import NotLookedAt, by_form, read_page, trusted
from jhub.login.by_password import by_password
from jhub.login.by_token import by_paste, with_token
from jhub.login.login_page import Page
from jhub.login.prompts import NoWayBack, WayChosen, known, second_factor
from jhub.login.request import SAID, SignedIn, SignIn, Way
from jhub.operations.services import has_login_client
from jhub.steps import Emit, Flow

WAYS: dict[Way, Callable[[SignIn], Flow[SignedIn]]] = {
    "form": by_form,
    "password": by_password,
    "browser": by_browser,
    "paste": by_paste,
}


def sign_in(wish: SignIn, way: Way | None = None) -> Flow[SignedIn]:
    """Sign in by `way`; without one, by the first that this hub has: a token at hand, the login form, the browser, a
    token from the hub's token page.

    The form comes before the call with a password, which refuses a person who is new to the hub like a wrong password:
    trying the one after the other would be two failures for who mistyped it, where some hubs lock people out after
    three.
    """
    if way is not None and way not in WAYS:
        raise InvalidInput(f"{way!r} is no way to sign in; there are: {', '.join(WAYS)}")
    if way in ("browser", "paste") and wish.password is not None:
        raise InvalidInput(f"the password was not sent: signing in {SAID[way]} takes none")
    if way is None and wish.token:
        yield Emit(WayChosen("token", ""))
        return (yield from with_token(wish))
    if way is None:
        return (yield from _found(wish))
    if way == "browser" and not (yield from has_login_client()):
        raise _no_client()
    yield Emit(WayChosen(way, ""))
    return (yield from WAYS[way](wish))


def _found(wish: SignIn) -> Flow[SignedIn]:
    page = yield from read_page()
    if page.form is not None:
        yield Emit(WayChosen("form", "this hub has a login form"))
        trusted(wish, page)  # before anybody is asked for a password
        username, password = yield from known(wish)
        wish = replace(wish, username=username, password=password)
        if page.form.second_factor:
            wish = replace(wish, second_factor=(yield from second_factor(wish, page.form.second_factor)))
        try:
            return (yield from by_form(wish, page))
        except NotLookedAt as error:
            yield Emit(WayChosen("password", str(error)))
            return (yield from by_password(wish))
    if wish.password is not None:
        raise InvalidInput(
            f"{_without_form(page)}: the password was not sent",
            hint="sign in by --browser or --paste (in Python way=…); --password sends it all the same, to the REST API",
        )
    if (yield from has_login_client()):
        yield Emit(WayChosen("browser", _without_form(page)))
        try:
            return (yield from by_browser(wish))
        except NoWayBack as error:
            why = str(error)
    else:
        why = f"{_without_form(page)}, and it does not know jhub's login client"
    yield Emit(WayChosen("paste", why))
    return (yield from by_paste(wish))


def _without_form(page: Page) -> str:
    if page.status == 403:
        return "this hub lets nobody sign in without its browser's credentials"
    if page.elsewhere or page.status == 200:
        return "this hub has single sign-on"
    return f"this hub's login page answers {page.status}"


def _no_client() -> InvalidInput:
    return InvalidInput(
        "this hub does not know jhub's login client",
        hint="an administrator registers it with: jhub service create --login-client; until then: jhub login --paste",
    )
