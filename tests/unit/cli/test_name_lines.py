"""Names in the `name` format: another command reads each line as the same name."""

from __future__ import annotations

import io

import pytest

from jhub.cli.kit.name_lines import parse_names
from jhub.cli.kit.options import read_names
from jhub.cli.kit.output import View
from jhub.errors import InvalidInput

NAMES: View[str] = View(name=lambda name: name, columns={})


@pytest.mark.parametrize("name", ["ana/lab", "ana@example.org", "Doe, John", "ana/my lab", "josé", "ana/~x"])
def test_a_printed_name_is_read_as_the_same_name(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    NAMES.print_list([name], "name")
    out, err = capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO(out))
    assert (read_names(["-"]), err) == ([name], "")


@pytest.mark.parametrize(
    "name",
    [
        "eve/x\nana/lab",
        "eve/x\rana",
        "eve/x\x85ana",
        "eve/x\u2028ana",
        " ana",
        "ana/ lab ",
        "\ufeffana",
        "",
        "#x",
        "---",
        "[]",
        "- x",
    ],
)
def test_a_name_that_would_be_read_as_others_is_skipped_with_a_note(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    NAMES.print_list(["ana", name, "bo"], "name")
    out, err = capsys.readouterr()
    assert out == "ana\nbo\n"
    assert err.startswith("skipped ")
    assert len(err.splitlines()) == 1


def test_blank_lines_and_comments_are_skipped() -> None:
    assert parse_names("# the geo class\n\nana\n  # left in May\n#cy\r\nbo \r\n") == ["ana", "bo"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name", ["name"]),
        ("ana,bo", ["ana,bo"]),
        ("Doe, John\nRoe, Jane\n", ["Doe, John", "Roe, Jane"]),
        ("CN=a,OU=b\nCN=c,OU=b\n", ["CN=a,OU=b", "CN=c,OU=b"]),
        ("ana,x\nbo\ncy\n", ["ana,x", "bo", "cy"]),
    ],
)
def test_names_with_separators_are_names(text: str, names: list[str]) -> None:
    assert parse_names(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "ana,Ana Lima\nbo,Bo Berg\n",
        "id;mail\n1;ana@example.org\n",
        "1\tana\n2\tbo\n",
        '"ana"\n"bo"\n',
        "Name\nana\n",
        "\ufeffEmail\r\nana@example.org\r\n",
        '"Username"\nana\n',
    ],
)
def test_csv_is_refused_with_advice(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_names(text)
    assert "tail -n +2 FILE" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('[{"name": "ana"}]', "JSON"),
        ('{\n  "name": "ana"\n}\n', "JSON"),
        ("- ana\n- bo\n", "YAML"),
        ("---\nname: ana\n", "YAML"),
        ("NAME    ADMIN  GROUPS\nana     no     geo\n", "a table"),
    ],
)
def test_another_format_is_refused_with_advice(text: str, kind: str) -> None:
    with pytest.raises(InvalidInput, match=f"stdin looks like {kind}: ") as refused:
        parse_names(text)
    assert "one name per line" in refused.value.hint


@pytest.mark.parametrize("text", ["[geo]", "{x", "-ana", "- ana\nbo", "ana bo", "NAME", "a  b\nc"])
def test_names_that_resemble_another_format_are_names(text: str) -> None:
    assert parse_names(text) == text.split("\n")


@pytest.mark.parametrize("data", ["t\u00e9t\u00e9\n".encode("latin-1"), "ana\n".encode("utf-16")])
def test_input_that_is_not_utf_8_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="surrogateescape"))
    with pytest.raises(InvalidInput, match="stdin is not UTF-8"):
        read_names(["-"])
