"""The form of profiles on the spawn page of a real hub, in a real browser, with and without scripts."""

from __future__ import annotations

import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chromium
import pytest
import regex
import requests
from axe_playwright_python.sync_playwright import Axe
from hub_api import Api
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from terminal import Jhub

from jhub import Hub
from jhub.extension.html_pattern import html_pattern
from jhub.local import LocalHub

STUB = Path(__file__).parents[1] / "support" / "stub_server.py"

TEMPLATE = "{{ 7*7 }} <b>{% raw %}</b>"

USERS = [f"user{number}" for number in range(20)]
"""Users for the tests: saved options are selected the next time."""

FIVE_REGIONS = "\n        ".join(f"r{number}: {{}}" for number in range(5))

PROFILES = f"""
profiles:
- slug: lab
  default: true
  spawner_override: {{environment: {{JHUB_PROFILE: lab}}}}
- slug: gpu
  display_name: Graphics
  description: {TEMPLATE!r}
  users: [{", ".join(USERS)}]
  spawner_override: {{environment: {{JHUB_PROFILE: gpu}}}}
  profile_options:
    size:
      display_name: Size
      choices:
        small: {{display_name: Small, description: {TEMPLATE!r}, default: true}}
        large: {{display_name: Large, spawner_override: {{environment: {{JHUB_SIZE: large}}}}}}
    image:
      display_name: Image
      choices:
        scipy: {{display_name: SciPy}}
        r: {{}}
      unlisted_choice:
        enabled: true
        display_name: Name of the image
        display_name_in_choices: Another image
        validation_regex: '[a-z]+:\\d+'
        validation_message: A name and a number, such as r:4.
        spawner_override: {{environment: {{JHUB_IMAGE: "{{value}}"}}}}
    region:
      display_name: Region
      choices:
        {FIVE_REGIONS}
        r5: {{spawner_override: {{environment: {{JHUB_REGION: r5}}}}}}
- slug: text
  display_name: Free text
  users: [{", ".join(USERS)}]
  spawner_override: {{environment: {{JHUB_PROFILE: text}}}}
  profile_options:
    note:
      display_name: Note
      unlisted_choice:
        enabled: true
        validation_regex: '(?i)x+'
        validation_message: Only the letter x.
        spawner_override: {{environment: {{JHUB_NOTE: "{{value}}"}}}}
"""
CONFIG = f"""
c.Spawner.cmd = [{sys.executable!r}, {str(STUB)!r}]
c.JupyterHub.tornado_settings = dict(slow_spawn_timeout=2)
"""

CHOSEN = {"size": "large", "image--unlisted-choice": "r:4", "region": "r5"}
"""The options of `gpu` that the tests choose."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """Run a hub with PROFILES."""
    file = tmp_path_factory.mktemp("form") / "profiles.yaml"
    file.write_text(PROFILES)
    with LocalHub(profiles=file, config=CONFIG, users=USERS) as running:
        yield running


@pytest.fixture(scope="module")
def admin(hub: LocalHub) -> Api:
    """Return the REST API of the hub, for its administrator."""
    return Api(hub, _token(hub, hub.username, hub.password))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser."""
    if chromium.PROGRAM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.PROGRAM, chromium_sandbox=False, args=chromium.SWITCHES
        )
        yield browser
        browser.close()


expect.set_options(timeout=chromium.PAGE_TIMEOUT_MS)

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def users() -> Iterator[str]:
    """Return the users, one after the other."""
    return iter(USERS)


@pytest.fixture
def user(users: Iterator[str], admin: Api) -> Iterator[str]:
    """Return a user without saved options, whose server is stopped at the end."""
    name = next(users)
    yield name
    _stop(admin, name)


@pytest.fixture
def open_form(hub: LocalHub, browser: Browser, user: str) -> Iterator[Open]:
    """Return a function that signs the user in and opens the form."""
    contexts: list[BrowserContext] = []

    def open_(*, scripts: bool = True) -> Page:
        context = browser.new_context(java_script_enabled=scripts)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(chromium.PAGE_TIMEOUT_MS)
        page.goto(f"{hub.url}hub/spawn/{user}")
        page.fill("[name=username]", user)
        page.fill("[name=password]", hub.user_password)
        page.click("#login_submit")
        expect(page.locator("#jhub-profiles")).to_be_visible()
        return page

    yield open_
    for context in contexts:
        context.close()


