"""Stage 2, the spawn call: starts, from pages and from REST, are judged before the hub saves their options.

What comes by a form or in a page's query is known only when the spawner has read it, which is after the hub's routes.
A refusal here is not a failed start either, of which JupyterHub 5 counts every one towards its end.
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
from jhub.extension import failure_count
from jhub.extension.access import owner_of, visible
from jhub.extension.enforcement import judge_start
from jhub.extension.patching import wrap
from jhub.extension.store import store

QUERY = "opt-profile" if version_info >= (6,) else "profile"
"""What the spawn page's address calls the profile."""

REFUSED = "_jhub_refused"
"""Where a request keeps why it was refused."""


def install() -> None:
    """Wrap the method by which all of JupyterHub's own handlers start servers, once."""
    wrap(BaseHandler, "spawn_single_user", _judged)


def _judged(original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    async def spawn_single_user(self: Any, *args: Any, **kwargs: Any) -> None:
        # The spawn page tries again with no options when those in its query are refused and there is no form: that
        # would start the default server (JupyterHub 5 and 6).
        earlier = getattr(self, REFUSED, None)
        if earlier is not None:
            raise earlier
        asked = signature.bind(self, *args, **kwargs)
        asked.apply_defaults()
        named = {name: asked.arguments[name] for name in ("user", "server_name")}
        try:
            verdict = await judge_start(self, options=asked.arguments["options"], **named)
        except Exception as refusal:
            setattr(self, REFUSED, refusal)
            # JupyterHub 5.3 shows its form again, with the reason, and says 200.
            self.set_status(refusal.status_code if isinstance(refusal, HTTPError) else 500)
            # For the error page: without a form, saved options may be all that it would ever start with.
            self.extra_error_html = f"{self.spawn_home_error}{links(self, **named)}"
            raise
        if verdict.free:
            failure_count.leave_out(self)
        await original(self, *args, **kwargs)

    return spawn_single_user


def links(handler: Any, user: Any, server_name: str) -> str:
    """HTML for a page: the profiles that a server can be started from instead."""
    mine = visible(store.current, owner_of(user))[:MAX_NAMES_SHOWN]
    page = url_path_join(handler.hub.base_url, "spawn", user.escaped_name, quote(server_name, safe=""))
    each = (
        f'<a href="{escape(url_concat(page, {QUERY: profile.slug}))}">{escape(profile.display_name)}</a>'
        for profile in mine
    )
    return f"<p>Start from: {', '.join(each)}</p>" if mine else ""
