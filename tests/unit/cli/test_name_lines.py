"""Names in the `name` format: another command reads each line as the same name."""

from __future__ import annotations

import io

import pytest

from jhub.cli.kit.options import read_names
from jhub.cli.kit.output import View

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
    "name", ["eve/x\nana/lab", "eve/x\rana", "eve/x\x85ana", "eve/x\u2028ana", " ana", "ana/ lab ", "\ufeffana", ""]
)
def test_a_name_that_would_be_read_as_others_is_skipped_with_a_note(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    NAMES.print_list(["ana", name, "bo"], "name")
    out, err = capsys.readouterr()
    assert out == "ana\nbo\n"
    assert err.startswith("skipped ")
    assert len(err.splitlines()) == 1
