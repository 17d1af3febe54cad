"""The hint for a missing scope of the token of a server or service."""

from __future__ import annotations

import json
import re

import pytest

from jhub.client.scope_hint import scope_hint
from jhub.errors import MissingScope

LACKS = MissingScope("users: the token lacks the scope list:users", ("list:users",))


@pytest.mark.parametrize("server", ["", "lab"])
def test_in_a_server_the_hint_is_server_token_scopes(server: str) -> None:
    environ = {"JUPYTERHUB_SERVER_NAME": server, "JUPYTERHUB_SERVICE_PREFIX": "/user/ana/"}
    hint = scope_hint(LACKS, environ)
    assert "the server's own token may do almost nothing" in hint
    found = re.search(r"c\.Spawner\.server_token_scopes = (\[.*?\])", hint)
    assert found is not None
    assert json.loads(found[1]) == ["users:activity!user", "access:servers!server", "list:users"]
    assert len(hint.splitlines()) == 1


def test_in_a_service_the_hint_is_a_role() -> None:
    hint = scope_hint(LACKS, {"JUPYTERHUB_SERVICE_NAME": "culler"})
    found = re.search(r"c\.JupyterHub\.load_roles\.append\((.*?)\)", hint)
    assert found is not None
    assert json.loads(found[1]) == {"name": "jhub-culler", "services": ["culler"], "scopes": ["list:users"]}


def test_elsewhere_the_hint_is_unchanged() -> None:
    assert scope_hint(LACKS, {"JUPYTERHUB_API_TOKEN": "x"}) == LACKS.hint
    unnamed = MissingScope("users: no", ())
    assert scope_hint(unnamed, {"JUPYTERHUB_SERVER_NAME": "lab"}) == unnamed.hint


def test_the_hint_names_one_of_several_sufficient_scopes() -> None:
    either = MissingScope("user ana: no", ("read:users", "read:servers"))
    assert "read:servers" not in scope_hint(either, {"JUPYTERHUB_SERVER_NAME": ""})
