"""Models work with json, dataclasses, FastAPI and pandas."""

from __future__ import annotations

import dataclasses
import json
import pprint
from datetime import UTC, datetime
from typing import Any

import pandas
import pytest
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.testclient import TestClient

import jhub
from jhub import models
from jhub.models import Model, Server, Share, ShareCode, SharedServer, Token, User, resolve_urls
from jhub.steps import call
from jhub.testing import reply

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SERVERS = [
    Server(name="lab", user="ana", ready=True, url="/user/ana/lab/", started=STARTED, user_options={"size": 2}),
    Server(user="bo", pending="spawn"),
]
USER = User(name="ana", groups=("geo", "soil"), servers={"lab": SERVERS[0]})
KINDS = [kind for kind in vars(models).values() if isinstance(kind, type) and issubclass(kind, Model)]


def test_to_dict_of_a_model_is_plain_json() -> None:
    text = json.dumps({"user": USER, "when": [SERVERS]}, default=Model.to_dict)
    assert json.loads(text)["user"]["servers"]["lab"]["started"] == "2026-01-02T03:04:05Z"
    assert json.loads(text)["when"][0][1]["pending"] == "spawn"
    assert json.loads(json.dumps(USER.to_dict())) == USER.to_dict()


def test_hidden_fields_are_null_in_json() -> None:
    hidden = User(name="ana").to_dict()
    assert (hidden["groups"], hidden["admin"], hidden["servers"]) == (None, None, None)
    assert USER.to_dict()["groups"] == ["geo", "soil"]


def test_models_work_with_the_dataclass_functions() -> None:
    assert dataclasses.asdict(USER)["servers"]["lab"]["started"] == STARTED
    assert dataclasses.asdict(USER)["groups"] == ("geo", "soil")
    assert dataclasses.replace(SERVERS[1], pending=None) == Server(user="bo")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_model_has_all_dataclass_fields(kind: type[Model]) -> None:
    assert dataclasses.is_dataclass(kind)
    assert [each.name for each in dataclasses.fields(kind)] == list(kind.__struct_fields__)


def test_fastapi_encodes_models() -> None:
    encoded = jsonable_encoder({"servers": SERVERS, "user": USER})
    assert encoded["servers"][0]["started"] == "2026-01-02T03:04:05+00:00"
    assert encoded["user"]["servers"]["lab"]["user_options"] == {"size": 2}


def test_fastapi_returns_models() -> None:
    app = FastAPI()

    @app.get("/servers", response_model=None)
    def servers() -> list[Server]:
        return SERVERS

    answer = TestClient(app).get("/servers").json()
    assert [each["name"] for each in answer] == ["lab", ""]


def test_pandas_makes_columns_of_fields() -> None:
    frame = pandas.DataFrame(SERVERS)
    assert list(frame.columns) == list(Server.__struct_fields__)
    assert frame["started"].iloc[0] == pandas.Timestamp(STARTED)
    assert frame[frame.ready]["user"].to_list() == ["ana"]


def test_urls_are_absolute_and_those_of_other_hosts_stay() -> None:
    site = "https://hub.example.org/jupyter"
    server = {"name": "lab", "url": "/jupyter/user/ana/lab/", "progress_url": "/jupyter/hub/api/progress"}
    answer = reply(json=[{"name": "ana", "server": "/jupyter/user/ana/", "servers": {"lab": server}}])
    (ana,) = call("GET", "/users", tuple[User, ...]).read(
        dataclasses.replace(answer, site=site.removesuffix("/jupyter"))
    )
    lab = (ana.servers or {})["lab"]
    assert (lab.url, lab.address) == (f"{site}/user/ana/lab/", f"{site}/user/ana/lab/")
    assert lab.progress_url == f"{site}/hub/api/progress"
    assert ana.server == f"{site}/user/ana/"
    for url in ("//other.example.org/x", "https://ana.hub.example.org/user/ana/", ""):
        odd = Server(url=url)
        resolve_urls([{"a": (odd,)}], "https://hub.example.org")
        assert odd.url == url


def test_the_address_is_the_public_url_if_there_is_one() -> None:
    shared = SharedServer(
        user=models.Named(name="ana"), url="/user/ana/", full_url="https://public.example.org/user/ana/"
    )
    code = ShareCode(id="sc_1", server=shared, accept_url="/hub/accept-share?code=SECRET")
    share = Share(server=shared)
    resolve_urls([code, share], "http://10.0.0.1:8081")
    assert share.server.url == "http://10.0.0.1:8081/user/ana/"
    assert share.server.address == "https://public.example.org/user/ana/"
    assert code.address == "http://10.0.0.1:8081/hub/accept-share?code=SECRET"
    assert Server(url="/a/", full_url="https://public.example.org/a/").address == "https://public.example.org/a/"


def test_options_that_look_like_urls_stay_unchanged() -> None:
    server = Server(url="/user/ana/", user_options={"url": "/data", "server": "/x"}, state={"url": "/y"})
    resolve_urls(server, "https://hub.example.org")
    assert (server.user_options, server.state) == ({"url": "/data", "server": "/x"}, {"url": "/y"})


def test_secrets_are_in_the_data_but_not_in_tables() -> None:
    token = Token(id="a1", token="SECRET")
    assert token.to_dict()["token"] == "SECRET"
    assert "SECRET" not in token._repr_html_() + repr(token)
    assert "a1" in token._repr_html_()
    assert {"Server", "Model"} <= set(jhub.__all__)


def test_pprint_prints_models() -> None:
    assert "ana" in pprint.pformat([USER, SERVERS[0]])


def test_a_copy_of_a_user_does_not_change_the_servers_of_the_original() -> None:
    copied = dataclasses.replace(USER, name="bo")
    assert [server.user for server in (USER.servers or {}).values()] == ["ana"]
    assert copied.servers == USER.servers


def test_options_of_any_depth_are_skipped_when_urls_are_resolved() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    server = Server(url="/user/ana/", user_options={"deep": deep})
    resolve_urls([server], "https://hub.example.org")
    assert server.url == "https://hub.example.org/user/ana/"
    for _ in range(100_000):  # freed from the outside, because freeing it at once would recurse as deep
        deep = deep[0]
