"""Keyring backends for `PYTHON_KEYRING_BACKEND`. `KEYRING_PROPERTY_PLACE` is the folder of their entries."""

from __future__ import annotations

import json
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError, PasswordSetError


class Working(KeyringBackend):
    """A keyring that keeps its entries in a file. It is locked while there is a file `locked` beside it."""

    priority = 1
    place = ""

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service}: {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self._entries(), f"{service}: {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        if entries.pop(f"{service}: {username}", None) is None:
            raise PasswordDeleteError("no such entry")
        self._write(entries)

    def _entries(self) -> dict[str, str]:
        if (Path(self.place) / "locked").exists():
            raise KeyringLocked("nobody answered")
        file = Path(self.place) / "entries.json"
        entries: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return entries

    def _write(self, entries: dict[str, str]) -> None:
        (Path(self.place) / "entries.json").write_text(json.dumps(entries))


class Short(Working):
    """A keyring that truncates secrets."""

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[:5])


class Full(Working):
    """A keyring that is full."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise PasswordSetError(f"no room for {password}")


class Chatty(Working):
    """A keyring that fails with the secret in its message."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OSError(f"cannot keep {password}")


class Waiting(Working):
    """A keyring that waits for an answer to its dialog."""

    def get_password(self, service: str, username: str) -> str | None:
        import os
        import time

        os.write(2, b"a dialog\n")  # with `print`, a signal could cause the text to be written twice
        time.sleep(3600)
        return None
