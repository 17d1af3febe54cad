"""Sign-in through the hub's login form, as a browser does it.

Unlike the single REST call with a password, the form accepts users who are new to the hub, takes a second factor, and
gives the reason of a refusal. The page that the form redirects to is never requested: by default it starts the user's
server.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from jhub.discovery import join, origin
from jhub.errors import InvalidInput, NotAHub, NotAuthorized
from jhub.login.login_page import PASSWORD, USERNAME, Form, Page, parse_page
from jhub.login.questions import ask_credentials, second_factor
from jhub.login.request import SignInRequest, SignInResult
from jhub.login.token import create_token
from jhub.steps import Answer, Flow, Request

SESSION_COOKIES = ("jupyterhub-hub-login", "__Host-jupyterhub-hub-login")
"""Names of the hub's session cookie, the proof of a sign-in: 4.1 answers a wrong password with status 200."""
XSRF_ERRORS = ("login form invalid or expired", "xsrf cookie", "'_xsrf' argument")
"""Parts of the messages by which a hub rejects a form before it checks the password."""


class PasswordNotChecked(NotAuthorized):
    """An error of a hub that rejected the form by its XSRF check, or failed, before it checked the password."""


def read_page() -> Flow[Page]:
    """Return the hub's login page."""
    request = Request("GET", "../login", parse_page, root="site", anonymous=True, page=True, about="login page")
    return (yield from request)


def by_form(request: SignInRequest, page: Page | None = None) -> Flow[SignInResult]:
    """Sign in through the form, in one attempt: an authenticator may lock an account after a few failures."""
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
    # On 4.1 the API rejects the _xsrf cookie that comes with the login, and needs that of a page read after it.
    cookies = result.cookies
    token_page = yield from Request(
        "GET", "../token", to_page, root="site", anonymous=True, page=True, headers=cookies.headers(login_url)
    )
    return (yield from create_token(token_page.cookies.headers(f"{request.hub_url}token"), request, "form"))


def check_form(request: SignInRequest, page: Page) -> tuple[Form, str]:
    """Return the password form and the URL to send it to.

    Raises
    ------
    InvalidInput
        The page has no form for a password.
    NotAHub
        The page or the target of its form is not the hub's own.
    """
    if page.form is None:
        raise InvalidInput(
            "this hub's login page has no password form",
            hint="for single sign-on, use: jhub login --browser, or jhub login --paste",
        )
    login_url = f"{request.hub_url}login"
    action = _form_target(page.form, login_url)
    if action is None or not page.from_hub:
        raise NotAHub(
            f"the login page at {login_url} is not JupyterHub's own; no password was sent",
            hint="use jhub login --password, which calls the hub itself, or --browser, or --paste",
        )
    return page.form, action


def _form_target(form: Form, login_url: str) -> str | None:
    """Return the URL that the form is sent to; None if that is not the hub's."""
    try:
        action = join(login_url, form.action)
        same = origin(action) == origin(login_url)
    except ValueError:
        return None
    parts = urlsplit(action)
    path = unquote(parts.path).replace("\\", "/")
    # Users' servers are on the same site, outside the hub's path.
    below = path.startswith(unquote(urlsplit(login_url).path).removesuffix("login")) and ".." not in path.split("/")
    return action if same and below and "@" not in parts.netloc else None


def _login_error(username: str, page: Page) -> NotAuthorized:
    kind, hint = NotAuthorized, "jhub tried only once; some hubs lock an account after a few failed attempts"
    if page.location:
        reason = "the hub requires another step besides the password"
        hint = "sign in once in the browser, or use: jhub login --paste"
    elif page.status == 403 and (not page.text.strip() or any(words in page.text.lower() for words in XSRF_ERRORS)):
        kind, reason = PasswordNotChecked, "the hub's XSRF check rejected the login form"
        hint = "a proxy may change client addresses between requests; use jhub login --password, which sends only one"
    elif page.status >= 500:
        # NativeAuthenticator 1.3 does this on JupyterHub 6, before it checks the password.
        kind, reason = PasswordNotChecked, f"the hub's login form failed with status {page.status}"
        hint = "ask the administrator to check the hub's log, or use jhub login --password, which needs no form"
    else:
        reason = page.error or f"the hub rejected the sign-in with status {page.status}"
    return kind(f"sign in as {username}: {reason}", method="POST", path="/login", status=page.status, hint=hint)
