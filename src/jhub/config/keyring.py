"""The system's keyring: entries of this user, by service and name. The extra `jhub[keyring]` installs what it takes.

The one importer of `keyring`, which takes longer to import and to find its backend than most commands take in all: so
it is imported where it is used. A backend may wait for its user's answer to a dialog.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress


class Unusable(Exception):
    """The keyring cannot be used now; the text says why. `absent`: because there is none. `cure`: what to do then."""

    def __init__(self, why: str, cure: str, *, absent: bool = False) -> None:
        super().__init__(why)
        self.cure = cure
        self.absent = absent


def put(service: str, name: str, secret: str) -> None:
    """Keep a secret, and see that it is kept. `Unusable` where it is not."""
    with _told():
        import keyring

        keyring.set_password(service, name, secret)
        if keyring.get_password(service, name) == secret:
            return
        with suppress(Exception):  # what it made of the secret is nothing to leave behind
            keyring.delete_password(service, name)
    raise Unusable("the keyring does not keep what it is given", "choose another")


def get(service: str, name: str) -> str | None:
    """A secret; None where there is none. `Unusable` where the keyring does not say."""
    with _told():
        import keyring

        return keyring.get_password(service, name)


def delete(service: str, name: str) -> None:
    """Delete a secret, if it is there. `Unusable` where it may be there still."""
    with _told():
        import keyring
        from keyring.errors import PasswordDeleteError

        try:
            keyring.delete_password(service, name)
        except PasswordDeleteError:
            if keyring.get_password(service, name) is not None:
                raise


@contextmanager
def _told() -> Generator[None]:
    """Makes `Unusable` of whatever the keyring raises."""
    try:
        from keyring.errors import KeyringLocked, NoKeyringError
    except ImportError:
        raise Unusable(
            "the Python package keyring is not installed", "pip install 'jhub[keyring]'", absent=True
        ) from None
    try:
        yield
    except NoKeyringError:
        raise Unusable("no keyring runs here", "start it", absent=True) from None
    except KeyringLocked:
        raise Unusable("the keyring is locked", "unlock it") from None
    except Exception as error:  # noqa: BLE001  # backends raise what their libraries do
        # Its kind alone: the text is not ours, and may quote the secret.
        raise Unusable(f"the keyring failed ({type(error).__name__})", "see: python -m keyring diagnose") from None
