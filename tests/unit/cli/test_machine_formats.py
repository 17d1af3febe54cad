"""Machine formats: sorted sets, ISO 8601 times, and errors as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import click
import pytest

from jhub.cli.kit import exit_codes, output
from jhub.cli.kit.batch import RESULTS, Result
from jhub.cli.kit.output import View, json_text, note
from jhub.cli.token_list import TOKENS
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
        "id,kind,note,scopes,created,last used,expires",
        "a1,api,,read:a read:b read:c read:d read:e read:f,2026-01-02T00:00:00+00:00,,",
    ]
    TOKENS.print_list([Token(id="a1", scopes=scopes)], "table")
    assert "6 scopes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("note_", "cell"),
    [
        ('=HYPERLINK("http://127.0.0.1:9/";"x")', """'=HYPERLINK("http://127.0.0.1:9/";"x")"""),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        (" =1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("\t=1", "\\x09=1"),
        ("job;=1+1", "job;'=1+1"),
        ("a=b, -c; d", "a=b, -c; d"),
    ],
)
def test_a_csv_cell_is_not_a_formula(note_: str, cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    item = Token(id="a1", note=note_)
    TOKENS.print_list([item], "csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["note"] == cell
    TOKENS.print_list([item], "json")
    assert json.loads(capsys.readouterr().out)[0]["note"] == note_, "JSON is exact"


def test_a_number_in_csv_has_no_apostrophe(capsys: pytest.CaptureFixture[str]) -> None:
    numbers: View[float] = View(str, {"NUMBER": lambda number: number})
    numbers.print_list([-1.5, -2], "csv")
    assert capsys.readouterr().out == "number\n-1.5\n-2\n"


@pytest.mark.parametrize("output_format", ["json", "yaml"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_is_printed_item_by_item(count: int, output_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    items = [Token(id=f"a{number}", note="x\ny") for number in range(count)]

    def arriving() -> Iterator[Token]:
        for number, item in enumerate(items):
            shown = capsys.readouterr().out
            texts.append(shown)
            assert f"a{number - 1}" in shown or not number
            yield item

    texts: list[str] = []
    TOKENS.print_list(arriving(), output_format)
    text = "".join(texts) + capsys.readouterr().out
    output.dump([TOKENS.fields(item) for item in items], output_format)
    assert text == capsys.readouterr().out


def test_an_interruption_leaves_a_complete_array(capsys: pytest.CaptureFixture[str]) -> None:
    def arriving() -> Iterator[Token]:
        yield Token(id="a1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TOKENS.print_list(arriving(), "json")
    assert [each["id"] for each in json.loads(capsys.readouterr().out)] == ["a1"]


@pytest.mark.parametrize("output_format", ["json", "yaml", "csv", "table"])
def test_an_error_before_the_first_item_leaves_stdout_empty(
    output_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def arriving() -> Iterator[Token]:
        yield from ()
        raise NotFound("not found")

    with pytest.raises(NotFound):
        TOKENS.print_list(arriving(), output_format)
    assert capsys.readouterr().out == ""


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
