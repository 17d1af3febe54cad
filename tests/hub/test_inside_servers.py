"""jhub inside a server or service of a hub: URL and token from the environment, and hints about missing scopes."""

from __future__ import annotations

import pytest
from hub_api import Api, Tokens

from jhub import Hub, MissingScope
from jhub.local import LocalHub


def test_in_a_server_jhub_is_the_user_and_hints_at_server_token_scopes(hub: LocalHub, api: Api, user: str) -> None:
    assert hub.folder is not None
    body = {"user_options": {"profile": "inside"}}
    assert api("POST", f"/users/{user}/servers/lab", json=body).status_code in (201, 202)
    api.ready(user, "lab")
    home = hub.folder / "users" / user
    assert (home / "who").read_text() == f"{user}\n"
    error, hint = (home / "users").read_text().splitlines()
    assert error == "error: users: the token lacks the scope list:users"
    assert "the server's own token" in hint
    assert 'c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server", "list:users"]' in hint


def test_in_a_service_jhub_hints_at_the_role_with_the_missing_scope(
    hub: LocalHub, hub_tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", hub.api_url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub_tokens.service)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_NAME", "robot")
    with Hub() as inside:
        assert inside.whoami().name == "robot"
        with pytest.raises(MissingScope) as caught:
            inside.info()
    assert '{"name": "jhub-robot", "services": ["robot"], "scopes": ["read:hub"]}' in caught.value.hint
    with Hub(hub.api_url, hub_tokens.service) as elsewhere, pytest.raises(MissingScope) as caught:
        elsewhere.info()
    assert caught.value.hint == "use a token with the scope read:hub"
