"""Pages and API answers of a hub for the tests of signing in, and answers to the questions."""

from __future__ import annotations

from typing import Any

from jhub.errors import HubError
from jhub.login.request import SignInRequest, SignInResult
from jhub.steps import Answer, Operation, Request
from jhub.testing import Played, Reply, play, reply

API = "https://hub.example.org/hub/api"
PASSWORD = "hunter2-and-more"
PAGE = """<!DOCTYPE html><html><body><h1>A hub</h1>{error}
<form action="{action}" method="post"><input type="hidden" name="_xsrf" value="FIELD"/>
<input id="u" name="username" value=""><input type="password" name="password">{more}<input type="submit"></form>
</body></html>"""
LINK = '<html><body><a role="button" href="/hub/oauth_login?next=">Sign in with the university</a></body></html>'

WHOAMI = {"kind": "user", "name": "ana", "token_id": "a7", "scopes": ["self"]}
TOKEN = {
    "id": "a8",
    "user": "ana",
    "token": "NEWTOKEN",
    "created": "2026-05-01T00:00:00Z",
    "expires_at": "2026-05-31T00:00:00Z",
}


def form(action: str = "/hub/login?next=", more: str = "", error: str = "") -> str:
    """Return a login page with a form and, if given, an error message."""
    message = f'<p class="login_error">{error}</p>' if error else ""
    return PAGE.format(action=action, more=more, error=message)


def shown(
    html: str | bytes = "",
    *cookies: str,
    status: int = 200,
    location: str = "",
    version: str = "6.1.1",
) -> Answer:
    """Return a page as a hub sends it; without a version, as another web server does."""
    headers = {"content-type": "text/html"}
    if version:
        headers["x-jupyterhub-version"] = version
    if cookies:
        headers["set-cookie"] = "\n".join(cookies)
    if location:
        headers["location"] = location
    return Answer(status, headers, html.encode() if isinstance(html, str) else html)


def login_page(**parts: str) -> Answer:
    """Return the answer with the login page."""
    return shown(form(**parts), "_xsrf=X1; Path=/hub/; Max-Age=3600")


SIGNED_IN = shown(
    "",
    'jupyterhub-hub-login="2|1:0|LOGIN="; HttpOnly; Path=/hub/',
    "jupyterhub-session-id=SESSION; HttpOnly; Path=/",
    "_xsrf=X2; Path=/hub/",
    status=302,
    location="/hub/spawn",
)
"""Answer to the right password."""
TOKEN_PAGE = shown("<html></html>", "_xsrf=X3; Path=/hub/")
"""Answer with the token page."""
ANA = reply(json=WHOAMI)
CREATED = reply(201, TOKEN)
BY_FORM: list[Reply] = [login_page(), SIGNED_IN, TOKEN_PAGE, ANA, CREATED]


class Person:
    """Answers to questions, by the question's class. An answer that is a `HubError` is raised."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.questions: list[Any] = []

    def __call__(self, question: object) -> Any:
        kind = type(question).__name__
        self.asked.append(kind)
        self.questions.append(question)
        assert kind in self.answers, f"unexpected question: {kind}"
        answer = self.answers[kind]
        if isinstance(answer, HubError):
            raise answer
        return answer


def sign_in_request(**known: Any) -> SignInRequest:
    """Return a sign-in request of ana at API."""
    return SignInRequest(**{"api_url": API, "username": "ana", "password": PASSWORD, "note": "test", **known})


def played(
    plan: Operation[SignInResult],
    replies: list[Reply],
    person: Person | None = None,
    *,
    version: str = "6.1.1",
    interrupt_at: float | None = None,
) -> Played[SignInResult]:
    return play(plan, replies, person=person or Person(), version=version, interrupt_at=interrupt_at)


def sent(run: Played[Any], index: int) -> Request[Any]:
    """Return one of the requests that were sent."""
    step = run.sent[index]
    assert isinstance(step, Request)
    return step


def body(run: Played[Any], index: int) -> dict[str, Any]:
    """Return the body of a request that was sent."""
    message = sent(run, index).body
    assert isinstance(message, dict)
    return message


def headers(run: Played[Any], index: int) -> dict[str, str]:
    """Return the additional headers of a request that was sent."""
    return dict(sent(run, index).headers)


def kinds(run: Played[Any]) -> list[tuple[str, bool]]:
    """Return the sign-in methods that were chosen, each with whether it has a reason."""
    return [(event.method, bool(event.why)) for event in run.emitted]
