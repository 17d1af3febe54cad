"""The hub that `Hub()` and `Hub.from_context()` connect to."""

from __future__ import annotations

import os
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jhub import AsyncHub, Hub
from jhub.config import contexts, token_storage
from jhub.config.contexts import Context
from jhub.errors import InvalidInput

BOTH = pytest.mark.parametrize("kind", [Hub, AsyncHub])
Kind = type[Hub] | type[AsyncHub]

ENVIRONMENT = "http://127.0.0.1:9/from/environment/hub/api"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two contexts, of which `course` is the current one."""
    for name in [name for name in os.environ if name.startswith(("JUPYTERHUB_", "JHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("JHUB_KEYRING", "off")
    for name, user in (("research", "bo"), ("course", "ana")):
        contexts.save(name, Context(api_url=f"https://{name}.example.org/hub/api", user=user), f"SECRET-{name}")


@BOTH
def test_without_an_environment_it_is_the_current_context(kind: Kind) -> None:
    for hub in (kind(), kind.from_context()):
        assert repr(hub) == f"<{kind.__name__} https://course.example.org as ana>"
        assert hub._wire._token == "SECRET-course"


@BOTH
def test_a_context_is_selected_by_name_or_by_variable(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repr(kind.from_context("research")) == f"<{kind.__name__} https://research.example.org as bo>"
    monkeypatch.setenv("JHUB_CONTEXT", "research")
    assert kind.from_context()._wire._token == "SECRET-research"
    assert kind.from_context("course")._wire._token == "SECRET-course"
    assert kind()._wire._token == "SECRET-research"
    with pytest.raises(InvalidInput, match="no context 'nobody'; available: course, research"):
        kind.from_context("nobody")


@BOTH
def test_the_environment_precedes_the_current_context(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", ENVIRONMENT)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "SECRET-environment")
    assert repr(kind()) == f"<{kind.__name__} http://127.0.0.1:9/from/environment>"
    assert kind()._wire._token == "SECRET-environment"
    assert kind(token="GIVEN")._wire._token == "GIVEN"
    assert kind.from_context()._wire._token == "SECRET-course"


@BOTH
@pytest.mark.parametrize(
    ("present", "missing"),
    [("JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN"), ("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL")],
)
def test_one_variable_without_the_other_is_an_error(
    kind: Kind, present: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(present, ENVIRONMENT if present.endswith("URL") else "SECRET-environment")
    with pytest.raises(InvalidInput, match=f"{missing} is not set") as caught:
        kind()
    assert "SECRET" not in str(caught.value)


@BOTH
def test_a_token_without_a_url_is_not_sent_to_the_contexts_hub(kind: Kind) -> None:
    with pytest.raises(InvalidInput, match="JUPYTERHUB_API_URL is not set"):
        kind(token="GIVEN")


@BOTH
def test_a_token_that_expires_soon_warns(kind: Kind) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    began = soon - timedelta(days=30)
    ending = Context(
        api_url="https://course.example.org/hub/api", user="ana", created_at=began, expires_at=soon, token_id="a1"
    )
    contexts.save("course", ending, "SECRET-course")
    with pytest.warns(UserWarning, match="the token of context course") as caught:
        kind.from_context()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind.from_context("research")


@BOTH
def test_network_settings_are_passed_on(kind: Kind) -> None:
    with pytest.warns(UserWarning, match="verify=False"):
        kind.from_context(verify=False)
    assert kind.from_context(timeout=5)._wire._network.timeouts.read == 5


@BOTH
def test_without_a_context_the_hint_is_how_to_sign_in(kind: Kind, tmp_path: Path) -> None:
    contexts.remove("course")
    with pytest.raises(InvalidInput, match="no context is selected; available: research"):
        kind()
    contexts.remove("research")
    for made in (kind, kind.from_context):
        with pytest.raises(InvalidInput, match="not signed in to any hub") as caught:
            made()
        assert "jhub login" in caught.value.hint


@BOTH
def test_an_empty_token_is_an_error(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="the token is empty"):
        kind(token="")
    monkeypatch.setenv("JUPYTERHUB_API_URL", ENVIRONMENT)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "SECRET-environment")
    with pytest.raises(InvalidInput, match="the token is empty"):
        kind(token="")


def test_a_context_that_changes_during_the_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read = token_storage.read

    def changes_first(*args: Any, **kwargs: Any) -> str:
        monkeypatch.setattr(token_storage, "read", read)
        contexts.save("course", Context(api_url="https://new.example.org/hub/api", user="ana"), "SECRET-new")
        return "SECRET-new"

    monkeypatch.setattr(token_storage, "read", changes_first)
    where = contexts.connection("course")
    assert (where.url, where.token) == ("https://new.example.org/hub/api", "SECRET-new")


def test_a_timeout_that_is_no_number_is_refused() -> None:
    timeout: Any = "5"
    with pytest.raises(TypeError, match=r"timeout is a number of seconds, or Timeouts\(...\), not str"):
        Hub("https://hub.example.org", "secret", timeout=timeout)
