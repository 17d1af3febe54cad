"""Questions of a sign-in to the user, asked by the step `Ask`, and the events that it emits."""

from __future__ import annotations

from dataclasses import dataclass, field

from jhub.errors import InvalidInput
from jhub.login.request import METHOD_PHRASES, MethodUsed, SignInRequest
from jhub.operations.tokens import SECOND_FACTORS
from jhub.steps import Ask, Flow


@dataclass(frozen=True, slots=True)
class Username:
    """A question for a username on the hub."""


@dataclass(frozen=True, slots=True)
class Password:
    """A question for the password of `username`."""

    username: str


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A question for the code of a second factor; users without one answer with an empty text."""

    label: str


@dataclass(frozen=True, slots=True)
class PastedToken:
    """A question for a token that the user creates on the hub's `page`."""

    page: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A question that the user answers in the browser: open `url`, and wait for the redirect to `redirect_uri`.

    That address is on this machine. The answer is the code in the redirect, which counts only with the right `state`.
    """

    url: str = field(repr=False)  # the state is in it
    redirect_uri: str
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OtherUser:
    """A question whether to go on as `name`, if the browser signed in as that user and not as `expected`.

    It may be a mistake, or an attack. The answer `name` goes on as that user; any other answer ends the sign-in, and
    no token is kept.
    """

    name: str
    expected: str

    @property
    def text(self) -> str:
        """The question in words."""
        return f"The browser signed in as {self.name}, not as {self.expected}. Continue as {self.name}?"


class NoCallback(InvalidInput):
    """An error where this machine cannot receive the browser's redirect."""


@dataclass(frozen=True, slots=True)
class MethodChosen:
    """An event at the choice of a sign-in method, with the reason; the reason is empty if the caller chose it."""

    method: MethodUsed
    why: str

    @property
    def text(self) -> str:
        """The choice in words."""
        return f"{self.why}: signing in {METHOD_PHRASES[self.method]}"


def ask_credentials(request: SignInRequest) -> Flow[tuple[str, str]]:
    """Return username and password, and ask for what the request lacks."""
    username: str = request.username if request.username is not None else (yield from Ask(Username()))
    username = username.strip()
    if not username:
        raise InvalidInput("a username is missing")
    password: str = request.password if request.password is not None else (yield from Ask(Password(username)))
    if not password:
        raise InvalidInput("a password is missing")
    return username, password


def second_factor(request: SignInRequest, name: str) -> Flow[str]:
    """Return the code for the field `name` of a second factor; empty for users without one."""
    if request.second_factor is not None:
        return request.second_factor
    code: str = yield from Ask(SecondFactor(SECOND_FACTORS[name]))
    return code.strip()
