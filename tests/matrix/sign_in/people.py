"""Users of the hubs: known to the authenticator, and to JupyterHub or not yet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import requests
import second_factor

from matrix.sign_in.hubs import Hubs, SignInHub
from matrix.sign_in.methods import DUMMY, NATIVE, SHARED, SINGLE_SIGN_ON


@dataclass(frozen=True)
class Person:
    """A user who can sign in."""

    name: str
    password: str = field(repr=False)
    secret: str = field(default="", repr=False)
    """The secret of the second factor; empty for users without one."""

    @property
    def code(self) -> str:
        """The current code of the second factor."""
        return second_factor.code(self.secret) if self.secret else ""

    @property
    def stdin(self) -> str:
        """The input for `--password-stdin`."""
        return f"{self.password}\n{self.code}\n" if self.secret else f"{self.password}\n"


class People:
    """A factory of users."""

    def __init__(self, hubs: Hubs) -> None:
        self._hubs = hubs
        self._administrators: dict[tuple[str, bool], Person] = {}

    def stranger(self, authenticator: str, name: str, *, two: bool = False) -> Person:
        """Return a user whom the authenticator accepts, and who is new to JupyterHub."""
        hub = self._hubs[authenticator]
        if authenticator == NATIVE:
            return self.sign_up(hub, name, two=two)
        checks = self._hubs[DUMMY] if authenticator == SINGLE_SIGN_ON else hub
        return Person(name, checks.settings.password)

    def regular(self, authenticator: str, name: str, *, two: bool = False) -> Person:
        """Return a user who exists in JupyterHub."""
        person = self.stranger(authenticator, name, two=two)
        self._hubs[authenticator].api("POST", "/users", json={"usernames": [name]})
        return person

    def administrator(self, authenticator: str, *, two: bool = False) -> Person:
        """Return the hub's administrator, or another one with a second factor."""
        if authenticator == SHARED:
            return Person("admin", self._hubs[SHARED].settings.admin_password)
        key = (authenticator, two)
        if key not in self._administrators:
            self._administrators[key] = self.stranger(authenticator, "boss" if two else "admin", two=two)
        return self._administrators[key]

    @staticmethod
    def sign_up(hub: SignInHub, name: str, *, two: bool = False) -> Person:
        """Fill in NativeAuthenticator's form for new users."""
        password = hub.settings.password
        form = {"username": name, "signup_password": password, "signup_password_confirmation": password}
        if two:
            form["2fa"] = "1"
        with requests.Session() as session:
            session.trust_env = False
            page = f"{hub.url}hub/signup"
            session.get(page, timeout=30)
            form["_xsrf"] = next(cookie.value or "" for cookie in session.cookies if cookie.name == "_xsrf")
            answer = session.post(page, data=form, timeout=30)
        assert "signup was successful" in answer.text, answer.text
        found = re.search(r"authentication code is <strong>([A-Z2-7]{16})<", answer.text)
        assert (found is not None) == two
        return Person(name, password, found[1] if found else "")
