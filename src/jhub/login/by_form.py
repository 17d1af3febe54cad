"""Signing in by the hub's login form, as a browser does.

Unlike the one call with a password it lets people in who were never there before, takes a second factor, and tells
why somebody is refused. What the form redirects to is never asked for: by default it starts the user's server.
"""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit

from jhub.discovery import origin
from jhub.errors import InvalidInput, NotAHub, NotAuthorized
from jhub.login.login_page import PASSWORD, USERNAME, Form, Page, parse_page
from jhub.login.prompts import ask_credentials, second_factor
from jhub.login.request import SignInRequest, SignInResult
from jhub.login.token import create_token
from jhub.steps import Answer, Flow, Request

SESSION_COOKIES = ("jupyterhub-hub-login", "__Host-jupyterhub-hub-login")
"""The cookie of who is signed in: its presence tells, the status does not (200 for a wrong password on 4.1)."""
FORGED_FORM_MESSAGES = ("login form invalid or expired", "xsrf cookie", "'_xsrf' argument")
"""How a hub says that it did not even look at the password."""


class PasswordNotChecked(NotAuthorized):
    """The hub took the form for a forged one, or failed, before it came to the password."""


def read_page() -> Flow[Page]:
    """The hub's login page."""
    return (
        yield from Request("GET", "../login", parse_page, root="site", anonymous=True, page=True, about="login page")
    )


def by_form(request: SignInRequest, page: Page | None = None) -> Flow[SignInResult]:
    """One attempt: an authenticator may lock people out."""
    if page is None:
        page = yield from read_page()
    form, action = check_form(request, page)
    login_url = f"{request.hub_url}login"
    username, password = yield from ask_credentials(request)
    fields = {**form.hidden, USERNAME: username, PASSWORD: password}
    if form.second_factor:
        fields[form.second_factor] = yield from second_factor(request, form.second_factor)
    cookies = page.cookies

    def to_page(answer: Answer) -> Page:
        return parse_page(answer, cookies)

    post = Request(
        "POST",
        action,
        to_page,
        body=fields,
        about=f"sign in as {username}",
        root="site",
        anonymous=True,
        form=True,
        headers=cookies.headers(login_url),
        page=True,
    )
    result = yield from post.once()
    if not any(name in result.cookies for name in SESSION_COOKIES):
        raise _login_error(username, result)
    # On 4.1 the _xsrf cookie that comes with the login is not the one that the API then wants.
    cookies = result.cookies
    token_page = yield from Request(
        "GET", "../token", to_page, root="site", anonymous=True, page=True, headers=cookies.headers(login_url)
    )
    return (yield from create_token(token_page.cookies.headers(f"{request.hub_url}token"), request, "form"))


def check_form(request: SignInRequest, page: Page) -> tuple[Form, str]:
    """The form for a password, and where it is sent to. `InvalidInput` where there is none, `NotAHub` for another's."""
    if page.form is None:
        raise InvalidInput(
            "the login page of this hub has no form for a password",
            hint="if it has single sign-on: jhub login --browser, or jhub login --paste",
        )
    login_url = f"{request.hub_url}login"
    action = _form_target(page.form, login_url)
    if action is None or not page.from_hub:
        raise NotAHub(
            f"the login page at {login_url} is not JupyterHub's own; no password was sent",
            hint="jhub login --password asks the hub itself; or use --browser, or --paste",
        )
    return page.form, action


def _form_target(form: Form, login_url: str) -> str | None:
    """Where the form of the page `login_url` is sent to; None where that is not the hub's."""
    try:
        action = urljoin(login_url, form.action)
        same = origin(action) == origin(login_url)
    except ValueError:
        return None
    parts = urlsplit(action)
    path = unquote(parts.path).replace("\\", "/")
    # What stands beside the hub on its site are the servers of its users.
    below = path.startswith(unquote(urlsplit(login_url).path).removesuffix("login")) and ".." not in path.split("/")
    return action if same and below and "@" not in parts.netloc else None


def _login_error(username: str, page: Page) -> NotAuthorized:
    kind, hint = NotAuthorized, "it was one attempt; some hubs lock people out after a few"
    if page.location:
        reason = "the hub asks for something more than a password"
        hint = "sign in once in the browser, or use: jhub login --paste"
    elif page.status == 403 and (
        not page.text.strip() or any(words in page.text.lower() for words in FORGED_FORM_MESSAGES)
    ):
        kind, reason = PasswordNotChecked, "the hub took the login form for a forged one"
        hint = "does a proxy on the way change addresses between two requests? The call of jhub login --password is one"
    elif page.status >= 500:
        # NativeAuthenticator 1.3 does on JupyterHub 6, before it comes to the password.
        kind, reason = PasswordNotChecked, f"the hub fails at its own login form, with {page.status}"
        hint = "its log tells the administrator why; jhub login --password needs no form"
    else:
        reason = page.error or f"the hub refused, and answers {page.status}"
    return kind(f"sign in as {username}: {reason}", method="POST", path="/login", status=page.status, hint=hint)
