"""The hub's login page: whether it takes a password, and what its form wants beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import CookieError, SimpleCookie

from jhub.login.acting import Credentials
from jhub.steps import Answer

USERNAME, PASSWORD = "username", "password"  # names of fields
SECOND_FACTORS = {"2fa": "Second factor", "otp": "One-time password"}
"""The field of NativeAuthenticator, and JupyterHub's own since 5.0."""
XSRF = "_xsrf"


@dataclass(frozen=True, slots=True)
class Form:
    """A form for username and password."""

    action: str
    hidden: Mapping[str, str] = field(repr=False)
    second_factor: str | None = None
    """The name of its field."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the hub."""

    status: int
    from_hub: bool
    form: Form | None
    error: str
    """What it says went wrong."""
    elsewhere: str
    """Where it redirects to."""
    cookies: Cookies = field(repr=False)
    text: str = field(repr=False)


class Cookies:
    """Cookies by name: as they were sent, to send them back."""

    def __init__(self, sent: Mapping[str, str] | None = None, values: Mapping[str, str] | None = None) -> None:
        self._sent = dict(sent or {})
        self._values = dict(values or {})

    def __repr__(self) -> str:
        return f"Cookies({', '.join(sorted(self._sent))})"

    def __contains__(self, name: str) -> bool:
        return name in self._sent

    def after(self, answer: Answer) -> Cookies:
        """With those that an answer sets, and without those that it takes away."""
        sent, values = dict(self._sent), dict(self._values)
        for line in answer.headers.get("set-cookie", "").split("\n"):
            try:
                found = SimpleCookie(line)
            except CookieError:
                continue
            for name, cookie in found.items():
                sent[name], values[name] = cookie.coded_value, cookie.value
                if not cookie.value:
                    del sent[name], values[name]
        return Cookies(sent, values)

    def headers(self, referer: str) -> Credentials:
        """What a request that comes from the page `referer` carries, and by which the hub knows that it does."""
        found = [("Referer", referer)]  # what JupyterHub 2 and 3 look at
        if self._sent:
            found.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self._sent.items())))
        if XSRF in self._values:
            found.append(("X-XSRFToken", self._values[XSRF]))
        return tuple(found)


def read(answer: Answer, before: Cookies | None = None) -> Page:
    """A page that the hub answered with; `before` are the cookies that it was asked with."""
    text = answer.content.decode("utf-8", "replace")
    parser = _Parser()
    parser.feed(text)
    parser.close()
    cookies = (before or Cookies()).after(answer)
    return Page(
        status=answer.status,
        from_hub="x-jupyterhub-version" in answer.headers or XSRF in cookies,
        form=parser.form,
        error=" ".join("".join(parser.error).split()),
        elsewhere=answer.headers.get("location", "") if 300 <= answer.status < 400 else "",
        cookies=cookies,
        text=text,
    )


class _Parser(HTMLParser):
    """Finds the form with a password in it, and the paragraph that tells what is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self.error: list[str] = []
        self._action: str | None = None
        self._inputs: dict[str, tuple[str, str]] = {}
        self._error_tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("method", "").lower() == "post":
            self._action, self._inputs = found.get("action", ""), {}
        elif tag == "input" and self._action is not None and found.get("name"):
            self._inputs[found["name"]] = (found.get("type", "text").lower(), found.get("value", ""))
        if "login_error" in found.get("class", "").split():
            self._error_tag = tag

    def handle_data(self, data: str) -> None:
        if self._error_tag:
            self.error.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._error_tag:
            self._error_tag = ""
        if tag == "form" and self._action is not None:
            if {USERNAME, PASSWORD} <= self._inputs.keys() and self.form is None:
                hidden = {name: value for name, (kind, value) in self._inputs.items() if kind == "hidden"}
                second = next((name for name in SECOND_FACTORS if name in self._inputs), None)
                self.form = Form(self._action, hidden, second)
            self._action = None
