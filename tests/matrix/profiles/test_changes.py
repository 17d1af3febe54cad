"""Changes of the file and of groups while the hub runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urljoin

from matrix.profiles.hubs import FIRST, FREE, GATED, MEMBERS, OPEN, REFRESHING, Hubs, ProfileHub

Fresh = Callable[[str], str]

COURSE = """
- slug: course
  spawner_override: {environment: {JHUB_PROFILE: course}}
"""


def test_saved_options_of_a_profile_that_is_now_gated_are_refused(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[FIRST]
    owner = hub.user(fresh("user"))
    path = f"/users/{owner}/servers/work"
    try:
        hub.write(OPEN + GATED + COURSE)
        hub.wait(lambda: hub.listed(owner), lambda slugs: "course" in slugs)
        hub.start(owner, "work", profile="course")
        hub.ready(owner, "work")
        hub.write(OPEN + GATED + COURSE.replace("slug: course", f"slug: course\n  groups: [{MEMBERS}]"))
        hub.wait(lambda: hub.listed(owner), lambda slugs: "course" not in slugs)
        assert hub.servers(owner)["work"]["ready"], "a running server is not affected"
        hub.stop(owner, "work")
        answer = hub.api("POST", path)
        assert answer.status_code == 403
        assert answer.json()["message"].startswith(f"{owner} may not use profile 'course'; ")
        with hub.browser(owner) as browser:
            page = browser.get(f"{hub.url}/spawn/{owner}/work", timeout=20)
            assert page.status_code == 403
            assert [line[1] for line in hub.started(owner)] == ["course"]
            # This hub has no form; the options in the query apply, and are saved.
            (link,) = re.findall(r'<a href="([^"]+)">open</a>', page.text)
            browser.get(urljoin(hub.url, unescape(link)), timeout=20)
        hub.ready(owner, "work")
        assert [line[1] for line in hub.started(owner)] == ["course", "open"]
        hub.stop(owner, "work")
    finally:
        hub.write(OPEN + GATED)
        hub.wait(lambda: hub.api("GET", "/users/zoe/profiles").text if hub.user("zoe") else "", _has_no_course)


def _has_no_course(listed: str) -> bool:
    return '"course"' not in listed


def test_a_former_member_keeps_a_running_server_and_cannot_restart_it(hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"), MEMBERS)
    path = f"/users/{owner}/servers/work"
    hub.start(owner, "work", profile="gated")
    hub.ready(owner, "work")
    hub.leave(MEMBERS, owner)
    assert hub.servers(owner)["work"]["ready"]
    assert "already running" in hub.api("POST", path).json()["message"], "JupyterHub's own answer"
    hub.stop(owner, "work")
    assert hub.api("POST", path).status_code == 403
    assert len(hub.started(owner)) == 1
    hub.join(MEMBERS, owner)
    assert hub.api("POST", path).status_code in (201, 202)
    hub.ready(owner, "work")
    hub.stop(owner, "work")


def test_an_invalid_file_keeps_the_profiles_and_is_logged(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[FIRST]
    owner = hub.user(fresh("user"))
    for broken, said in (
        ("\n- slug: [", "not YAML"),
        (
            "\n- {slug: open, spawner_override: {mem_limt: 1G}}",
            "profile open: SimpleLocalProcessSpawner has no setting",
        ),
    ):
        before = len(hub.log())
        hub.write(broken)
        hub.wait(
            lambda before=before: hub.log()[before:],
            lambda log, said=said: "keeping the previous profiles" in log and said in log,
        )
        assert hub.listed(owner) == ["open"]
        assert hub.start(owner, "work", profile="gated").status_code == 403
    before = len(hub.log())
    hub.write(OPEN + GATED)
    hub.wait(lambda: hub.log()[before:], lambda log: "Profiles reloaded, now 3" in log)
    before = len(hub.log())
    (hub.place / "profiles.yaml").unlink()
    hub.wait(lambda: hub.log()[before:], lambda log: "no such file" in log)
    assert hub.listed(owner) == ["open"]
    before = len(hub.log())
    hub.write(OPEN + GATED)
    hub.wait(lambda: hub.log()[before:], lambda log: "Profiles reloaded" in log)


def test_groups_are_refreshed_before_a_start(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[REFRESHING]
    owner = hub.user(fresh("user"))
    token = hub.token(owner)
    groups = hub.place / "groups" / owner
    groups.parent.mkdir(exist_ok=True)
    groups.write_text("others")
    assert hub.start(owner, "work", profile="gated").status_code == 403
    groups.write_text(MEMBERS)
    assert hub.listed(owner) == ["open", "gated"], "the list uses refreshed groups, too"
    assert hub.start(owner, "work", profile="gated").status_code == 201
    hub.stop(owner, "work")
    groups.write_text("others")
    for caller in (None, token):
        answer = hub.start(owner, "work", caller, profile="gated")
        assert answer.status_code == 403
        assert "may not use profile 'gated'; " in answer.json()["message"]
    assert len(hub.started(owner)) == 1
    assert "consecutive spawns failed" not in hub.log()
    # The authenticator cannot refresh the user: JupyterHub itself refuses the start if it is strict.
    groups.write_text("")
    expired = hub.start(owner, "work", profile="open")
    assert (expired.status_code, "auth has expired" in expired.text) in ((403, True), (201, False))
    assert (expired.status_code == 403) == (hub.version >= (6, 1) or hub.version < (6,))


def test_an_invalid_text_is_refused_and_not_counted_as_a_failed_start(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[FIRST]
    owner = hub.user(fresh("user"))
    try:
        hub.write(OPEN + GATED + FREE)
        hub.wait(lambda: hub.listed(owner), lambda slugs: "free" in slugs)
        for _ in range(4):
            answer = hub.start(owner, "work", profile="free", **{"memory--unlisted-choice": "lots"})
            said = (answer.status_code, answer.json()["message"])
            assert said == (400, "profile free: invalid text for setting mem_limit")
        assert hub.named(owner) == []
        assert "consecutive spawns failed" not in hub.log()
        assert hub.start(owner, "work", profile="free", **{"memory--unlisted-choice": "1G"}).status_code == 201
        hub.stop(owner, "work")
    finally:
        hub.write(OPEN + GATED)
        hub.wait(lambda: hub.listed(owner), lambda slugs: "free" not in slugs)