def test_a_server_starts_by_keyboard_alone(open_form: Open, admin: Api, user: str) -> None:
    page = open_form()
    keys = page.keyboard
    page.locator("#logout").focus()  # the last element before the form

    def assert_focus(name: str) -> None:
        expect(page.locator(f"[name='{name}']:focus")).to_have_count(1)

    keys.press("Tab")
    assert_focus("profile")
    keys.press("ArrowDown")
    keys.press("Tab")
    assert_focus("profile-option-gpu--size")
    keys.press("ArrowDown")
    keys.press("Tab")
    assert_focus("profile-option-gpu--image")
    keys.press("ArrowUp")
    keys.press("Tab")
    assert_focus("profile-option-gpu--image--unlisted-choice")
    keys.type("r:4")
    keys.press("Tab")
    assert_focus("profile-option-gpu--region")
    keys.press("End")
    keys.press("Tab")
    expect(page.get_by_role("button", name="Start")).to_be_focused()
    keys.press("Enter")
    assert admin.ready(user, "")["user_options"] == {"profile": "gpu", **CHOSEN}


def test_a_server_starts_without_scripts(open_form: Open, admin: Api, user: str) -> None:
    page = open_form(scripts=False)
    expect(page.get_by_label("Note")).to_be_visible()
    page.get_by_label("Note").fill("is ignored")
    fill(page)
    page.get_by_role("button", name="Start").click()
    assert admin.ready(user, "")["user_options"] == {"profile": "gpu", **CHOSEN}


def fill(page: Page) -> None:
    """Choose `gpu` with CHOSEN."""
    page.get_by_role("radio", name="Graphics").check()
    page.get_by_role("radio", name="Large").check()
    page.get_by_role("radio", name="Another image").check()
    page.get_by_label("Name of the image").fill("r:4")
    page.get_by_label("Region").select_option("r5")


def test_only_the_options_of_the_selected_profile_are_visible(open_form: Open) -> None:
    page = open_form()
    assert page.locator("[name=profile]:checked").get_attribute("value") == "lab"
    expect(page.get_by_label("Region")).to_be_hidden()
    page.get_by_role("radio", name="Graphics").check()
    expect(page.get_by_label("Region")).to_be_visible()
    expect(page.get_by_label("Name of the image")).to_be_hidden()
    page.get_by_role("radio", name="Another image").check()
    expect(page.get_by_label("Name of the image")).to_be_visible()
    expect(page.get_by_text("is used instead of the choice")).to_have_count(0)


def test_texts_are_shown_as_they_are(open_form: Open) -> None:
    page = open_form()
    page.get_by_role("radio", name="Graphics").check()
    expect(page.get_by_text(TEMPLATE)).to_have_count(2)


def test_the_browser_refuses_a_text_whose_expression_it_can_check(open_form: Open, hub: LocalHub) -> None:
    page = open_form()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    fill(page)
    for text, fault in (("", "valueMissing"), ("r4", "patternMismatch"), ("xr:4", ""), ("r:٤", "")):
        page.get_by_label("Name of the image").fill(text)
        validity = "input => Object.keys(ValidityState.prototype).filter(key => input.validity[key]).join()"
        assert page.get_by_label("Name of the image").evaluate(validity) == (fault or "valid")
        if fault:
            page.get_by_role("button", name="Start").click()
    assert "POST" not in sent
    # Neither an invalid text of another choice nor one of another profile is in the way.
    page.get_by_label("Name of the image").fill("r4")
    page.get_by_role("radio", name="SciPy").check()
    assert page.evaluate("document.getElementById('spawn_form').checkValidity()")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_hub_refuses_all_other_texts_and_the_form_keeps_what_was_chosen(
    open_form: Open, admin: Api, user: str, scripts: bool
) -> None:
    page = open_form(scripts=scripts)
    page.get_by_role("radio", name="Free text").check()
    page.get_by_label("Note").fill("xyz")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".spawn-error-msg")).to_contain_text("Only the letter x.")
    expect(page.get_by_role("radio", name="Free text")).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("xyz")
    if scripts:
        assert violations(page) == []
    page.get_by_label("Note").fill("xX")
    page.get_by_role("button", name="Start").click()
    assert admin.ready(user, "")["user_options"] == {"profile": "text", "note--unlisted-choice": "xX"}


