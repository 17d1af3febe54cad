"""The cells of the table in docs/signing-in.md: what each method of `jhub login` comes to with each authenticator.

Each test of a cell has to find what is said here, also a "no": there the command ends with an error.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

DUMMY, SHARED, NATIVE, SINGLE_SIGN_ON = "dummy", "shared-password", "native", "generic-oauth"
"""The authenticators, as JupyterHub's configuration names them."""
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Authenticator:
    """A row."""

    title: str
    name: str
    """As JupyterHub's configuration names it."""
    two: bool = False
    """Whether people have a second factor."""
    since: str = ""
    """The first JupyterHub that has it, if not all have."""

    def is_in(self, version: tuple[int, ...]) -> bool:
        """Whether this version has it, or can have it installed."""
        return not self.since or version >= tuple(map(int, self.since.split(".")))


@dataclass(frozen=True)
class Method:
    """A column."""

    title: str


@dataclass(frozen=True)
class Cell:
    """What a method comes to with an authenticator."""

    authenticator: Authenticator
    method: Method

    @property
    def expected(self) -> str:
        """What the tests have to find."""
        return FOUND[self.authenticator][METHODS.index(self.method)]

    def result(self, version: tuple[int, ...]) -> str:
        """What is recorded once all tests have found it."""
        there = self.authenticator.is_in(version)
        return self.expected if there else f"from {self.authenticator.since}"


PASSWORD = Method("`--password`")
NEW_BY_PASSWORD = Method("`--password`, the first time")
FORM = Method("`--form`")
NEW_BY_FORM = Method("`--form`, the first time")
BROWSER = Method("`--browser`")
PASTE = Method("`--paste`")
BY_ITSELF = Method("without an option")
METHODS = (PASSWORD, NEW_BY_PASSWORD, FORM, NEW_BY_FORM, BROWSER, PASTE, BY_ITSELF)

FOUND = {
    Authenticator("dummy", DUMMY): (YES, NO, YES, YES, YES, YES, "the form"),
    Authenticator("shared password (JupyterHub 5.3)", SHARED, since="5.3"): (YES, NO, YES, YES, YES, YES, "the form"),
    Authenticator("NativeAuthenticator", NATIVE): (YES, NO, YES, YES, YES, YES, "the form"),
    Authenticator("the same, with a second factor", NATIVE, two=True): (NO, NO, YES, YES, YES, YES, "the form"),
    Authenticator("single sign-on (OAuthenticator)", SINGLE_SIGN_ON): (NO, NO, NO, NO, YES, YES, "the browser"),
}
CELLS = [Cell(authenticator, method) for authenticator in FOUND for method in METHODS]


def each(method: Method, *only: str) -> pytest.MarkDecorator:
    """Runs a test as `cell` with each authenticator, or with those whose cell says one of these."""
    cells = [cell for cell in CELLS if cell.method == method and (not only or cell.expected in only)]
    return pytest.mark.parametrize(
        "cell", [pytest.param(cell, marks=pytest.mark.cell(cell), id=cell.authenticator.title) for cell in cells]
    )
