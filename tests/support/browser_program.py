"""A scripted browser for the variable BROWSER: `python browser_program.py RECORD USER PASSWORD URL`.

It writes the URL to RECORD, signs in, and agrees to the authorization on the hub's pages, until it is redirected to the
port where `jhub` waits. It exits on errors.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import requests


def browse(username: str, password: str, address: str) -> None:
    """Open the address and follow the sign-in as this user of the hub."""
    with requests.Session() as browser:
        browser.trust_env = False
        browser.headers["Sec-Fetch-Mode"] = "navigate"
        page = browser.get(address, timeout=30)
        for _ in range(4):
            if "/hub/login" in page.url:
                fields = {"username": username, "password": password, "_xsrf": xsrf(browser, page)}
                page = browser.post(page.url, data=fields, timeout=30)
            elif "/oauth2/authorize" in page.url and "code=" not in page.url:
                agreed = {"_xsrf": xsrf(browser, page), "scopes": ["inherit"]}
                page = browser.post(page.url, data=agreed, headers={"Referer": page.url}, timeout=30)
            else:
                break
        assert "Back from the hub" in page.text, (page.status_code, urlsplit(page.url).path)


def xsrf(browser: requests.Session, page: requests.Response) -> str:
    """Return the XSRF token of a page's form, or else of the cookies."""
    found = re.search(r'name="_xsrf"\s+value="([^"]*)"', page.text)
    if found:
        return html.unescape(found[1])
    cookies = {cookie.path: cookie.value or "" for cookie in browser.cookies if cookie.name == "_xsrf"}
    return max(cookies.items(), key=lambda item: len(item[0] or ""))[1]


if __name__ == "__main__":
    record, username, password, address = sys.argv[1:]
    Path(record).write_text(address)
    browse(username, password, address)
