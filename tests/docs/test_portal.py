"""The portal in examples/portal, on a real hub and in a real browser."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import chromium
import pytest
import requests
from hub_api import Api
from page_blocks import ROOT, run_by
from playwright.async_api import Page, Response, Route, expect

from jhub.local import LocalHub
from jhub.local.ports import free_ports

PAGE = {block.name: block.text for block in run_by(__file__, "docs/how-to/portal.md")}
PORTAL = ROOT / "examples/portal"
MAX_SECONDS = 120.0
WORD = re.compile(r"[A-Za-z0-9_\-]{20,}")


@dataclass(frozen=True)
class Portal:
    """A portal that runs, with its hub and its log."""

    url: str
    hub: LocalHub
    log: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str, **options: object) -> requests.Response:
        return self.send("GET", path, **options)

    def send(self, method: str, path: str, **options: object) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                f"{self.url}{path}",
                timeout=MAX_SECONDS,
                allow_redirects=False,
                **options,  # type: ignore[arg-type]
            )


def serve(url: str, hub_url: str, secret: str, log: Path) -> subprocess.Popen[bytes]:
    """Start the portal with the command of the page."""
    command = PAGE["serve"].strip().replace("18463", str(urlsplit(url).port)).split()
    assert command[0] == "python"
    env = {**os.environ, "PORTAL_URL": url, "PORTAL_SECRET": secret, "HUB_URL": hub_url}
    with log.open("ab") as output:
        return subprocess.Popen([sys.executable, *command[1:]], cwd=ROOT, env=env, stdout=output, stderr=output)


def wait_until_up(portal: Portal) -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while time.monotonic() < deadline and portal.process.poll() is None:
        try:
            assert portal.get("/").status_code == 200
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(portal.log.read_text())


@pytest.fixture(scope="module")
def portal(profiles_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Run the portal, and a hub with the lines that belong to it."""
    if chromium.PROGRAM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    log = tmp_path_factory.mktemp("portal") / "portal.log"
    port, hub_port = free_ports(2)
    make = PAGE["hub"].splitlines()[0].replace("18463", str(port)).replace("18464", str(hub_port))
    shown = subprocess.run(
        ["bash", "-euc", f'{make}; printf "%s\\n" "$PORTAL_SECRET" "$PORTAL_URL" "$HUB_URL"'],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    secret, url, hub_url = shown.split()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PORTAL_SECRET", secret)
        patch.setenv("PORTAL_URL", url)
        with LocalHub(
            port=hub_port, profiles=profiles_file, config=PORTAL / "jupyterhub_config.py", users=["ana", "bo"]
        ) as hub:
            assert hub.url.rstrip("/") == hub_url
            running = Portal(url, hub, log, serve(url, hub_url, secret, log))
            try:
                wait_until_up(running)
                yield running
            finally:
                running.process.terminate()
                running.process.wait(MAX_SECONDS)
    # At its end the portal has revoked the tokens that it still had.
    assert secret not in log.read_text()


@dataclass
class Visit:
    """What the browser has received from the portal, and the addresses of all its requests."""

    portal: Portal
    page: Page
    seen: list[str] = field(default_factory=list)

    def record(self, answer: Response) -> None:
        self.seen += [answer.url, str(answer.headers)]

    async def look(self) -> None:
        """Keep what the page is now, and all cookies."""
        self.seen += [await self.page.content(), str(await self.page.context.cookies(self.portal.url))]

    def words(self) -> set[str]:
        """Return everything that may be a secret, in the browser and in the portal's log."""
        return set(WORD.findall("\n".join([*self.seen, self.portal.log.read_text()])))


def browse(portal: Portal, visit: Callable[[Page], Awaitable[None]]) -> None:
    async def run() -> None:
        async with chromium.chromium() as page:
            await visit(page)

    asyncio.run(run())


async def sign_in(page: Page, portal: Portal, user: str = "ana") -> str:
    """Sign in, and return the id of the session."""
    final = await chromium.sign_in(page, f"{portal.url}/sign-in", user, portal.hub.user_password)
    assert f"Servers of {user}" in final.text
    return await cookie(page, portal, "portal-session")


async def cookie(page: Page, portal: Portal, name: str) -> str:
    return {each["name"]: each["value"] for each in await page.context.cookies(portal.url)}[name]


def admin(portal: Portal) -> Api:
    body = {"auth": {"username": portal.hub.username, "password": portal.hub.password}, "expires_in": 3600}
    answer = Api(portal.hub)("POST", f"/users/{portal.hub.username}/tokens", json=body)
    return Api(portal.hub, answer.json()["token"])


def oauth_tokens(portal: Portal, user: str) -> list[dict[str, object]]:
    tokens = admin(portal)("GET", f"/users/{user}/tokens").json()["api_tokens"]
    return [token for token in tokens if "portal" in (token["oauth_client"] or "")]


def test_the_page_shows_the_portal_as_it_is() -> None:
    program = re.sub(r"\s+", " ", (PORTAL / "app.py").read_text())
    for name in ("start", "progress"):
        assert re.sub(r"\s+", " ", PAGE[name].strip()) in program
    assert set(PAGE) == {"install", "hub", "serve", "start", "progress"}
    assert "examples/portal/jupyterhub_config.py" in PAGE["hub"]


def test_people_start_a_server_follow_it_and_stop_it(portal: Portal) -> None:
    async def visit(page: Page) -> None:
        seen = Visit(portal, page)
        page.on("response", seen.record)
        await sign_in(page, portal)
        [session] = [each for each in await page.context.cookies(portal.url) if each["name"] == "portal-session"]
        assert session["httpOnly"]
        assert session["sameSite"] == "Lax"
        assert session["value"] not in await page.evaluate("document.cookie")
        token, *_ = oauth_tokens(portal, "ana")
        scopes = token["scopes"]
        assert isinstance(scopes, list)
        assert "start:servers!user=ana" in scopes
        assert all(scope.endswith("!user=ana") or "!service=portal" in scope for scope in scopes), scopes

        await seen.look()
        await page.get_by_label("lean").check()
        await page.get_by_label("Name").fill("work")
        await page.get_by_role("button", name="Start").click()
        await expect(page.locator("#open")).to_be_visible(timeout=MAX_SECONDS * 1000)
        assert "Server ready" in await page.locator("#progress").inner_text()
        server = admin(portal).server("ana", "work")
        assert server is not None
        assert server["user_options"] == {"profile": "lean"}
        await seen.look()
        stream = portal.get("/servers/work/progress", cookies={"portal-session": session["value"]}).text
        assert "event: ready" in stream
        seen.seen.append(stream)
        address = await page.locator("#open").get_attribute("href")
        assert address == f"{portal.hub.url}user/ana/work/"

        await page.locator("#open").click()
        await page.wait_for_url(re.compile(re.escape(address)))
        await page.goto(portal.url)
        await page.get_by_role("link", name="work").click()
        await page.get_by_role("button", name="Stop").click()
        await page.get_by_text("No server runs.").wait_for()
        assert admin(portal).server("ana", "work") is None

        # The reason of a failure is the hub's own.
        await page.get_by_label("ends_at_once").check()
        await page.get_by_role("button", name="Start").click()
        await page.get_by_text("exited with code 3").wait_for()
        await seen.look()
        await page.goto(portal.url)

        words = seen.words()
        assert session["value"] in words, "this test would find a secret"
        asks = Api(portal.hub)
        for word in words:
            headers = {"Authorization": f"token {word}"}
            assert asks("GET", "/user", headers=headers).status_code == 403, "a token has reached the browser or a log"

        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("link", name="Sign in with JupyterHub").wait_for()
        assert oauth_tokens(portal, "ana") == []
        assert portal.get("/servers/work", cookies={"portal-session": session["value"]}).status_code == 401

    browse(portal, visit)


def test_a_page_tells_what_to_do_after_an_error(portal: Portal) -> None:
    async def visit(page: Page) -> None:
        session = {"portal-session": await sign_in(page, portal)}
        await page.get_by_label("Name").fill("Not A Name")
        await page.get_by_role("button", name="Start").click()
        assert "invalid server name" in await page.get_by_role("alert").inner_text()
        await page.goto(f"{portal.url}/servers/unknown")
        await page.get_by_text("Failed: ").wait_for()
        assert portal.get("/nowhere").status_code == 404

        # The token is revoked at the hub, and with it those of ana's other sessions.
        token, *_ = oauth_tokens(portal, "ana")
        assert admin(portal)("DELETE", f"/users/ana/tokens/{token['id']}").status_code == 204
        answer = portal.get("/", cookies=session)
        assert answer.status_code == 401
        assert "Sign in again" in answer.text

    browse(portal, visit)


def test_without_a_session_nothing_is_open(portal: Portal) -> None:
    for method, path in (
        ("GET", "/servers/work"),
        ("GET", "/servers/work/progress"),
        ("POST", "/servers"),
        ("POST", "/servers/work/stop"),
        ("POST", "/sign-out"),
    ):
        for cookies in ({}, {"portal-session": "guessed"}):
            answer = portal.send(method, path, cookies=cookies, data={"name": "work", "profile": "stub"})
            assert answer.status_code == 401, path
            assert "You are not signed in" in answer.text
    assert portal.get("/").headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_an_answer_to_another_sign_in_is_refused(portal: Portal) -> None:
    def begin() -> tuple[str, str]:
        answer = portal.get("/sign-in")
        state = parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]
        return answer.cookies["portal-sign-in"], state

    own, state = begin()
    for cookies, query in (
        ({}, f"state={state}&code=x"),
        ({"portal-sign-in": own}, "state=wrong&code=x"),
        ({"portal-sign-in": own}, "state=%C3%A9&code=x"),
        ({"portal-sign-in": own}, "code=x"),
        ({"portal-sign-in": ""}, "state=&code=x"),
        ({"portal-sign-in": own}, f"state={state}&error=access_denied"),
    ):
        answer = portal.get(f"/signed-in?{query}", cookies=cookies)
        assert answer.status_code == 403, query
        assert "Sign in again" in answer.text
        assert "portal-session" not in answer.cookies
    answer = portal.get(f"/signed-in?state={state}&code=unknown", cookies={"portal-sign-in": own})
    assert answer.status_code == 400
    assert "portal-session" not in answer.cookies

    async def visit(page: Page) -> None:
        await sign_in(page, portal, "bo")
        # Somebody gets hold of the next code before it is used.
        steps = [f"{portal.url}/sign-in"]
        for _ in range(2):
            answer = await page.context.request.get(steps[-1], max_redirects=0)
            steps.append(answer.headers["location"])
        stolen = parse_qs(urlsplit(steps[-1]).query)["code"][0]
        own, state = begin()
        refused = portal.get(f"/signed-in?state={state}&code={stolen}", cookies={"portal-sign-in": own})
        assert refused.status_code == 400, "PKCE binds a code to the browser that asked for it"
        assert "portal-session" not in refused.cookies

    browse(portal, visit)


