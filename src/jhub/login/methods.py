"""The choice of a sign-in method that the hub supports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jhub.discovery import socket_path
from jhub.errors import InvalidInput
from jhub.login.by_browser import by_browser
from jhub.login.by_form import PasswordNotChecked, by_form, check_form, read_page
from jhub.login.by_password import by_password
from jhub.login.by_token import by_paste, with_token
from jhub.login.login_page import Page
from jhub.login.questions import MethodChosen, NoCallback, ask_credentials, second_factor
from jhub.login.request import METHOD_PHRASES, LoginMethod, SignInRequest, SignInResult
from jhub.operations.services import has_login_client
from jhub.steps import Emit, Flow

METHODS: dict[LoginMethod, Callable[[SignInRequest], Flow[SignInResult]]] = {
    "form": by_form,
    "password": by_password,
    "browser": by_browser,
    "paste": by_paste,
}


def sign_in(request: SignInRequest, method: LoginMethod | None = None) -> Flow[SignInResult]:
    """Sign in by `method`, or by the first one that the hub supports.

    The order is: the token of the request, the login form, the browser, a token from the hub's token page.

    The form comes before the REST call with a password, which rejects a new user in the same way as a wrong
    password. Trying both would count a mistyped password twice, and some hubs lock an account after three failures.
    """
    if method is not None and method not in METHODS:
        raise InvalidInput(f"invalid sign-in method {method!r}", hint=f"use one of: {', '.join(METHODS)}")
    if method in ("browser", "paste") and request.password is not None:
        raise InvalidInput(f"the password was not sent: signing in {METHOD_PHRASES[method]} uses no password")
    if method is None and request.token:
        yield Emit(MethodChosen("token", ""))
        return (yield from with_token(request))
    if method is None:
        return (yield from _detect_method(request))
    if method == "browser" and socket_path(request.api_url):
        raise InvalidInput(
            "cannot sign in with the browser: a browser cannot open a hub on a unix socket",
            hint="use the hub's public URL, or pass a token: jhub login URL --token -",
        )
    if method == "browser" and not (yield from has_login_client()):
        raise _client_not_registered()
    yield Emit(MethodChosen(method, ""))
    return (yield from METHODS[method](request))


def _detect_method(request: SignInRequest) -> Flow[SignInResult]:
    page = yield from read_page()
    if page.form is not None:
        yield Emit(MethodChosen("form", "this hub has a login form"))
        check_form(request, page)  # before anybody is asked for a password
        username, password = yield from ask_credentials(request)
        request = replace(request, username=username, password=password)
        if page.form.second_factor:
            request = replace(request, second_factor=(yield from second_factor(request, page.form.second_factor)))
        try:
            return (yield from by_form(request, page))
        except PasswordNotChecked as error:
            yield Emit(MethodChosen("password", str(error)))
            return (yield from by_password(request))
    if request.password is not None:
        raise InvalidInput(
            f"{_no_form_reason(page)}: the password was not sent",
            hint="use --browser or --paste (in Python method=…), or --password to send it to the REST API",
        )
    if socket_path(request.api_url):
        why = f"{_no_form_reason(page)}, and a browser cannot open a hub on a unix socket"
    elif (yield from has_login_client()):
        yield Emit(MethodChosen("browser", _no_form_reason(page)))
        try:
            return (yield from by_browser(request))
        except NoCallback as error:
            why = str(error)
    else:
        why = f"{_no_form_reason(page)}, and jhub's login client is not registered on it"
    yield Emit(MethodChosen("paste", why))
    return (yield from by_paste(request))


def _no_form_reason(page: Page) -> str:
    if page.status == 403:
        return "this hub accepts only credentials from the browser"
    if page.location or page.status == 200:
        return "this hub uses single sign-on"
    return f"this hub's login page returned {page.status}"


def _client_not_registered() -> InvalidInput:
    return InvalidInput(
        "jhub's login client is not registered on this hub",
        hint="ask an administrator to run: jhub service create --login-client; until then, use: jhub login --paste",
    )
