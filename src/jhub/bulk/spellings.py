"""Spellings of user names: the authenticator of a hub decides whether it keeps capital letters."""

from __future__ import annotations

from collections.abc import Iterable


class Spellings:
    """Names of users as a hub writes them: most hubs store names in lower case, and some keep capital letters."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = dict.fromkeys(names)
        self._with_capitals: dict[str, list[str]] = {}
        """The names with capital letters, by their lower-case form."""
        for name in self._names:
            if name != (lower := name.lower()):
                self._with_capitals.setdefault(lower, []).append(name)

    def find(self, name: str) -> list[str]:
        """Return the names that a name stands for: itself and its lower-case form, else those with other capitals."""
        exact = [each for each in dict.fromkeys((name, name.lower())) if each in self._names]
        return exact or self._with_capitals.get(name.lower(), [])
