"""The data that `server.files.put` takes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from jhub import Hub
from jhub.testing import FakeHub


@pytest.mark.parametrize("data", ["text", io.StringIO("text"), iter([b"part"]), None])
def test_what_is_not_binary_is_refused_before_anything_is_sent(data: Any) -> None:
    fake = FakeHub(servers=["ana/lab"], users=["ana"])
    refusal = pytest.raises(TypeError, match="data must be bytes or a binary file that can seek: encode text first")
    with Hub(fake.api_url, fake.token, transport=fake.transport) as hub, refusal:
        hub.singleuser("ana", "lab").files.put("a", data)
    assert fake.calls == []
