"""`jhub group sync` on a real hub."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import xlsxwriter
from hub_api import Api
from terminal import Jhub, Result

Fresh = Callable[[str], str]


class Class:
    """A group of a prefix of its own, and the roster of it."""

    def __init__(self, jhub: Jhub, api: Api, prefix: str) -> None:
        self.jhub, self.api, self.group, self.prefix = jhub, api, f"{prefix}-geo", prefix
        self.file = jhub.home / "roster.csv"

    def name(self, number: int) -> str:
        return f"{self.prefix}-{number}"

    def names(self, *numbers: int) -> list[str]:
        return [self.name(number) for number in numbers]

    def has(self, *numbers: int) -> None:
        """Create users, and make them the members."""
        names = self.names(*numbers)
        self.api("POST", "/users", json={"usernames": names})
        self.api("POST", f"/groups/{self.group}")
        answer = self.api("POST", f"/groups/{self.group}/users", json={"users": names})
        assert answer.status_code == 200, answer.text

    def write(self, *numbers: int, extra: str = "") -> None:
        rows = "".join(f"{self.name(number)}@Uni.EDU;A\r\n" for number in numbers)
        self.file.write_text(f"\ufeffEmail;Section\r\n{rows}{extra}", encoding="utf-8")

    def sync(self, *options: str, column: bool = True) -> Result:
        named = ("--column", "email", "--name", "before-@") if column else ()
        return self.jhub("--debug", "group", "sync", self.group, "--roster", str(self.file), *named, *options)

    @property
    def members(self) -> set[str]:
        return set(self.api("GET", f"/groups/{self.group}").json()["users"])


@pytest.fixture
def course(as_admin: Jhub, api: Api, fresh: Fresh) -> Class:
    return Class(as_admin, api, fresh("class"))


def sent(result: Result) -> list[str]:
    """Return the methods and paths of the requests of a command."""
    return re.findall(r"debug: (GET|POST|PUT|PATCH|DELETE) (\S+)", result.err)


def notes(result: Result) -> list[str]:
    return [line for line in result.err.splitlines() if not line.startswith("debug: ")]


def changes(result: Result) -> list[str]:
    return [method for method, _ in map(tuple, sent(result)) if method != "GET"]


def test_a_weekly_roster_of_sixty(course: Class) -> None:
    """Five are new, four have dropped the class, and one has another login."""
    course.has(*range(60))
    new = [*range(100, 105), 200]
    course.write(*range(55), *new)
    first = course.sync("--yes")
    assert first.code == 7, first
    assert "6 names are not users of this hub" in first.err
    assert "hint: --create-users creates them, if the names are right" in first.err
    assert course.members == {*course.names(*range(55))}
    course.has(*range(60))

    done = course.sync("--yes", "--create-users")
    assert (done.code, done.out) == (0, ""), done
    assert notes(done) == [
        f"{course.file}: 61 names",
        f"create 6 users: {', '.join(course.names(*new))}",
        f"add 6: {', '.join(course.names(*new))}",
        f"remove 5: {', '.join(sorted(course.names(*range(55, 60))))}",
        f"{course.group} is in sync: added 6, removed 5; 61 members",
    ]
    assert course.members == {*course.names(*range(55), *new)}

    again = course.sync("--yes", "--create-users")
    assert (again.code, notes(again)[1:]) == (0, [f"{course.group} is in sync: 61 members"])
    assert changes(again) == []
    assert len(sent(again)) == 1


def test_a_difference_that_is_too_large_changes_nothing(course: Class) -> None:
    course.has(*range(10))
    course.write(*range(7), 10)
    refused = course.sync("--yes", "--create-users")
    assert (refused.code, changes(refused)) == (2, [])
    assert f"remove 3: {', '.join(course.names(7, 8, 9))}" in refused.err
    assert f"error: group {course.group}: 3 of 10 members would leave, but at most 2 may; nothing was changed" in (
        refused.err
    )
    assert course.sync("--dry-run", "--create-users", "--limit-leave", "2").code == 2
    assert course.sync("--yes", "--create-users", "--limit-leave", "3").code == 0
    assert course.members == {*course.names(*range(7), 10)}
    course.write(0)
    assert course.sync("--yes", "--limit-leave", "100%").code == 0
    assert course.members == {course.name(0)}


@pytest.mark.parametrize(("limit", "code"), [("20%", 0), ("12.5%", 0), ("0", 2), ("0%", 2), ("1", 0)])
def test_one_member_of_a_small_group_may_leave(course: Class, limit: str, code: int) -> None:
    course.has(1, 2, 3)
    course.write(1, 2)
    assert course.sync("--yes", "--limit-leave", limit).code == code


@pytest.mark.parametrize("limit", ["", "x", "101%", "-1", "0.5"])
def test_a_limit_is_a_number_or_a_percentage(course: Class, limit: str) -> None:
    course.write(1)
    wrong = course.sync("--limit-leave", limit)
    assert (wrong.code, sent(wrong)) == (2, [])


def test_rows_that_name_nobody_keep_all_members(course: Class) -> None:
    course.has(*range(8))
    course.write(*range(7), 3, extra=";A\nfirst last@uni.edu;A\n@uni.edu;A\n")
    held = course.sync("--yes")
    assert held.code == 7
    assert notes(held)[1:] == [
        f"line 9: '{course.name(3)}@Uni.EDU': is on line 5 too (duplicate)",
        "line 10: the cell below 'email' is blank (blank)",
        "line 11: 'first last@uni.edu': has a space; is it a full name? (suspicious)",
        "line 12: '@uni.edu': a user name is missing (invalid)",
        f"error: lines 10, 12 name nobody, so these members are not removed: {course.name(7)}",
        "hint: correct the roster, or use --skip-invalid if they are not members of the group",
        "error: first last is not a user of this hub",
        "hint: --create-users creates them, if the names are right",
        f"{course.group}: nothing to change; 8 members",
    ]
    assert changes(held) == []
    skipped = course.sync("--yes", "--skip-invalid")
    assert (skipped.code, course.members) == (7, {*course.names(*range(7))})


def test_administrators_and_named_members_stay(course: Class) -> None:
    course.has(1, 2, 3, 4)
    assert course.api("PATCH", f"/users/{course.name(3)}", json={"admin": True}).status_code == 200
    course.api("POST", f"/groups/{course.group}/users", json={"users": ["admin"]})
    course.write(1)
    done = course.sync("--keep", course.name(4).upper(), "--keep", "ghost", "--yes", "-o", "json")
    assert done.code == 0, done
    result = json.loads(done.out)
    assert result["kept"] == {
        course.name(3): "an administrator",
        course.name(4): "by --keep",
        "admin": "who runs this command",
    }
    assert (result["removed"], result["added"], result["members"]) == ([course.name(2)], [], 4)
    assert "--keep ghost: not a member of the group" in done.err
    again = course.sync("--keep", course.name(4))
    assert (again.code, changes(again)) == (0, [])
    assert notes(again)[-1] == f"{course.group} is in sync: 4 members"
    course.api("PATCH", f"/users/{course.name(3)}", json={"admin": False})


def test_a_rule_that_makes_a_second_class_is_suspected(course: Class) -> None:
    course.has(*range(12))
    for name in course.names(*range(12)):
        answer = course.api("POST", f"/users/{name}/activity", json={"last_activity": "2026-01-01T00:00:00Z"})
        assert answer.status_code == 200
    course.write(*range(12))
    for options in ((), ("--create-users",)):
        wrong = course.sync("--column", "email", "--yes", *options, column=False)
        assert (wrong.code, changes(wrong)) == (2, [])
        assert (
            f"warning: 0 of 12 names are users of this hub; the group has 12 members, of whom 12 have signed in. "
            f"Is --name right? In the roster: {course.name(0)}@Uni.EDU -> {course.name(0)}@uni.edu; "
            f"in the group: {course.name(0)}\n"
        ) in wrong.err
    assert len(sent(wrong)) < 12
    # As after such a mistake with --limit-leave 100%.
    course.api("POST", "/users", json={"usernames": [f"{name}@uni.edu" for name in course.names(*range(12))]})
    again = course.sync("--column", "email", "--yes", column=False)
    assert "warning: 0 of 12 names have ever signed in; the group has 12 members" in again.err


def test_a_dry_run_sends_nothing_and_shows_every_request(course: Class) -> None:
    course.has(1, 2)
    course.write(1, 3)
    planned = course.sync("--dry-run", "--create-users")
    one, two, three = course.names(1, 2, 3)
    assert (planned.code, changes(planned)) == (0, [])
    assert notes(planned)[1:] == [
        f"create 1 user: {three}",
        f"add 1: {three}",
        f"remove 1: {two}",
        "nothing is changed; without --dry-run, jhub sends:",
    ]
    assert planned.lines == [
        f'POST /users {{"usernames":["{three}"],"admin":false}}',
        f'POST /groups/{course.group}/users {{"users":["{three}"]}}',
        f'DELETE /groups/{course.group}/users {{"users":["{two}"]}}',
    ]
    assert course.sync("--dry-run").code == 7
    assert course.members == {one, two}
    course.write(1, 2)
    same = course.sync("--dry-run")
    assert (same.code, same.out, notes(same)[1:]) == (0, "", [f"{course.group} is in sync: 2 members"])


def test_a_new_group(course: Class) -> None:
    course.write(1, 2)
    missing = course.sync("--yes", "--create-users")
    assert (missing.code, changes(missing)) == (5, [])
    assert "hint: --create creates the group" in missing.err
    planned = course.sync("--create", "--create-users", "--dry-run", "-o", "json")
    paths = [request["path"] for request in json.loads(planned.out)["requests"]]
    assert paths == ["/users", f"/groups/{course.group}", f"/groups/{course.group}/users"]
    made = course.sync("--create", "--create-users", "--yes", "-o", "csv")
    assert made.lines[1].startswith(f'{course.group},2,"{course.name(1)}, {course.name(2)}",')
    assert course.members == {*course.names(1, 2)}


def test_questions_name_the_hub_and_the_counts(course: Class) -> None:
    course.has(1, 2, 3)
    course.write(1, 2, 4)
    busy = course.name(3)
    course.jhub.ok("server", "start", f"{busy}/lab", "-p", "stub")
    unasked = course.sync("--create-users")
    assert (unasked.code, changes(unasked)) == (2, [])
    question = f"Change the members of group {course.group} (create 1 user, add 1, remove 1)?"
    args = ("group", "sync", course.group, "--roster", str(course.file), "--column", "Email", "--name", "before-@")
    declined = course.jhub.at_terminal(*args, "--create-users", answers={question: "n"})
    assert declined.code == 1
    assert f"removed members have servers running: {busy}/lab" in declined.out
    assert "Nothing changed." in declined.out
    assert course.members == {*course.names(1, 2, 3)}
    stop = f"Stop server {busy}/lab of removed members?"
    answers = {question: "y", stop: "y"}
    done = course.jhub.at_terminal(*args, "--create-users", answers=answers)
    assert done.code == 0, done
    assert course.members == {*course.names(1, 2, 4)}
    assert course.api.server(busy, "lab") is None


def test_servers_of_removed_members_stop_without_a_question(course: Class) -> None:
    course.has(1, 2, 3)
    busy = course.name(3)
    course.jhub.ok("server", "start", f"{busy}/lab", "-p", "stub")
    course.write(1, 2)
    planned = course.sync("--stop-removed", "--dry-run")
    assert planned.lines[0].startswith(f"DELETE /users/{busy}/servers/lab")
    done = course.sync("--stop-removed", "--yes", "-o", "json")
    assert (done.code, json.loads(done.out)["stopped"]) == (0, [f"{busy}/lab"])
    assert course.api.server(busy, "lab") is None
    course.api("POST", f"/groups/{course.group}/users", json={"users": [busy]})
    course.jhub.ok("server", "start", f"{busy}/lab", "-p", "stub")
    left = course.sync("--yes")
    assert f"removed members have servers running: {busy}/lab" in left.err
    assert course.api.server(busy, "lab") is not None


def scoped(course: Class, *scopes: str) -> None:
    made = course.jhub.ok("token", "create", "--scopes", ",".join(scopes), "-o", "json")
    course.jhub.env = {**course.jhub.env, "JUPYTERHUB_API_TOKEN": json.loads(made)["token"]}


def test_names_of_which_hardly_any_is_a_user_are_likely_made_wrongly(course: Class) -> None:
    """Also in the first week, when the group has no members whose names could be compared."""
    course.api("POST", f"/groups/{course.group}")
    course.write(1, 2, 3)
    wrong = course.sync("--column", "Email", "--yes", column=False)
    assert wrong.code != 0
    assert "3 names are not users of this hub" in wrong.err
    example = f"{course.name(1)}@Uni.EDU"
    assert f"hint: are --column and --name right? They make {example.lower()!r} of {example!r}" in wrong.err
    assert course.members == set()


def test_scopes_for_one_group_are_enough(course: Class) -> None:
    course.has(1, 2, 3)
    course.api("POST", "/users", json={"usernames": [course.name(4)]})
    course.write(1, 2, 4, 5)
    group = course.group
    scoped(course, f"groups!group={group}", f"list:users!group={group}", f"read:servers!group={group}")
    done = course.sync("--yes")
    assert done.code == 7, done
    assert f"error: {course.name(5)} is not a user of this hub\nhint: users exist once" in done.err
    assert course.members == {*course.names(1, 2, 4)}
    refused = course.sync("--yes", "--create-users")
    assert (refused.code, "the token lacks the scope admin:users" in refused.err) == (4, True)


@pytest.mark.parametrize(
    "scopes", [("read:groups:name",), ("groups", "read:groups"), ("groups", "list:users!user=admin")]
)
def test_what_the_token_cannot_see_is_an_error(course: Class, scopes: tuple[str, ...]) -> None:
    course.has(1, 2, 3)
    course.write(1, 2)
    scoped(course, *scopes)
    blind = course.sync("--yes")
    assert (blind.code, changes(blind)) == (4, [])
    assert "scope" in blind.err


def test_an_interrupted_sync_is_finished_by_the_next(course: Class) -> None:
    course.has(*range(3))
    course.write(*range(2), *range(10, 200))
    named = ("--column", "email", "--name", "before-@", "--create-users", "--limit-leave", "100%")
    stopped = course.jhub.interrupted(
        "--debug", "group", "sync", course.group, "--roster", str(course.file), *named, "--yes", after="debug: POST"
    )
    assert stopped.code == 130
    assert "run the command again to finish it" in stopped.err
    assert course.name(2) in course.members
    assert course.sync("--create-users", "--limit-leave", "100%", "--yes").code == 0
    assert course.members == {*course.names(0, 1, *range(10, 200))}


def test_a_workbook(course: Class) -> None:
    course.has(1, 2)
    book = xlsxwriter.Workbook(str(course.jhub.home / "roster.xlsx"))
    book.add_worksheet("Read me").write(0, 0, "The roster of the class")
    sheet = book.add_worksheet("Students")
    for line, row in enumerate([("Student ID", "Section"), (1, "A"), (2.0, " a "), (3, "B")]):
        sheet.write_row(line, 0, row)
    book.close()
    course.file = course.jhub.home / "roster.xlsx"
    rule = f"{course.prefix}-{{student id}}"
    done = course.sync("--name", rule, "--where", "Section=A", column=False)
    assert (done.code, notes(done)[-1]) == (0, f"{course.group} is in sync: 2 members")
    assert course.sync("--name", rule, "--where", "Section", column=False).code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"Email\r\n", "no rows below the header"),
        (b"Email\r\n\r\n", "no rows below the header"),
        ("Email\nj\xfcrg\n".encode("cp1252"), "line 2: the text is not UTF-8"),
        (b'Email,Name\n"ana,x\nbo,y\n', "line 2: "),
        (b"Login\nana\n", "no column 'email'; the columns are: Login"),
        (b"Email,email\nana,bo\n", "more than once"),
        (b"Email,A\n,x\n", "no row names anybody"),
    ],
)
def test_a_bad_file_is_an_error_before_any_request(course: Class, content: bytes, message: str) -> None:
    course.file.write_bytes(content)
    bad = course.sync("--yes", "--limit-leave", "100%")
    assert (bad.code, sent(bad), bad.out) == (2, [], "")
    assert message in bad.err


def test_a_missing_file_and_a_wrong_rule(course: Class) -> None:
    assert "No such file" in course.sync("--yes").err
    course.write(1)
    for rule in ("after-@", "{Email", "{}"):
        assert course.sync("--column", "Email", "--name", rule, column=False).code == 2
    listed = course.sync(column=False)
    assert listed.code == 2
    assert f"the header has 'Email' (such as '{course.name(1)}@Uni.EDU'), 'Section' (such as 'A')" in listed.err
