"""Kinds of tokens, and the tokens that one request revokes."""

from __future__ import annotations

import pytest

from jhub.models import Token
from jhub.operations.tokens import revocation_groups

OWN = Token(id="a1", note="Server at /user/ana/", oauth_client="JupyterHub")
RETRIEVED = Token(id="a2", note="retrieved from spawner lab", oauth_client="JupyterHub")
PLAIN = Token(id="a3", note="Requested via api", oauth_client="JupyterHub")
SESSION = Token(id="a4", note="", session_id="x", oauth_client="Server at /user/ana/")
SAME = Token(id="a5", note="", session_id="y", oauth_client="Server at /user/ana/")
SERVICE = Token(id="a6", note="", session_id="y", oauth_client="JupyterHub service jhub-login")


def test_a_servers_own_token_is_recognised_by_its_note() -> None:
    assert [token.kind for token in (OWN, RETRIEVED)] == ["server", "server"]
    assert "server" not in [token.kind for token in (PLAIN, SESSION, SERVICE, Token(id="a9"))]


def test_a_session_token_is_recognised_by_its_client() -> None:
    assert [token.kind for token in (SESSION, SAME, SERVICE)] == ["session"] * 3
    assert "session" not in [token.kind for token in (OWN, RETRIEVED, PLAIN)]


@pytest.mark.parametrize("client", ["JupyterHub", None, "what a later hub may call itself"])
def test_api_tokens_are_revoked_one_by_one(client: str | None) -> None:
    tokens = [Token(id=id_, oauth_client=client) for id_ in ("a7", "a8")]
    assert revocation_groups(tokens) == [[token] for token in tokens]


def test_the_sessions_of_a_client_are_revoked_with_one_of_them() -> None:
    assert revocation_groups([SESSION, PLAIN, SERVICE, SAME]) == [[SESSION, SAME], [PLAIN], [SERVICE]]
