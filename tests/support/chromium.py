"""Sign-in to hubs with a headless browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from playwright.async_api import Locator, Page, async_playwright
from playwright.async_api import TimeoutError as PageTimeout

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""Path of the browser, or None if none is installed."""

SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGE_TIMEOUT_MS = 120_000
"""Milliseconds in which a page must load, even on a busy machine."""


@dataclass(frozen=True)
class FinalPage:
    """The page that the browser shows at the end."""

    url: str
    text: str


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """Run a browser with one page, shared by all sign-ins: a new page for each would take half as long again."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=PROGRAM, headless=True, chromium_sandbox=False, args=SWITCHES
        )
        try:
            page = await browser.new_page()
            page.set_default_timeout(PAGE_TIMEOUT_MS)
            yield page
        finally:
            await browser.close()


async def sign_in(page: Page, url: str, username: str, password: str, second_factor: str = "") -> FinalPage:
    """Open an address, sign in with JupyterHub's form, and authorize an OAuth client if one asks."""
    await _through_the_form(page, url, username, password, second_factor)
    allow = page.locator("input[type=submit][value=Authorize], button:has-text('Authorize')")
    if await allow.count():
        await _submit(page, allow)
    return FinalPage(page.url, await page.locator("body").inner_text())


async def make_token(page: Page, url: str, username: str, password: str, second_factor: str = "") -> str:
    """Sign in and create a token on the hub's token page."""
    await _through_the_form(page, url, username, password, second_factor)
    made = page.locator("#token-result").filter(has_text=re.compile(r"\w{16}"))
    for _ in range(10):
        # Until the page's script is loaded, the button only reloads the page.
        await page.locator("#request-token-form [type=submit]").click()
        with suppress(PageTimeout):
            await made.wait_for(timeout=PAGE_TIMEOUT_MS / 20)
            return await made.inner_text()
    raise AssertionError(f"no token was made at {url}")


async def _through_the_form(page: Page, url: str, username: str, password: str, second_factor: str) -> None:
    await page.context.clear_cookies()
    await page.goto(url)
    elsewhere = page.get_by_role("button", name="Sign in with")
    if await elsewhere.count():
        await _submit(page, elsewhere)
    await page.locator("input[name=username]").fill(username)
    await page.locator("input[name=password]").fill(password)
    if second_factor:
        await page.locator("input[name='2fa']").fill(second_factor)
    await _submit(page, page.locator("#login_submit"))


async def _submit(page: Page, button: Locator) -> None:
    async with page.expect_navigation():
        await button.click()
