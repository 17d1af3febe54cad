"""Rules of the local hub's proxy."""

from __future__ import annotations

import pytest

from jhub.local.traefik import rule


@pytest.mark.parametrize(
    ("routespec", "expected"),
    [
        ("/", '( PathPrefix("/") )'),
        ("/user/ana/", '( PathPrefix("/user/ana/") || Path("/user/ana") )'),
        ("/@/space%20word/user/b%C3%B6/", '( PathPrefix("/@/space word/user/bö/") || Path("/@/space word/user/bö") )'),
        (
            "/user/a%2Bb/",
            '( PathPrefix("/user/a%2Bb/") || Path("/user/a%2Bb") || PathPrefix("/user/a+b/") || Path("/user/a+b") )',
        ),
        # Decoded, these would be paths of the user "a" and of the user "a+b".
        ("/user/a%2Fb/", '( PathPrefix("/user/a%2Fb/") || Path("/user/a%2Fb") )'),
        ("/user/a%252Bb/", '( PathPrefix("/user/a%252Bb/") || Path("/user/a%252Bb") )'),
        # A name cannot end the literal.
        ("/user/a%60%22%5C/", '( PathPrefix("/user/a`\\"\\\\/") || Path("/user/a`\\"\\\\") )'),
        ("ana.hub.example.org/", 'Host("ana.hub.example.org") && ( PathPrefix("/") )'),
    ],
)
def test_a_rule_matches_the_path_as_traefik_reads_it(routespec: str, expected: str) -> None:
    assert rule(routespec) == expected
