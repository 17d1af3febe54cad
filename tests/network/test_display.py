"""The display of objects in a notebook, in a real IPython."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from loopback import Site, Visit, serving

from jhub import AsyncHub, Hub, NotFound, User
from jhub.models import Server

MANY = [{"name": f"user-{number:02}", "admin": False, "groups": ["<geo>"]} for number in range(30)]


def route(visit: Visit) -> None:
    """Answer as a hub with thirty users and nothing else."""
    if visit.path.startswith("/hub/api/users?"):
        visit.json({"items": MANY, "_pagination": {"next": None, "total": len(MANY)}})
    else:
        visit.json({"status": 404, "message": "No such user: nobody"}, 404)


@pytest.fixture
def shell() -> Iterator[Any]:
    kind: Any = InteractiveShell
    shell = kind()
    yield shell
    shell.history_manager.end_session()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(route) as site:
        yield site


def shown(shell: Any, thing: object) -> dict[str, Any]:
    """Return the MIME representations of an object in a notebook."""
    found: dict[str, Any] = shell.display_formatter.format(thing)[0]
    return found


def test_tab_completion_offers_nouns_and_verbs(shell: Any) -> None:
    with Hub("http://127.0.0.1:9/hub/api", "SECRET") as hub:
        shell.user_ns["hub"] = hub
        with provisionalcompleter():
            found = {each.text for each in shell.Completer.completions("hub.", 4)}
    assert found == {name for name in dir(Hub) if not name.startswith("_")}


def test_the_signature_and_help_are_those_of_the_call(shell: Any) -> None:
    with Hub("http://127.0.0.1:9/hub/api", "SECRET") as hub:
        shell.user_ns["hub"] = hub
        found = shell.object_inspect("hub.servers.start")
    assert found["definition"].startswith("hub.servers.start(\n") or found["definition"].startswith(
        "hub.servers.start("
    )
    assert "self" not in found["definition"]
    assert found["definition"].rstrip().endswith("jhub.models.Server")
    assert "POST /users/{user}/servers/{name}" in found["docstring"]


def test_a_listing_shows_its_first_items(shell: Any, site: Site) -> None:
    with Hub(site.root, "SECRET") as hub:
        found = shown(shell, hub.users.list())
    assert found["text/plain"] == "<Stream of User>"
    html = found["text/html"]
    assert html.count("<tr>") == 21
    assert "user-19" in html
    assert "user-20" not in html
    assert "and more" in html
    assert "&lt;geo&gt;" in html
    assert "<th>last_activity</th>" not in html  # nobody has one
    assert len(site.requests) == 1


def test_a_failed_listing_shows_its_error(shell: Any, site: Site) -> None:
    with Hub(site.root, "SECRET") as hub:
        html = shown(shell, hub.groups.list())["text/html"]
    assert html.startswith("<pre>NotFound: ")
    assert "No such user" in html


def test_an_asynchronous_listing_is_not_fetched(shell: Any) -> None:
    hub = AsyncHub("http://127.0.0.1:9/hub/api", "SECRET")
    assert shown(shell, hub.users.list()) == {"text/plain": "<AsyncStream of User>"}


def test_a_model_shows_its_fields_and_no_secret(shell: Any) -> None:
    html = shown(shell, Server(name="lab", user="ana", state={"pid": "SECRET"}))["text/html"]
    assert "<td style='text-align:left'>lab</td>" in html
    assert "SECRET" not in html
    html = shown(shell, User(name="<b>" + "x" * 500))["text/html"]
    assert "&lt;b&gt;" in html
    assert "x" * 101 not in html


def test_an_error_shows_its_message_and_the_frames_of_the_caller(shell: Any, site: Site) -> None:
    cells = [
        "from jhub import Hub",
        f"hub = Hub({json.dumps(site.root)}, 'SECRET')",
        "def mine(name):\n    return hub.users.get(name)",
    ]
    for cell in cells:
        assert shell.run_cell(cell).success
    with capture_output() as caught:
        result = shell.run_cell("mine('nobody')\n")
    assert isinstance(result.error_in_exec, NotFound)
    lines = [line for line in caught.stdout.splitlines() if line.strip()]
    assert lines[0] == f"NotFound: {result.error_in_exec}"
    assert "mine('nobody')" in caught.stdout
    assert "return hub.users.get(name)" in caught.stdout
    assert len(lines) <= 10
    assert "SECRET" not in caught.stdout
    assert "/jhub/" not in caught.stdout
    shell.run_cell("hub.close()")


def test_an_error_shows_its_hint(shell: Any) -> None:
    with capture_output() as caught:
        shell.run_cell("from jhub import InvalidInput\nraise InvalidInput('no', hint='say yes')")
    assert caught.stdout.splitlines()[:2] == ["InvalidInput: no", "hint: say yes"]
