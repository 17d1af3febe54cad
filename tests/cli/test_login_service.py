"""`jhub service create --login-client`, on real hubs: one that lacks the client, and one whose configuration has it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hub_api import Api
from page_blocks import run_by
from terminal import Jhub

from jhub import oauth_client
from jhub.cli.main import cli
from jhub.local import LocalHub

CREATE = ("service", "create", "--login-client")
PLANNED = (
    f'POST /services/{oauth_client.NAME} {{"api_token":"***","oauth_client_id":"{oauth_client.CLIENT_ID}",'
    f'"oauth_redirect_uri":"{oauth_client.REDIRECT_URI}","oauth_client_allowed_scopes":["inherit"]}}\n'
)

# A local hub registers the client itself.
WITHOUT = """
from jupyterhub.app import JupyterHub
for step in ("init_role_creation", "init_services", "init_role_assignment"):
    setattr(JupyterHub, step, getattr(JupyterHub, step).__wrapped__)
"""


@pytest.fixture(scope="module")
def bare() -> Iterator[LocalHub]:
    """A hub without the client."""
    with LocalHub(config=WITHOUT, users=["ana"]) as running:
        yield running


@pytest.fixture
def bare_admin(bare: LocalHub, tmp_path: Path) -> Jhub:
    """The command, as the administrator of that hub."""
    return Jhub(tmp_path, {"JUPYTERHUB_API_URL": bare.api_url, "JUPYTERHUB_API_TOKEN": token(bare, "admin")})


def token(hub: LocalHub, user: str) -> str:
    """Return a new API token of a user."""
    password = hub.password if user == hub.username else hub.user_password
    made = Api(hub)("POST", f"/users/{user}/tokens", json={"auth": {"username": user, "password": password}})
    secret: str = made.json()["token"]
    return secret


def test_the_lines_of_the_page_on_the_local_hub_run(bare_admin: Jhub) -> None:
    (block,) = run_by(__file__, "docs/how-to/local-hub.md")
    create, delete = (shlex.split(line)[1:] for line in block.text.splitlines())
    bare_admin.ok(*create)
    bare_admin.ok(*delete, "--yes")  # there is no terminal


def test_the_login_client_is_registered_and_deleted(bare: LocalHub, bare_admin: Jhub) -> None:
    assert bare_admin.ok(*CREATE, "--dry-run") == PLANNED
    made = bare_admin(*CREATE, "-o", "name")
    assert (made.code, made.out) == (0, f"{oauth_client.NAME}\n")
    assert "administrators can now use jhub login --browser" in made.err
    assert made.err.splitlines()[-1] == oauth_client.access_line((6,))
    assert Api(bare, oauth_client.CLIENT_SECRET)("GET", "/user").json()["scopes"] == []

    again = bare_admin(*CREATE)
    assert (again.code, "already exists" in again.err) == (6, True)
    assert bare_admin.ok(*CREATE, "--if-not-exists", "-o", "name") == f"{oauth_client.NAME}\n"
    bare_admin.ok("service", "delete", "--yes", oauth_client.NAME)
    assert bare_admin("service", "show", oauth_client.NAME).code == 5


@pytest.mark.parametrize(
    ("options", "why"), [((), "is not the client of jhub login"), (("--admin",), "has roles, but the secret")]
)
def test_another_service_of_the_same_name_is_kept(bare_admin: Jhub, options: tuple[str, ...], why: str) -> None:
    bare_admin.ok("service", "create", oauth_client.NAME, *options)
    result = bare_admin(*CREATE, "--if-not-exists")
    assert (result.code, result.out, why in result.err) == (6, "", True)
    bare_admin.ok("service", "delete", "--yes", oauth_client.NAME)


def test_a_login_client_in_the_configuration_is_accepted(as_admin: Jhub) -> None:
    assert as_admin.ok(*CREATE, "--if-not-exists", "-o", "name") == f"{oauth_client.NAME}\n"


def test_registration_requires_an_administrator(as_ana: Jhub) -> None:
    result = as_ana(*CREATE)
    assert (result.code, "admin:services" in result.err) == (4, True)


@pytest.mark.parametrize(
    "other", [("robot",), ("--url", "http://x"), ("--admin",), ("--no-display",), ("--info", "a=b")]
)
def test_login_client_excludes_parameters_of_the_service(other: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*CREATE, *other])
    assert (
        result.exit_code,
        "--login-client sets" in result.output,
    ) == (2, True)
    assert CliRunner().invoke(cli, ["service", "create"]).exit_code == 2
