"""The search for leaked secrets at the end of each test run finds them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import secret_search


def test_a_token_is_found_anywhere_except_in_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_search, "created_tokens", set[str]())
    monkeypatch.setattr(secret_search, "outputs", [("a test", "nothing"), ("another test", "it is SECRET, really")])
    config = tmp_path / "config"
    (tmp_path / "deep/down").mkdir(parents=True)
    config.mkdir()
    (config / "tokens.json").write_text(json.dumps({"mine": "SECRET", "brought": "ALONG"}))
    (config / "contexts.json").write_text(json.dumps({"contexts": {"mine": {"token_id": "a1"}, "brought": {}}}))
    (tmp_path / "deep/down/hub.log").write_bytes(b"\xff\x00 GET /?token=SECRET")
    (tmp_path / "deep/token.txt").write_text("ALONG")
    secret_search.record_tokens(config)
    assert secret_search.created_tokens == {"SECRET"}
    found = list(secret_search.search([tmp_path], secret_search.created_tokens))
    assert found == ["the output of another test", str(tmp_path / "deep/down/hub.log")]
