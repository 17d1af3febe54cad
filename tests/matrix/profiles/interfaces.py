"""The ways to start a server with options, or to save options for a start: of the REST API, and of the hub's page."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

import requests

from matrix.profiles.hubs import ProfileHub

SERVER = "work"
SECONDS = 20


@dataclass(frozen=True)
class Caller:
    """Who requests a start: an API token, and a session of the hub's pages for callers that are users."""

    token: str | None = None
    browser: requests.Session | None = None


Interface: TypeAlias = Callable[[ProfileHub, str, Caller, dict[str, Any]], requests.Response]
"""A function that requests a start for an owner, by a caller, with options, and returns the last response."""


def post(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start with the options as this version has them in the body."""
    return hub.start(owner, SERVER, caller.token, **options)


def post_older_body(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start with the options as the whole body, which every version accepts."""
    return hub.api("POST", path(owner), caller.token, json=options)


def post_form_names(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start by the REST API with the names and lists of KubeSpawner's form."""
    return hub.start(owner, SERVER, caller.token, **{name: [value] for name, value in form_names(options).items()})


def put(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Create a server with the options, and start it without any (JupyterHub 6)."""
    saved = hub.api("PUT", path(owner), caller.token, json={"user_options": options})
    return saved if saved.status_code != 201 else hub.api("POST", path(owner), caller.token)


def patch(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Create a server without options, save the options, and start it without any (JupyterHub 6)."""
    assert hub.api("PUT", path(owner), json={}).status_code == 201
    saved = hub.api("PATCH", path(owner), caller.token, json={"user_options": options})
    return saved if saved.status_code != 200 else hub.api("POST", path(owner), caller.token)


def direct(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start by a handler of the administrator's, without the hub's own routes."""
    return hub.api("GET", f"/direct/{owner}", params=options)


def form(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start by the form of the page, with KubeSpawner's names."""
    return _form(hub, owner, caller, form_names(options))


def older_form(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start by the form of the page, with the names of KubeSpawner 6."""
    return _form(hub, owner, caller, form_names(options, dash="-"))


def short_form(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start by the form of the page, with the names of the REST API."""
    return _form(hub, owner, caller, options)


def _form(hub: ProfileHub, owner: str, caller: Caller, fields: dict[str, Any]) -> requests.Response:
    assert caller.browser is not None
    data = {**fields, "_xsrf": xsrf(hub, caller.browser)}
    return caller.browser.post(page(hub, owner), data=data, allow_redirects=False, timeout=SECONDS)


def query(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start by the address of the page."""
    assert caller.browser is not None
    prefix = "opt-" if hub.edits else ""
    parameters = {f"{prefix}{name}": value for name, value in options.items()}
    return caller.browser.get(page(hub, owner), params=parameters, allow_redirects=False, timeout=SECONDS)


def form_query(hub: ProfileHub, owner: str, caller: Caller, options: dict[str, Any]) -> requests.Response:
    """Start by the address of the page, with the names of KubeSpawner's form."""
    return query(hub, owner, caller, form_names(options))


REST: dict[str, Interface] = {
    "POST": post,
    "POST, older body": post_older_body,
    "POST, names of the form": post_form_names,
    "PUT": put,
    "PATCH": patch,
}
"""Interfaces of the REST API. The last two need JupyterHub 6."""
EDITS = ("PUT", "PATCH")
PAGES: dict[str, Interface] = {"form": form, "older form": older_form, "short form": short_form, "query": query}
"""Interfaces of the page, for callers with a browser."""


def path(owner: str) -> str:
    """Return the REST path of the server."""
    return f"/users/{owner}/servers/{SERVER}"


def page(hub: ProfileHub, owner: str) -> str:
    """Return the URL of the page that starts the server."""
    return f"{hub.url}/spawn/{owner}/{SERVER}"


def form_names(options: dict[str, Any], *, dash: str = "--") -> dict[str, Any]:
    """Return options with the names of KubeSpawner's form; a start without a profile has none."""
    prefix = f"profile-option-{options.get('profile')}{dash}"
    return {name if name == "profile" else f"{prefix}{name}": value for name, value in options.items()}


def xsrf(hub: ProfileHub, browser: requests.Session) -> str:
    """Return the XSRF token of the hub's forms."""
    browser.get(f"{hub.url}/token", timeout=SECONDS)
    return browser.cookies.get("_xsrf", path=f"{hub.settings.base_url}hub/") or ""


def is_accepted(answer: requests.Response) -> bool:
    """Return whether a start was accepted: 302 is the page's."""
    return answer.status_code in (200, 201, 202, 302)


def everywhere(
    hub: ProfileHub, owner: str, options: dict[str, Any], browser: requests.Session | None = None
) -> list[requests.Response]:
    """Return the responses of all interfaces that start a server with these options, or save them for a start."""
    return [*by_rest(hub, owner, json.dumps(options)), *by_page(hub, owner, options, browser)]


def by_rest(hub: ProfileHub, owner: str, options: str) -> list[requests.Response]:
    """Return the responses to REST calls with these options, as JSON text."""
    answers = [hub.api("POST", path(owner), data=body(hub, options))]
    if hub.edits:
        answers.append(hub.api("PUT", path(owner), data=body(hub, options)))
        answers.append(hub.api("PATCH", f"/users/{owner}/server", data=body(hub, options)))
    return answers


def body(hub: ProfileHub, options: str) -> bytes:
    """Return the body of a start."""
    return (f'{{"user_options": {options}}}' if hub.edits else options).encode()


def by_page(
    hub: ProfileHub, owner: str, options: dict[str, Any], browser: requests.Session | None = None
) -> list[requests.Response]:
    """Return the responses to the spawn page's form and query."""
    with hub.browser(owner) if browser is None else nullcontext(browser) as session:
        caller = Caller(browser=session)
        return [short_form(hub, owner, caller, options), query(hub, owner, caller, options)]
