"""`jhub token create` for many users that is interrupted: each user gets one token, and none is lost unnoticed."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import pytest
from loopback import MAX_SECONDS, Site, Visit, serving
from signalled import running, wait_until
from terminal import JHUB, Jhub

USERS = [f"u{number}" for number in range(6)]
ENDS = {signal.SIGTERM: {143}, signal.SIGINT: {130, -signal.SIGINT}}
"""Exit codes by signal. `python -m` ends with SIGINT itself, which a shell shows as 130."""


class SlowSite:
    """A hub that creates tokens, and does not answer for `u3` at first."""

    def __init__(self) -> None:
        self.hangs = True
        self.created: list[str] = []

    def __call__(self, visit: Visit) -> None:
        user = visit.path.split("/")[-2]
        if user == "u3" and self.hangs:
            visit.hold(MAX_SECONDS * 2)
            return
        self.created.append(user)
        visit.json({"id": f"a{len(self.created)}", "user": user, "token": f"secret-{user}"}, 201)


def command(site: Site, home: Path) -> Jhub:
    return Jhub(home, {"JUPYTERHUB_API_URL": site.root, "JUPYTERHUB_API_TOKEN": "SECRET"})


@pytest.mark.parametrize("how", ENDS, ids=lambda value: value.name)
@pytest.mark.parametrize("output", ["file", "json", "csv"])
def test_tokens_are_kept_and_the_rest_is_created_later(how: signal.Signals, output: str, tmp_path: Path) -> None:
    hub, path = SlowSite(), tmp_path / "tokens.csv"
    options = ["--file", str(path)] if output == "file" else ["-o", output]
    with serving(hub) as site:
        jhub = command(site, tmp_path)
        with running(jhub, [*JHUB, "token", "create", *USERS, *options]) as create:
            wait_until(lambda: len(site.calls) == 4, "the request for u3")
            create.send(how)
            assert create.end() in ENDS[how]
        assert "the hub may have created a token" in create.text
        assert "u3: interrupted; " in create.text
        assert "no token for 2 users: u4, u5" in create.text
        if output != "file":
            begin = create.text.index("[") if output == "json" else 0
            kept = (
                [token["token"] for token in json.JSONDecoder().raw_decode(create.text[begin:])[0]]
                if output == "json"
                else [line.split(",")[-1] for line in create.text.splitlines() if ",a" in line]
            )
            assert kept == ["secret-u0", "secret-u1", "secret-u2"]
            return
        assert f"users in {path} are skipped" in create.text
        assert "secret-" not in create.text
        hub.hangs = False
        assert jhub("token", "create", *USERS, *options).code == 0
        assert hub.created == USERS
        rows = list(csv.DictReader(path.read_text().splitlines()))
        assert [(row["user"], row["token"]) for row in rows] == [(user, f"secret-{user}") for user in USERS]


def test_a_hub_that_does_not_answer_ends_the_command(tmp_path: Path) -> None:
    def answer(visit: Visit) -> None:
        if "/u2/" in visit.path:
            visit.drop()
        else:
            visit.json({"id": "a1", "token": "secret"}, 201)

    with serving(answer) as site:
        some = command(site, tmp_path)("token", "create", *USERS)
        assert [call.split("/")[-2] for call in site.calls] == ["u0", "u1", "u2"]
    assert some.code == 7
    assert len(some.lines) == 3
    assert "hint: the hub may have created a token whose secret is lost" in some.err
    assert "no token for 3 users: u3, u4, u5" in some.err
