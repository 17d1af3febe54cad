"""Differences between the tests without and with the extension, and the recorded ones with their reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import yaml

EXPECTED = Path(__file__).with_name("expected.yaml")
"""The recorded differences: the reason by the name of each test, `module::test`."""

TODO = "TODO"
"""Reason of a new difference, until somebody writes one."""

HEADER = """\
# Tests of JupyterHub and of jupyterhub-idle-culler whose outcome differs with jhub.extension, each with its reason.
# "make record-upstream" writes the names, and people write the reasons.
"""

NEW = "a new difference"
VANISHED = "recorded, but there is no difference any more"
FAILS_WITHOUT = "fails without jhub.extension too"
INCOMPLETE = "the tests could not be run to their end"
NO_REASON = "the record has no reason for the difference"

Finding = tuple[str, str]
"""A test, `module::test`, and what is wrong with it."""


def findings(
    module: str, without: Mapping[str, str], extended: Mapping[str, str], expected: Collection[str]
) -> frozenset[Finding]:
    """Return what the outcomes of a module's tests show that is not as recorded."""
    failed = {test for test, outcome in without.items() if outcome == "failed"}
    different = {test for test in {*without, *extended} - failed if without.get(test) != extended.get(test)}
    recorded = {test.removeprefix(f"{module}::") for test in of_modules(expected, [module])}
    kinds = ((FAILS_WITHOUT, failed), (NEW, different - recorded), (VANISHED, recorded - different))
    return frozenset((f"{module}::{test}", kind) for kind, tests in kinds for test in tests)


def confirmed(found: Collection[Finding], again: Collection[Finding], repeated: Collection[str]) -> frozenset[Finding]:
    """Return the findings of a first run that a second one of the tests `repeated` shows too, and all others."""
    incomplete = {finding for finding in again if finding[1] == INCOMPLETE}
    return frozenset({finding for finding in found if finding in again or finding[0] not in repeated} | incomplete)


def of_modules(expected: Iterable[str], modules: Collection[str]) -> list[str]:
    """Return the recorded tests of these modules."""
    return [test for test in expected if test.partition("::")[0] in modules]


def without_reason(expected: Mapping[str, str]) -> frozenset[Finding]:
    """Return the recorded differences for which nobody has written a reason."""
    return frozenset((test, NO_REASON) for test, reason in expected.items() if reason in ("", None, TODO))


def updated(expected: Mapping[str, str], found: Collection[Finding]) -> dict[str, str]:
    """Return the record after a run: a vanished difference is left out, and a new one has the reason TODO."""
    kept = {test: reason for test, reason in expected.items() if (test, VANISHED) not in found}
    return {**kept, **{test: TODO for test, kind in found if kind == NEW}}


def read_expected() -> dict[str, str]:
    """Return the recorded differences."""
    return yaml.safe_load(EXPECTED.read_text()) or {}


def write_expected(expected: Mapping[str, str]) -> None:
    """Record differences."""
    EXPECTED.write_text(HEADER + (yaml.safe_dump(dict(expected), width=110, allow_unicode=True) if expected else ""))