def test_the_last_options_are_selected(open_form: Open, admin: Api, user: str) -> None:
    admin.start(user, "", profile="gpu", **CHOSEN)
    admin.ready(user, "")
    _stop(admin, user)
    page = open_form()
    expect(page.get_by_role("radio", name="Graphics")).to_be_checked()
    expect(page.get_by_role("radio", name="Large")).to_be_checked()
    expect(page.get_by_label("Name of the image")).to_have_value("r:4")
    expect(page.get_by_label("Region")).to_have_value("r5")
    page.get_by_role("button", name="Start").click()
    assert admin.ready(user, "")["user_options"] == {"profile": "gpu", **CHOSEN}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_form_is_accessible(open_form: Open, theme: str) -> None:
    page = open_form()
    page.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
    assert violations(page) == []
    fill(page)
    assert violations(page) == []
    # As without scripts: everything is visible.
    page.evaluate("document.querySelectorAll('#jhub-profiles [hidden]').forEach(part => { part.hidden = false })")
    page.evaluate("document.querySelectorAll('#jhub-profiles :disabled').forEach(part => { part.disabled = false })")
    assert violations(page) == []


def violations(page: Page) -> list[Any]:
    """Return the violations that axe-core finds in the form."""
    found: list[Any] = Axe().run(page, context="#jhub-profiles").response["violations"]
    return [(violation["id"], [node["html"] for node in violation["nodes"]]) for violation in found]


def test_a_start_by_form_command_client_and_requests_gives_the_same_server(
    hub: LocalHub, admin: Api, user: str, tmp_path: Path
) -> None:
    token = _token(hub, user, hub.user_password)

    def by_form() -> None:
        with _signed_in(hub, user) as session:
            long = {f"profile-option-gpu--{name}": value for name, value in CHOSEN.items()}
            fields = {"profile": "gpu", **long, "profile-option-gpu--image": "unlisted-choice", "_xsrf": _xsrf(session)}
            answer = session.post(f"{hub.url}hub/spawn/{user}", data=fields, allow_redirects=False, timeout=60)
            assert answer.status_code == 302

    def by_command() -> None:
        options = [word for name, value in CHOSEN.items() for word in ("--option", f"{name}={value}")]
        jhub = Jhub(tmp_path, {"JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": token})
        jhub.ok("server", "start", user, "--profile", "gpu", *options)

    def by_client() -> None:
        with Hub(hub.url, token) as client:
            client.servers.start(user, profile="gpu", user_options=CHOSEN)

    def by_requests() -> None:
        assert Api(hub, token).start(user, "", profile="gpu", **CHOSEN).status_code in (201, 202)

    servers = []
    for start in (by_form, by_command, by_client, by_requests):
        start()
        model = admin.ready(user, "")
        servers.append((model["user_options"], admin.at(model["url"]).json()))
        _stop(admin, user)
    assert servers[0][0] == {"profile": "gpu", **CHOSEN}
    environment = {"JHUB_PROFILE": "gpu", "JHUB_SIZE": "large", "JHUB_IMAGE": "r:4", "JHUB_REGION": "r5"}
    assert servers[0][1]["environment"] == environment
    assert servers[1:] == servers[:1] * 3


def test_an_administrator_sees_the_profiles_of_the_servers_owner(hub: LocalHub, admin: Api, user: str) -> None:
    assert admin("POST", "/users", json={"usernames": ["dora"]}).status_code == 201
    with _signed_in(hub, hub.username, hub.password) as session:
        for owner in (user, f"{user}/work"):
            page = session.get(f"{hub.url}hub/spawn/{owner}", timeout=60)
            assert re.findall(r'name="profile" value="(\w+)"', page.text) == ["lab", "gpu", "text"]
        # Here, there is nothing to choose.
        answer = session.get(f"{hub.url}hub/spawn/dora", allow_redirects=False, timeout=60)
        assert answer.status_code == 302
    _stop(admin, "dora")


def test_a_form_needs_its_xsrf_token(hub: LocalHub, admin: Api, user: str) -> None:
    with _signed_in(hub, user) as session:
        for token in ("", "wrong"):
            fields = {"profile": "lab", "_xsrf": token}
            assert session.post(f"{hub.url}hub/spawn/{user}", data=fields, timeout=60).status_code == 403
    assert admin.server(user, "") is None


