"""requirements.lock has what pyproject.toml requires, with hashes, and names no address."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging_builds import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
ENTRY = re.compile(r"^(?P<pin>\S[^\\\n]*) \\\n(?P<hashes>(?: +--hash=\S+(?: \\)?\n)+)", re.MULTILINE)
ENTRIES = [(Requirement(match["pin"]), match["hashes"]) for match in ENTRY.finditer(LOCK)]


def group(name: str) -> Iterator[str]:
    """Yield the requirements of a dependency group, and of the groups that it includes."""
    for item in PROJECT["dependency-groups"][name]:
        if isinstance(item, str):
            yield item
        else:
            yield from group(item["include-group"])


REQUIRED = sorted(
    {
        *PROJECT["project"]["dependencies"],
        *(item for extra in PROJECT["project"]["optional-dependencies"].values() for item in extra),
        *(item for name in PROJECT["dependency-groups"] for item in group(name)),
        *PROJECT["build-system"]["requires"],
    }
    - {"jhub[extension]"}
)


@pytest.mark.parametrize("text", REQUIRED)
def test_a_requirement_is_in_the_lock(text: str) -> None:
    wanted = Requirement(text)
    pins = [pin for pin, _ in ENTRIES if canonicalize_name(pin.name) == canonicalize_name(wanted.name)]
    versions = [next(iter(pin.specifier)).version for pin in pins]
    assert versions, "run: make lock"
    assert all(wanted.specifier.contains(version, prereleases=True) for version in versions), "run: make lock"


def test_each_entry_is_one_version_with_hashes() -> None:
    rest = [line for line in ENTRY.sub("", LOCK).splitlines() if not line.startswith("#")]
    assert not rest
    assert all([specifier.operator for specifier in pin.specifier] == ["=="] for pin, _ in ENTRIES)
    assert all("--hash=sha256:" in hashes for _, hashes in ENTRIES)


def test_the_lock_names_no_address_and_no_path() -> None:
    assert not re.findall(r"://|^--|^-e|\s@\s|(?<!\w)/\w+", LOCK, re.MULTILINE)
