"""The hub's login page: whether it has a password form, and which fields that form has. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie

from jhub.login.credentials import Credentials
from jhub.operations.tokens import SECOND_FACTORS
from jhub.steps import Answer

USERNAME, PASSWORD = "username", "password"  # names of fields
XSRF = "_xsrf"
MAX_PAGE_BYTES = 2**20
"""Maximum number of bytes of a page that are parsed; a hub's login page has a few thousand."""
MAX_COOKIE_BYTES = 4096
"""Maximum size of a cookie; browsers store no larger one."""
MAX_ERROR_LENGTH = 300
"""Maximum number of characters of the page's error message."""
VISIBLE_ASCII = re.compile(r"[!-~]+")
EXPIRED = re.compile(r"max-age\s*=\s*(-\d+|0+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """A form for a username and a password."""

    action: str
    hidden: Mapping[str, str] = field(repr=False)
    second_factor: str | None = None
    """The name of the field for a second factor; None if the form has no such field."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the hub."""

    status: int
    from_hub: bool
    form: Form | None
    error: str
    """The error message on the page."""
    location: str = field(repr=False)
    """The target of a redirect, with what single sign-on puts into its URLs."""
    cookies: Cookies = field(repr=False)
    text: str = field(repr=False)


class Cookies:
    """Cookies by name, as the hub sent them, to send them back."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def __repr__(self) -> str:
        """Return the names of the cookies, without their values."""
        return f"Cookies({', '.join(sorted(self._values))})"

    def __contains__(self, name: str) -> bool:
        """Return whether there is a cookie of this name."""
        return name in self._values

    def after(self, answer: Answer) -> Cookies:
        """Return these cookies with the changes that an answer makes to them."""
        values = dict(self._values)
        for line in answer.headers.get("set-cookie", "").split("\n"):
            # Not by SimpleCookie: it drops a cookie for an attribute or a character that it does not support.
            pair, *attributes = (part.strip() for part in line.split(";"))
            name, value = (part.strip() for part in pair.partition("=")[::2])
            valid = VISIBLE_ASCII.fullmatch(name) and value.isascii() and value.isprintable()
            if not valid or len(pair) > MAX_COOKIE_BYTES:
                continue
            if not value.strip('"') or any(EXPIRED.fullmatch(attribute) for attribute in attributes):
                values.pop(name, None)
            else:
                values[name] = value
        return Cookies(values)

    def headers(self, referer: str) -> Credentials:
        """Return the headers of a request that the page `referer` sends, for the hub's XSRF check."""
        headers = [("Referer", referer)]  # JupyterHub 2 and 3 check it
        if self._values:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self._values.items())))
        value, _ = SimpleCookie().value_decode(self._values.get(XSRF, ""))
        if VISIBLE_ASCII.fullmatch(value):
            headers.append(("X-XSRFToken", value))
        return tuple(headers)


def parse_page(answer: Answer, before: Cookies | None = None) -> Page:
    """Parse an answer of the hub; `before` are the cookies that were sent with the request."""
    text = answer.content[:MAX_PAGE_BYTES].decode("utf-8", "replace")
    parser = _FormParser()
    with suppress(AssertionError):  # Python 3.11 raises it for an odd <![…
        # Without close(), which takes minutes for a page that leaves many tags open.
        parser.feed(text)
    parser.close_form()
    cookies = (before or Cookies()).after(answer)
    return Page(
        status=answer.status,
        from_hub="x-jupyterhub-version" in answer.headers or XSRF in cookies,
        form=parser.form,
        error=" ".join("".join(parser.error).split())[:MAX_ERROR_LENGTH],
        location=answer.headers.get("location", "") if 300 <= answer.status < 400 else "",
        cookies=cookies,
        text=text,
    )


class _FormParser(HTMLParser):
    """A parser that extracts the password form and the error message."""

    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self.error: list[str] = []
        self._action: str | None = None
        self._inputs: dict[str, tuple[str, str]] = {}
        self._error_tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form" and attributes.get("method", "").lower() == "post":
            self._action, self._inputs = attributes.get("action", ""), {}
        elif tag == "input" and self._action is not None and attributes.get("name"):
            self._inputs[attributes["name"]] = (attributes.get("type", "text").lower(), attributes.get("value", ""))
        if "login_error" in attributes.get("class", "").split():
            self._error_tag = tag

    def handle_data(self, data: str) -> None:
        if self._error_tag:
            self.error.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._error_tag:
            self._error_tag = ""
        if tag == "form":
            self.close_form()

    def close_form(self) -> None:
        """Close the open form, if there is one; the end of the page does it too."""
        if self._action is not None and self.form is None and {USERNAME, PASSWORD} <= self._inputs.keys():
            hidden = {name: value for name, (kind, value) in self._inputs.items() if kind == "hidden"}
            second = next((name for name in SECOND_FACTORS if name in self._inputs), None)
            self.form = Form(self._action, hidden, second)
        self._action = None