def test_a_form_that_is_always_shown(tmp_path: Path) -> None:
    profiles = "profiles: [{slug: only, display_name: The only one}]"
    file = tmp_path / "profiles.yaml"
    file.write_text(profiles)
    config = f"import jhub.extension\njhub.extension.enable(c, profiles={str(file)!r}, always_show_form=True)\n{CONFIG}"
    with LocalHub(profiles=file, config=config, users=["ana"]) as hub, _signed_in(hub, "ana") as session:
        page = session.get(f"{hub.url}hub/spawn/ana", timeout=60)
        assert "The only one" in page.text
        fields = {"profile": "only", "_xsrf": _xsrf(session)}
        answer = session.post(f"{hub.url}hub/spawn/ana", data=fields, allow_redirects=False, timeout=60)
        assert answer.status_code == 302


TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "abc",
    "aab",
    "a:1",
    "a-b",
    "A",
    "é",
    "٤",
    "x y",
    "a\u00a0b",
    "\u2028",
    "a.b",
    "^a",
    "a]",
    "😀",
]

EXPRESSIONS = [
    *(r".", r".+", r"\d", r"\D+", r"\w+", r"[\w:]+", r"\W", r"\s", r"a\sb", r"\S+", r"[^\s\d]+", r"[\W\d]"),
    *(r"^a$|b", r"\Aab?\Z", r"(a|ab)(c|bcd)?", r"(?P<x>a)+b", r"a{,2}b", r"(?:a?)*b", r"(a*)*", r"a*?b??", r"a{2}b"),
    *(r"(?=a).+", r"(?!a).*", r".*(?<=b)", r".*(?<!b)", r"[]a]+", r"[^]a]+", r"[\^a]+", r"[a.\-]+", r"a[\-:]1|a"),
    *(r"\x61", r"\u0061", r"\N{LATIN SMALL LETTER A}", r"[a-cA]+", r"[😀-😂]", r"a\.b", r"\^a", r"a\]", r"$", r"a$b"),
]


def test_expressions_have_the_same_meaning_in_the_browser(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<input>")
    patterns = [html_pattern(expression) for expression in EXPRESSIONS]
    assert all(patterns)
    matches = """([patterns, texts]) => {
        const input = document.querySelector("input");
        return patterns.map(pattern => texts.map(text => {
            input.setAttribute("pattern", pattern);
            input.value = text;
            return !input.validity.patternMismatch;
        }));
    }"""
    texts = TEXTS[1:]  # browsers do not check an empty field
    for expression, found in zip(EXPRESSIONS, page.evaluate(matches, [patterns, texts]), strict=True):
        assert found == [regex.fullmatch(expression, text) is not None for text in texts], expression


@pytest.mark.parametrize("name", ["d", "D", "s", "S", "w", "W"])
def test_classes_have_the_same_characters_in_the_browser(browser: Browser, name: str) -> None:
    page = browser.new_page()
    characters = """pattern => {
        const expression = new RegExp(`^(?:${pattern})$`, "v");
        return [...Array(0x20000).keys()].filter(code => expression.test(String.fromCodePoint(code)));
    }"""
    for expression in (rf"\{name}", rf"[\{name}]", rf"[^\{name}]"):
        found = set(page.evaluate(characters, html_pattern(expression)))
        compiled = regex.compile(expression)
        # The hub refuses what Python does not know; the library may have a newer Unicode, and the browser too.
        known = [code for code in range(0x20000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
        assert [code for code in known if (code in found) != bool(compiled.fullmatch(chr(code)))] == []


def _token(hub: LocalHub, name: str, password: str) -> str:
    login = {"auth": {"username": name, "password": password}}
    token: str = Api(hub)("POST", f"/users/{name}/tokens", json=login).json()["token"]
    return token


def _stop(admin: Api, user: str) -> None:
    """Stop a user's server, and wait until it has."""
    assert admin("DELETE", f"/users/{user}/server").status_code in (202, 204, 400)
    while admin.server(user, "") is not None:
        time.sleep(0.1)


def _signed_in(hub: LocalHub, name: str, password: str = "") -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.get(f"{hub.url}hub/login")
    form = {"username": name, "password": password or hub.user_password, "_xsrf": session.cookies["_xsrf"]}
    assert session.post(f"{hub.url}hub/login", data=form, allow_redirects=False).status_code == 302
    session.get(f"{hub.url}hub/home")
    return session


def _xsrf(session: requests.Session) -> str:
    return session.cookies.get("_xsrf", path="/hub/") or ""
