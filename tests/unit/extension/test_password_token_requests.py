"""The requests from which the password token route takes a login."""

from __future__ import annotations

import pytest

from jhub.extension.password_tokens import is_from_other_site

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ELSEWHERE = {"Origin": "https://elsewhere.example"}


@pytest.mark.parametrize(
    ("headers", "allowed_origin", "refused"),
    [
        ({}, "", False),
        ({"Origin": "https://hub.example.org:8000"}, "", False),
        ({"Origin": "https://HUB.example.org:8000", "Sec-Fetch-Site": "Same-Origin"}, "", False),
        ({"Referer": "https://hub.example.org:8000/hub/token?x=1"}, "", False),
        ({"Origin": "https://hub.example.org"}, "", True),
        ({"Origin": "https://hub.example.org:8000.elsewhere.example"}, "", True),
        ({"Referer": "https://elsewhere.example/hub.example.org:8000"}, "", True),
        ({"Origin": "https://[hub.example.org"}, "", True),
        ({"Origin": "null"}, "", True),
        ({"Origin": "https://hub.example.org:8000", "Sec-Fetch-Site": "cross-site"}, "", True),
        ({"Sec-Fetch-Site": "same-site"}, "", True),
        ({"Sec-Fetch-Site": "unheard-of"}, "", True),
        (JSON | ELSEWHERE, "", True),
        (JSON | ELSEWHERE, "https://other.example", True),
        (JSON | ELSEWHERE, "https://elsewhere.example", False),
        (JSON | ELSEWHERE | {"Sec-Fetch-Site": "cross-site"}, "*", False),
        # A browser sends this without a preflight request.
        (FORM | ELSEWHERE, "*", True),
    ],
)
def test_pages_of_other_sites(headers: dict[str, str], allowed_origin: str, refused: bool) -> None:
    assert is_from_other_site(headers, "hub.example.org:8000", allowed_origin) == refused
