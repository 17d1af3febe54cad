"""What a sign-in asks the person in front, and what it tells. Questions go through the step `Ask`."""

from __future__ import annotations

from dataclasses import dataclass, field

from jhub.errors import InvalidInput
from jhub.login.request import METHOD_PHRASES, MethodUsed, SignInRequest
from jhub.operations.tokens import SECOND_FACTORS
from jhub.steps import Ask, Flow


@dataclass(frozen=True, slots=True)
class Username:
    """Answered with a name on the hub."""


@dataclass(frozen=True, slots=True)
class Password:
    """Answered with the password of `username`."""

    username: str


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Answered with the code of a second factor; empty for people without one."""

    label: str


@dataclass(frozen=True, slots=True)
class PastedToken:
    """Answered with a token that the person made on the hub's `page`."""

    page: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Send the person's browser to `url`, and wait for it to come back to `redirect_uri`, on this machine.

    Answered with the code that it brings, if it brings the `state` too; what comes without that is not listened to.
    """

    url: str = field(repr=False)  # the state is in it
    redirect_uri: str
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OtherUser:
    """The browser signed in as `name`, where `expected` was the name: by mistake, or because somebody meddled.

    Answered with `name`, to go on as that user; any other answer ends the sign-in, and no token is kept.
    """

    name: str
    expected: str

    @property
    def text(self) -> str:
        """The question in words."""
        return f"The browser signed in as {self.name}, and not as {self.expected}. Go on as {self.name}?"


class NoCallback(InvalidInput):
    """No browser can come back to where this runs."""


@dataclass(frozen=True, slots=True)
class MethodChosen:
    """Emitted when the method is known, with the reason why it is this one; empty where it was asked for."""

    method: MethodUsed
    why: str

    @property
    def text(self) -> str:
        """The choice in words."""
        return f"{self.why}: signing in {METHOD_PHRASES[self.method]}"


def ask_credentials(request: SignInRequest) -> Flow[tuple[str, str]]:
    """Username and password."""
    username: str = request.username if request.username is not None else (yield from Ask(Username()))
    username = username.strip()
    if not username:
        raise InvalidInput("a username is missing")
    password: str = request.password if request.password is not None else (yield from Ask(Password(username)))
    if not password:
        raise InvalidInput("a password is missing")
    return username, password


def second_factor(request: SignInRequest, name: str) -> Flow[str]:
    """The code of a second factor, by the name of its field; empty for people without one."""
    if request.second_factor is not None:
        return request.second_factor
    code: str = yield from Ask(SecondFactor(SECOND_FACTORS[name]))
    return code.strip()