def test_a_form_of_another_site_is_refused(portal: Portal) -> None:
    form = {"name": "evil", "profile": "stub"}

    async def visit(page: Page) -> None:
        session = {"portal-session": await sign_in(page, portal, "bo")}
        for more in ({}, {"xsrf_token": "guessed"}, {"xsrf_token": "é"}):
            answer = portal.send("POST", "/servers", cookies=session, data={**form, **more})
            assert answer.status_code == 403
        assert portal.get("/servers?name=evil&profile=stub", cookies=session).status_code == 405

        # The browser does not send the cookie along with it either.
        fields = "".join(f'<input name="{name}" value="{value}">' for name, value in form.items())
        html = f'<form method="post" action="{portal.url}/servers">{fields}<button>Win</button></form>'

        async def fulfill(route: Route) -> None:
            await route.fulfill(body=html, content_type="text/html")

        await page.route("http://evil.example.org/**", fulfill)
        await page.goto("http://evil.example.org/")
        async with page.expect_navigation() as navigation:
            await page.get_by_role("button", name="Win").click()
        response = await navigation.value
        assert response is not None
        assert response.status == 401
        assert admin(portal).server("bo", "evil") is None

    browse(portal, visit)


def test_the_portal_revokes_the_tokens_at_its_end(portal: Portal, tmp_path: Path) -> None:
    async def visit(page: Page) -> None:
        await sign_in(page, portal)
        assert oauth_tokens(portal, "ana")

    browse(portal, visit)
    portal.process.terminate()
    assert portal.process.wait(MAX_SECONDS) in (0, -15)
    assert oauth_tokens(portal, "ana") == []
