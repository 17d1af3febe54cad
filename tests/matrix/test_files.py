"""Files in users' servers, which run a real Jupyter Server."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest

from jhub import Conflict, NotFound, NotStarted
from matrix.clients import ON_ASYNC_HUB, ON_HUB
from matrix.rows import FILES

pytestmark = FILES

LARGE = os.urandom(3 * 512 * 1024 + 17)


@ON_HUB
def test_files_are_written_read_and_deleted(admin: Any, ana: Any, user: str) -> None:
    """Both by an administrator and by the owner; no token is left."""
    admin.servers.start(user, "work", profile="real")
    before = [token.id for token in ana.tokens.list(user)]
    for client in (admin, ana):
        with client.singleuser(user, "work") as server:
            assert server.status().kernels == 0
            assert list(server.files.list()) == []
            for data in (b"", b"x", LARGE):
                assert server.files.put("a b/ä?#%.bin", io.BytesIO(data), parents=True, overwrite=True).size == len(
                    data
                )
                assert server.files.get("a b/ä?#%.bin") == data
            assert b"".join(server.files.read("a b/ä?#%.bin")) == LARGE
            with pytest.raises(Conflict, match="the file exists"):
                server.files.put("a b/ä?#%.bin", b"")
            with pytest.raises(NotFound, match="no such: the folder does not exist"):
                server.files.put("no such/file", b"1")
            server.files.copy("a b/ä?#%.bin", "copy")
            server.files.rename("copy", "a b/renamed")
            assert [file.name for file in server.files.list("a b")] == ["renamed", "ä?#%.bin"]
            with pytest.raises(Conflict, match="not empty"):
                server.files.delete("a b")
            server.files.delete("a b", recursive=True)
            with pytest.raises(NotFound):
                server.files.info("a b")
    assert [token.id for token in ana.tokens.list(user)] == before
    admin.servers.stop(user, "work")
    with pytest.raises(NotStarted, match=f"server {user}/work: stopped"):
        ana.singleuser(None, "work").status()


@ON_ASYNC_HUB
def test_another_user_may_not(admin: Any, ana: Any, user: str, operator: Any) -> None:
    other = admin.users.create(f"{user}-other").name
    admin.servers.start(other, profile="real")
    assert operator.singleuser(other).files.put("from-a-service", b"1").size == 1
    with pytest.raises(NotStarted, match="not visible to this token"):
        ana.singleuser(other).files.get("from-a-service")
    admin.servers.stop(other)
