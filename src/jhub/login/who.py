"""What is asked of the person once, and only where it is not known."""

from __future__ import annotations

from jhub.errors import InvalidInput
from jhub.login.prompts import Password, SecondFactor, Username
from jhub.login.request import SignIn
from jhub.operations.tokens import SECOND_FACTORS
from jhub.steps import Ask, Flow


def known(wish: SignIn) -> Flow[tuple[str, str]]:
    """Username and password."""
    username: str = wish.username if wish.username is not None else (yield from Ask(Username()))
    username = username.strip()
    if not username:
        raise InvalidInput("a username is missing")
    password: str = wish.password if wish.password is not None else (yield from Ask(Password(username)))
    if not password:
        raise InvalidInput("a password is missing")
    return username, password


def second_factor(wish: SignIn, name: str) -> Flow[str]:
    """The code of a second factor, by the name of its field; empty for people without one."""
    if wish.second_factor is not None:
        return wish.second_factor
    code: str = yield from Ask(SecondFactor(SECOND_FACTORS[name]))
    return code.strip()
