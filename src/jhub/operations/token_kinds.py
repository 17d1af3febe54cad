"""Which tokens of a list stand for more than themselves. Pure: no hub is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from jhub.models import Token

TokenKind: TypeAlias = Literal["api", "server", "session"]

HUB = "JupyterHub"
"""What the hub calls itself as the issuer of tokens that are no OAuth tokens."""


def token_kind(token: Token) -> TokenKind:
    """Return what a token of `hub.tokens.list` is for.

    "server": by it a server speaks to the hub, and without it the server can let nobody in. "session": it came by
    OAuth, for somebody's browser at a server or service, or for an OAuth sign-in. "api": any other.
    """
    if token.session_id is not None and token.oauth_client != HUB:
        return "session"
    # The note is the only sign of a server's. JupyterHub itself goes by it (`get_current_user_token`, 2 to 6), and no
    # user gives it to a token by chance. Such a token's scopes depend on the hub's configuration; and comparing with
    # the addresses of the servers that run now would miss one that is just starting, was renamed, or resumes its token
    # later. The second is of a server that came up with another token than it was given (all versions).
    own = token.oauth_client == HUB and (token.note or "").startswith(("Server at ", "retrieved from spawner "))
    return "server" if own else "api"


def revoked_together(tokens: Iterable[Token]) -> list[list[Token]]:
    """Return tokens by the request that revokes them: with one of a session go the user's others of that client."""
    by_client: dict[str, list[Token]] = {}
    for token in tokens:
        session = token_kind(token) == "session"
        by_client.setdefault(f"client {token.oauth_client}" if session else token.id, []).append(token)
    return list(by_client.values())
