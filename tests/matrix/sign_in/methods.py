"""The cells of the table in docs/how-to/signing-in.md: what `jhub login` does with each authenticator, by each method.

Each test of a cell checks the result given here, also a "no": then the command ends with an error.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

DUMMY, SHARED, NATIVE, SINGLE_SIGN_ON = "dummy", "shared-password", "native", "generic-oauth"
"""Authenticators, by their names in JupyterHub's configuration."""
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Authenticator:
    """A row of the table."""

    title: str
    name: str
    """The name in JupyterHub's configuration."""
    two: bool = False
    """True if users have a second factor."""
    since: str = ""
    """The first JupyterHub version that has it; empty for all."""

    def is_in(self, version: tuple[int, ...]) -> bool:
        """Return whether this version has it, or can have it installed."""
        return not self.since or version >= tuple(map(int, self.since.split(".")))


@dataclass(frozen=True)
class Method:
    """A column of the table."""

    title: str


@dataclass(frozen=True)
class Cell:
    """The result of a method with an authenticator."""

    authenticator: Authenticator
    method: Method

    @property
    def expected(self) -> str:
        """The result that the tests must find."""
        return RESULTS[self.authenticator][METHODS.index(self.method)]

    def result(self, version: tuple[int, ...]) -> str:
        """Return the result to record if all tests pass."""
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

RESULTS = {
    Authenticator("dummy", DUMMY): (YES, NO, YES, YES, YES, YES, "the form"),
    Authenticator("shared password (JupyterHub 5.3)", SHARED, since="5.3"): (YES, NO, YES, YES, YES, YES, "the form"),
    Authenticator("NativeAuthenticator", NATIVE): (YES, NO, YES, YES, YES, YES, "the form"),
    Authenticator("the same, with a second factor", NATIVE, two=True): (NO, NO, YES, YES, YES, YES, "the form"),
    Authenticator("single sign-on (OAuthenticator)", SINGLE_SIGN_ON): (NO, NO, NO, NO, YES, YES, "the browser"),
}
CELLS = [Cell(authenticator, method) for authenticator in RESULTS for method in METHODS]


def each(method: Method, *only: str) -> pytest.MarkDecorator:
    """Run a test as `cell` with each authenticator, or with those whose result is one of `only`."""
    cells = [cell for cell in CELLS if cell.method == method and (not only or cell.expected in only)]
    return pytest.mark.parametrize(
        "cell", [pytest.param(cell, marks=pytest.mark.cell(cell), id=cell.authenticator.title) for cell in cells]
    )
