"""Stage 2, the spawn call: check starts, from pages and from REST, before the hub saves their options.

The options of a form or of a page's query are known only after the spawner has parsed them, which is after stage 1. A
refusal at this stage is not a failed start either; JupyterHub 5 counts every failed start, and shuts down at a limit.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import quote

from jupyterhub import version_info
from jupyterhub.handlers import BaseHandler
from jupyterhub.utils import url_path_join
from tornado.httputil import url_concat
from tornado.web import HTTPError

from jhub.errors import MAX_NAMES_SHOWN
from jhub.extension import spawn_failure_count
from jhub.extension.current_profiles import available_to, spawner_of
from jhub.extension.enforcement import enforce_request
from jhub.extension.patching import wrap_once

PROFILE_PARAMETER = "opt-profile" if version_info >= (6,) else "profile"
"""Name of the query parameter for the profile in the address of the spawn page."""

REFUSAL_ATTRIBUTE = "_jhub_refusal"
"""Attribute of a request that keeps its refusal."""


def install() -> None:
    """Wrap the method by which all of JupyterHub's own handlers start servers, once."""
    wrap_once(BaseHandler, "spawn_single_user", _wrap_spawn_single_user)


def _wrap_spawn_single_user(original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    async def spawn_single_user(self: Any, *args: Any, **kwargs: Any) -> None:
        # If the options in the query are refused and there is no form, the spawn page (JupyterHub 5 and 6) tries
        # again without options, which would start the default profile.
        earlier = getattr(self, REFUSAL_ATTRIBUTE, None)
        if earlier is not None:
            raise earlier
        call = signature.bind(self, *args, **kwargs)
        call.apply_defaults()
        target = {name: call.arguments[name] for name in ("user", "server_name")}
        try:
            decision = await enforce_request(self, options=call.arguments["options"], **target)
        except Exception as refusal:
            setattr(self, REFUSAL_ATTRIBUTE, refusal)
            # JupyterHub 5.3 shows its form again, with the reason, and status 200.
            self.set_status(refusal.status_code if isinstance(refusal, HTTPError) else 500)
            # For the error page: without a form, the page would use the same saved options again and again.
            self.extra_error_html = f"{self.spawn_home_error}{await profile_links(self, **target)}"
            raise
        if decision.user_controlled:
            spawn_failure_count.exclude(self)
        await original(self, *args, **kwargs)

    return spawn_single_user


async def profile_links(handler: Any, user: Any, server_name: str) -> str:
    """Return HTML for an error page: links to the profiles from which the server can be started instead."""
    try:
        available = (await available_to(spawner_of(user, server_name)))[:MAX_NAMES_SHOWN]
    except HTTPError:  # the function that is KubeSpawner's list fails, as it has for the start
        available = ()
    page = url_path_join(handler.hub.base_url, "spawn", user.escaped_name, quote(server_name, safe=""))
    anchors = (
        f'<a href="{escape(url_concat(page, {PROFILE_PARAMETER: profile.slug}))}">{escape(profile.display_name)}</a>'
        for profile in available
    )
    return f"<p>Start from: {', '.join(anchors)}</p>" if available else ""
