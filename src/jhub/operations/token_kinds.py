"""Which tokens of a list stand for more than themselves. Pure: no hub is asked."""

from __future__ import annotations

from collections.abc import Iterable

from jhub.models import Token

HUB = "JupyterHub"
"""What the hub calls itself as the issuer of tokens that are no OAuth tokens."""


def of_a_server(token: Token) -> bool:
    """Whether it is the token by which a server speaks to the hub, and without which it can let nobody in.

    The note is the only sign. JupyterHub itself goes by it (`get_current_user_token`, 2 to 6), and no user gives it to
    a token by chance. Such a token's scopes depend on the hub's configuration; and comparing with the addresses of the
    servers that run now would miss one that is just starting, was renamed, or resumes its token later.
    """
    # The second is of a server that came up with another token than it was given (all versions).
    return token.oauth_client == HUB and (token.note or "").startswith(("Server at ", "retrieved from spawner "))


def of_a_session(token: Token) -> bool:
    """Whether it came by OAuth: somebody's browser at a server or service, or what an OAuth sign-in gave."""
    return token.session_id is not None and token.oauth_client != HUB


def revoked_together(tokens: Iterable[Token]) -> list[list[Token]]:
    """Tokens by the request that takes them away: with one of a session go the user's others of that client."""
    by_client: dict[str, list[Token]] = {}
    for token in tokens:
        by_client.setdefault(f"client {token.oauth_client}" if of_a_session(token) else token.id, []).append(token)
    return list(by_client.values())
