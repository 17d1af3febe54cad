"""Fixtures of pytest with a real JupyterHub on this machine: `jhub_local_hub`, `jhub_hub` and `jhub_user`.

pytest finds them by itself. Nothing of jhub is imported before a test uses one of them. `-p no:jhub` turns them off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jhub import Hub
    from jhub.local import LocalHub
    from jhub.models import User

TOKEN_SECONDS = 24 * 3600
"""Lifetime of the administrator's token in `jhub_hub`."""


@pytest.fixture(scope="session")
def jhub_local_hub() -> Iterator[LocalHub]:
    """Run a local hub for the whole session. Tests are skipped if the extra `local` is not installed.

    Override the fixture in your conftest.py to pass other options to `LocalHub`.
    """
    from jhub.errors import LocalHubError
    from jhub.local import LocalHub
    from jhub.local.requirements import check_requirements

    try:
        check_requirements()
    except LocalHubError as error:
        pytest.skip(f"{error}: {error.hint}" if error.hint else str(error))
    with LocalHub() as hub:
        yield hub


@pytest.fixture(scope="session")
def jhub_hub(jhub_local_hub: LocalHub) -> Iterator[Hub]:
    """Return a client of `jhub_local_hub`, as its administrator."""
    from jhub import Hub

    local = jhub_local_hub
    with Hub(local.api_url) as anonymous:
        token = anonymous.tokens.create_with_password(
            local.username, local.password, note="pytest", expires_in=TOKEN_SECONDS
        )
    with Hub(local.api_url, token.token) as hub:
        yield hub


@pytest.fixture
def jhub_user(jhub_hub: Hub) -> Iterator[User]:
    """Create a user of `jhub_local_hub`. After the test, stop the user's servers and delete the user."""
    import secrets

    user = jhub_hub.users.create(f"user-{secrets.token_hex(4)}")
    yield user
    jhub_hub.users.delete(user.name, missing_ok=True)
