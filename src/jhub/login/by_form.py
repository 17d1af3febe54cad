"""Signing in by the hub's login form, as a browser does.

Unlike the one call with a password it lets people in who were never there before, takes a second factor, and tells
why somebody is refused. What the form redirects to is never asked for: by default it starts the user's server.
"""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit

from jhub.discovery import origin
from jhub.errors import InvalidInput, NotAHub, NotAuthorized
from jhub.login.login_page import PASSWORD, USERNAME, Form, Page, read
from jhub.login.prompts import known, second_factor
from jhub.login.request import SignInRequest, SignInResult
from jhub.login.token import mint
from jhub.steps import Answer, Flow, Request

SIGNED_IN = ("jupyterhub-hub-login", "__Host-jupyterhub-hub-login")
"""The cookie of who is signed in: its presence tells, the status does not (200 for a wrong password on 4.1)."""
FORGED = ("login form invalid or expired", "xsrf cookie", "'_xsrf' argument")
"""How a hub says that it did not even look at the password."""


class NotLookedAt(NotAuthorized):
    """The hub took the form for a forged one, or failed, before it came to the password."""


def read_page() -> Flow[Page]:
    """The hub's login page."""
    return (yield from Request("GET", "../login", read, root="site", anonymous=True, page=True, about="login page"))


def by_form(wish: SignInRequest, page: Page | None = None) -> Flow[SignInResult]:
    """One attempt: an authenticator may lock people out."""
    if page is None:
        page = yield from read_page()
    form, action = trusted(wish, page)
    start = f"{wish.hub_url}login"
    username, password = yield from known(wish)
    fields = {**form.hidden, USERNAME: username, PASSWORD: password}
    if form.second_factor:
        fields[form.second_factor] = yield from second_factor(wish, form.second_factor)
    cookies = page.cookies

    def answered(answer: Answer) -> Page:
        return read(answer, cookies)

    request = Request(
        "POST",
        action,
        answered,
        body=fields,
        about=f"sign in as {username}",
        root="site",
        anonymous=True,
        form=True,
        headers=cookies.headers(start),
        page=True,
    )
    after = yield from request.once()
    if not any(name in after.cookies for name in SIGNED_IN):
        raise _refused(username, after)
    # On 4.1 the _xsrf cookie that comes with the login is not the one that the API then wants.
    cookies = after.cookies
    settled = yield from Request(
        "GET", "../token", answered, root="site", anonymous=True, page=True, headers=cookies.headers(start)
    )
    return (yield from mint(settled.cookies.headers(f"{wish.hub_url}token"), wish, "form"))


def trusted(wish: SignInRequest, page: Page) -> tuple[Form, str]:
    """The form for a password, and where it is sent to. `InvalidInput` where there is none, `NotAHub` for another's."""
    if page.form is None:
        raise InvalidInput(
            "the login page of this hub has no form for a password",
            hint="if it has single sign-on: jhub login --browser, or jhub login --paste",
        )
    start = f"{wish.hub_url}login"
    action = _target(page.form, start)
    if action is None or not page.from_hub:
        raise NotAHub(
            f"the login page at {start} is not JupyterHub's own; no password was sent",
            hint="jhub login --password asks the hub itself; or use --browser, or --paste",
        )
    return page.form, action


def _target(form: Form, start: str) -> str | None:
    """Where the form of the page `start` is sent to; None where that is not the hub's."""
    try:
        action = urljoin(start, form.action)
        same = origin(action) == origin(start)
    except ValueError:
        return None
    parts = urlsplit(action)
    path = unquote(parts.path).replace("\\", "/")
    # What stands beside the hub on its site are the servers of its users.
    below = path.startswith(unquote(urlsplit(start).path).removesuffix("login")) and ".." not in path.split("/")
    return action if same and below and "@" not in parts.netloc else None


def _refused(username: str, page: Page) -> NotAuthorized:
    kind, hint = NotAuthorized, "it was one attempt; some hubs lock people out after a few"
    if page.elsewhere:
        said = "the hub asks for something more than a password"
        hint = "sign in once in the browser, or use: jhub login --paste"
    elif page.status == 403 and (not page.text.strip() or any(words in page.text.lower() for words in FORGED)):
        kind, said = NotLookedAt, "the hub took the login form for a forged one"
        hint = "does a proxy on the way change addresses between two requests? The call of jhub login --password is one"
    elif page.status >= 500:
        # NativeAuthenticator 1.3 does on JupyterHub 6, before it comes to the password.
        kind, said = NotLookedAt, f"the hub fails at its own login form, with {page.status}"
        hint = "its log tells the administrator why; jhub login --password needs no form"
    else:
        said = page.error or f"the hub refused, and answers {page.status}"
    return kind(f"sign in as {username}: {said}", method="POST", path="/login", status=page.status, hint=hint)
