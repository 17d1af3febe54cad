"""The lists of profiles, by user and caller."""

from __future__ import annotations

from collections.abc import Callable

from matrix.profiles.hubs import MEMBERS, ProfileHub

Fresh = Callable[[str], str]

GATED = {
    "slug": "gated",
    "display_name": "gated",
    "description": "",
    "default": False,
    "profile_options": [
        {
            "key": "flavour",
            "display_name": "flavour",
            "choices": [
                {"key": "plain", "display_name": "plain", "description": "", "default": True},
                {"key": "hot", "display_name": "hot", "description": "", "default": False},
            ],
            "unlisted_choice": None,
        }
    ],
    "user_options": [],
    "any_user_options": False,
}
OPEN = {**GATED, "slug": "open", "display_name": "open", "default": True, "profile_options": []}


def test_each_user_sees_their_profiles(hub: ProfileHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS)
    for name, profiles in ((owner, [OPEN]), (member, [OPEN, GATED])):
        answer = {"version": 1, "profiles": profiles}
        assert hub.api("GET", "/profiles", hub.token(name)).json() == answer
        assert hub.api("GET", f"/users/{name}/profiles", hub.token(name)).json() == answer
        assert hub.api("GET", f"/users/{name}/profiles").json() == answer


def test_other_users_see_no_profiles(hub: ProfileHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS)
    token = hub.token(owner)
    assert hub.api("GET", f"/users/{member}/profiles", token).status_code == 404
    assert hub.api("GET", "/users/nobody-at-all/profiles", token).status_code == 404
    assert hub.api("GET", "/users/nobody-at-all/profiles").status_code == 404
    assert hub.api("GET", "/profiles", "no-token-at-all").status_code == 403
    reader = hub.api("POST", f"/users/{owner}/tokens", json={"scopes": ["read:users!user"]}).json()["token"]
    assert hub.api("GET", "/profiles", reader).status_code == 403, (
        "a token without the scope to start servers sees no profiles"
    )


def test_a_service_must_name_a_user(hub: ProfileHub) -> None:
    answer = hub.api("GET", "/profiles")
    assert answer.status_code == 400
    assert "name a user" in answer.json()["message"]
