"""The hub's login page: whether it takes a password, and what its form wants beside it. Pure."""

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
"""Bytes that are looked at; a hub's login page has some thousand."""
MAX_COOKIE_BYTES = 4096
"""Bytes; browsers keep none that is larger."""
MAX_ERROR_LENGTH = 300
VISIBLE_ASCII = re.compile(r"[!-~]+")
EXPIRED_ATTRIBUTE = re.compile(r"max-age\s*=\s*(-\d+|0+)", re.IGNORECASE)


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
    location: str = field(repr=False)
    """Where it redirects to, with what single sign-on has in its addresses."""
    cookies: Cookies = field(repr=False)
    text: str = field(repr=False)


class Cookies:
    """Cookies by name: as they were sent, to send them back."""

    def __init__(self, sent: Mapping[str, str] | None = None) -> None:
        self._sent = dict(sent or {})

    def __repr__(self) -> str:
        return f"Cookies({', '.join(sorted(self._sent))})"

    def __contains__(self, name: str) -> bool:
        return name in self._sent

    def after(self, answer: Answer) -> Cookies:
        """With those that an answer sets, and without those that it takes away."""
        sent = dict(self._sent)
        for line in answer.headers.get("set-cookie", "").split("\n"):
            # Not by SimpleCookie: it drops a cookie for an attribute or a character that it does not know.
            pair, *attributes = (part.strip() for part in line.split(";"))
            name, value = (part.strip() for part in pair.partition("=")[::2])
            if (
                not (VISIBLE_ASCII.fullmatch(name) and value.isascii() and value.isprintable())
                or len(pair) > MAX_COOKIE_BYTES
            ):
                continue
            if not value.strip('"') or any(EXPIRED_ATTRIBUTE.fullmatch(attribute) for attribute in attributes):
                sent.pop(name, None)
            else:
                sent[name] = value
        return Cookies(sent)

    def headers(self, referer: str) -> Credentials:
        """What a request that comes from the page `referer` carries, and by which the hub knows that it does."""
        found = [("Referer", referer)]  # what JupyterHub 2 and 3 look at
        if self._sent:
            found.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self._sent.items())))
        value, _ = SimpleCookie().value_decode(self._sent.get(XSRF, ""))
        if VISIBLE_ASCII.fullmatch(value):
            found.append(("X-XSRFToken", value))
        return tuple(found)


def parse_page(answer: Answer, before: Cookies | None = None) -> Page:
    """A page that the hub answered with; `before` are the cookies that it was asked with."""
    text = answer.content[:MAX_PAGE_BYTES].decode("utf-8", "replace")
    parser = _FormParser()
    with suppress(AssertionError):  # what Python 3.11 says of an odd <![…
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
        if tag == "form":
            self.close_form()

    def close_form(self) -> None:
        """Of the one that is open, if any; the end of the page ends it too."""
        if self._action is not None and self.form is None and {USERNAME, PASSWORD} <= self._inputs.keys():
            hidden = {name: value for name, (kind, value) in self._inputs.items() if kind == "hidden"}
            second = next((name for name in SECOND_FACTORS if name in self._inputs), None)
            self.form = Form(self._action, hidden, second)
        self._action = None
