"""Code, notebooks and commands in users' servers, which run a real Jupyter Server and ipykernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from relay import relayed

from jhub import Hub, NotStarted
from matrix.clients import ON_HUB
from matrix.hub import running
from matrix.rows import KERNELS

pytestmark = KERNELS

CELLS = [
    "x = 20",
    "print('ä€😀' * 3, flush=True)\nx + 22",
    "from IPython.display import display\ndisplay({'text/plain': 'plot', 'image/png': 'A' * 5_000_000}, raw=True)",
    "import time\nfor number in range(20):\n    print(number, flush=True)\n    time.sleep(0.05)",
    "1/0",
    "'not run'",
]


def notebook(*sources: str) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for source in sources
    ]
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}


def check_work(server: Any) -> None:
    """Run a notebook and code, and check what comes back and that no kernel is left."""
    result = server.run(notebook(*CELLS), parameters={"y": "a'b"})
    assert [cell.status for cell in result.cells] == ["ok"] * 5 + ["error"]
    assert (result.status, str(result.error)) == ("error", "ZeroDivisionError: division by zero")
    assert not result.truncated
    outputs = [cell["outputs"] for cell in result.notebook["cells"]]
    assert outputs[2][0]["text"] == "ä€😀" * 3 + "\n"
    assert outputs[2][1]["data"] == {"text/plain": "42"}
    assert len(outputs[3][0]["data"]["image/png"]) == 5_000_000
    assert outputs[4][0]["text"] == "".join(f"{number}\n" for number in range(20))
    assert outputs[5][0]["ename"] == "ZeroDivisionError"
    assert server.execute("y = 1").ok
    assert server.execute("y").text == "1\n"
    done = server.command(["sh", "-c", "cat; echo oops >&2; exit 3"], input=b"\0\xff")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"\0\xff", b"oops\n")
    assert server.execute("import os\nos._exit(1)").status == "died"


def test_code_and_notebooks(admin: Any, ana: Any, user: str) -> None:
    admin.servers.start(user, "work", profile="real")
    before = [token.id for token in ana.tokens.list(user)]
    with ana.singleuser(user, "work") as server:
        check_work(server)
    assert list(admin.singleuser(user, "work").kernels.list()) == []
    assert [token.id for token in ana.tokens.list(user)] == before
    with pytest.raises(NotStarted):
        ana.singleuser(user).execute("1")


@ON_HUB
def test_behind_the_other_proxy(environment: Path, tmp_path: Path, http_proxy: Path, connect: Any) -> None:
    """With configurable-http-proxy, and through a connection that is cut."""
    with running(environment, tmp_path, http_proxy=http_proxy) as hub, Hub(hub.url) as door:
        token = door.tokens.create_with_password("admin", hub.password).token
        with relayed(hub.api_url) as (relay, url), Hub(url, token) as client:
            client.servers.start("admin", "work", profile="real")
            with client.singleuser("admin", "work") as server:
                server.files.put("ä b.txt", b"x" * 2_000_000)
                assert len(server.files.get("ä b.txt")) == 2_000_000
                check_work(server)
            seen = 0
            for event in client.singleuser("admin", "work").stream_run(notebook(CELLS[3])):
                if event.kind == "output" and not seen:
                    relay.cut()
                seen += event.kind == "output"
            assert seen == 20
            assert client.singleuser("admin", "work").status().kernels == 0
