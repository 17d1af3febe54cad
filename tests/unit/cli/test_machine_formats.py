"""Machine formats: sorted sets, ISO 8601 times, and errors as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import click
import pytest

from jhub.cli.kit import exit_codes, output
from jhub.cli.kit.batch import RESULTS, Result
from jhub.cli.kit.output import json_text, note
from jhub.cli.token import TOKENS
from jhub.cli.user import USERS
from jhub.errors import HubError, InvalidInput, NotFound
from jhub.models import Token, User

ANA = User(name="ana", groups=("zeta", "alpha"), roles=("user", "admin"), created=datetime(2026, 1, 2, tzinfo=UTC))


@pytest.fixture
def json_messages() -> Iterator[None]:
    output.print_messages_as_json(True)
    yield
    output.print_messages_as_json(False)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_lone_surrogate_is_escaped(indent: int | None) -> None:
    text = json_text(ANA, indent)
    assert json.loads(text)["name"] == "ana"
    odd = json_text([User(name="a\udcff")], indent)
    assert odd.isascii()
    assert json.loads(odd)[0]["name"] == "a\udcff"


def test_sets_are_sorted(capsys: pytest.CaptureFixture[str]) -> None:
    USERS.print_list([ANA], "json")
    (item,) = json.loads(capsys.readouterr().out)
    assert (item["groups"], item["roles"]) == (["alpha", "zeta"], ["admin", "user"])
    for output_format in ("csv", "table", "wide"):
        USERS.print_list([ANA], output_format)
        assert "alpha, zeta" in capsys.readouterr().out
    USERS.print_item(ANA, "json")
    assert json.loads(capsys.readouterr().out)["groups"] == ["alpha", "zeta"]


def test_csv_is_complete_and_has_iso_times(capsys: pytest.CaptureFixture[str]) -> None:
    scopes = tuple(f"read:{letter}" for letter in "fedcba")
    TOKENS.print_list([Token(id="a1", scopes=scopes, created=datetime(2026, 1, 2, tzinfo=UTC))], "csv")
    assert capsys.readouterr().out.splitlines() == [
        "id,note,scopes,created,last used,expires",
        'a1,,"read:a, read:b, read:c, read:d, read:e, read:f",2026-01-02T00:00:00+00:00,,',
    ]
    TOKENS.print_list([Token(id="a1", scopes=scopes)], "table")
    assert "6 scopes" in capsys.readouterr().out


def test_a_result_has_a_name_and_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    RESULTS.print_list([Result("geo", "deleted", "deleted geo")], "json")
    assert json.loads(capsys.readouterr().out) == [{"name": "geo", "result": "deleted"}]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("user list -o json", True),
        ("user list -ojson", True),
        ("user list --output json", True),
        ("user list --output=json", True),
        ("user list -o csv", False),
        ("user list", False),
        ("context exec -- user list -o json", False),
        ("user show json", False),
    ],
)
def test_json_is_wanted_by_the_option(arguments: str, wanted: bool) -> None:
    assert exit_codes.wants_json(arguments.split()) is wanted


@pytest.mark.usefixtures("json_messages")
def test_errors_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    errors: list[tuple[BaseException, int]] = [
        (NotFound("not found", about="user ana", method="GET", path="/users/ana", status=404, hint="look"), 5),
        (HubError("broken"), 1),
        (InvalidInput("no"), 2),
        (click.UsageError("no such option"), 2),
        (KeyboardInterrupt(), 130),
    ]
    for error, code in errors:

        def fail(error: BaseException = error) -> None:
            raise error

        assert exit_codes.run(fail, debug=False) == code
        shown = json.loads(capsys.readouterr().err)
        assert shown["exit_code"] == code
        assert shown.keys() == {"error", "hint", "kind", "status", "request", "exit_code"}
        if code == 5:
            assert shown == {
                "error": "user ana: not found",
                "hint": "look",
                "kind": "NotFound",
                "status": 404,
                "request": "GET /users/ana",
                "exit_code": 5,
            }
    note("a\nb")
    assert json.loads(capsys.readouterr().err) == {"note": "a\nb"}
