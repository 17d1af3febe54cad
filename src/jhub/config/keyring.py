"""The system's keyring: this user's entries, by service and name. Requires the extra `jhub[keyring]`.

This is the only module that imports `keyring`. Importing it and choosing its backend takes longer than most commands
take in all, so it is imported where it is used. A backend may wait for the user's answer to a dialog.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress


class KeyringUnusable(Exception):
    """An error of the keyring. The text is the reason, `cure` the remedy; `absent` means that there is no keyring."""

    def __init__(self, why: str, cure: str, *, absent: bool = False) -> None:
        super().__init__(why)
        self.cure = cure
        self.absent = absent


def put(service: str, name: str, secret: str) -> None:
    """Store a secret, and check that it is stored. `KeyringUnusable` if it is not."""
    with _translated_errors():
        import keyring

        keyring.set_password(service, name, secret)
        if keyring.get_password(service, name) == secret:
            return
        with suppress(Exception):  # leave no altered secret behind
            keyring.delete_password(service, name)
    raise KeyringUnusable("the keyring does not store what it receives", "choose another")


def get(service: str, name: str) -> str | None:
    """Return a secret; None if there is no such entry. `KeyringUnusable` if the keyring cannot be read."""
    with _translated_errors():
        import keyring

        return keyring.get_password(service, name)


def delete(service: str, name: str) -> None:
    """Delete a secret, if it exists. `KeyringUnusable` if it may still exist."""
    with _translated_errors():
        import keyring
        from keyring.errors import PasswordDeleteError

        try:
            keyring.delete_password(service, name)
        except PasswordDeleteError:
            if keyring.get_password(service, name) is not None:
                raise


@contextmanager
def _translated_errors() -> Generator[None]:
    """Turn every error of the keyring into `KeyringUnusable`."""
    try:
        from keyring.errors import KeyringLocked, NoKeyringError
    except ImportError:
        raise KeyringUnusable(
            "the Python package keyring is not installed", "pip install 'jhub[keyring]'", absent=True
        ) from None
    try:
        yield
    except NoKeyringError:
        raise KeyringUnusable("no keyring is running", "start one", absent=True) from None
    except KeyringLocked:
        raise KeyringUnusable("the keyring is locked", "unlock it") from None
    except Exception as error:  # noqa: BLE001  # backends raise whatever their libraries raise
        # Only the type: the text is a library's, and may quote the secret.
        raise KeyringUnusable(
            f"the keyring failed ({type(error).__name__})", "see: python -m keyring diagnose"
        ) from None
