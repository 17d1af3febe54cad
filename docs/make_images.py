"""Takes the pictures of docs/images: the form of profiles on the spawn page of a local hub, in Chromium."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from playwright.async_api import async_playwright

from jhub.local import LocalHub

IMAGES = Path(__file__).with_name("images")

SIZES = {"phone": (390, 844), "desktop": (1000, 900)}
"""Width and height of the window for each picture."""


async def take(hub: LocalHub) -> None:
    """Sign in, and take the pictures of the form."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
        page = await browser.new_page()
        await page.goto(f"{hub.url}hub/spawn")
        await page.fill("[name=username]", "ana")
        await page.fill("[name=password]", hub.user_password)
        await page.press("[name=password]", "Enter")
        await page.get_by_role("radio", name="Another image").check()
        await page.get_by_label("Name of the image").fill("quay.io/jupyter/r-notebook:2026-05")
        for name, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            await page.screenshot(path=IMAGES / f"profiles-form-{name}.png", full_page=True)
        await browser.close()


if __name__ == "__main__":
    with LocalHub(profiles=IMAGES / "profiles-form.yaml", users=["ana"]) as running:
        asyncio.run(take(running))
