"""The spawn page: show a form of profiles if the spawner has no form, and drop names that are not user options.

Links in mails and learning platforms add parameters such as `utm_source`, and JupyterHub takes each for an option.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.spawner import Spawner
from tornado.web import HTTPError

from jhub.extension.current_profiles import available_to, spawner_of
from jhub.extension.enforcement import check_server_name, refresh_groups
from jhub.extension.kubespawner import is_kubespawner
from jhub.extension.patching import wrap_once
from jhub.extension.profile_form import render_form
from jhub.extension.profile_store import store
from jhub.profiles.model import Profile
from jhub.profiles.option_check import NONE_AVAILABLE, option_names

OPTION_PREFIXES = ("opt-", "profile")
"""Prefixes of names that are always options: a mistyped one is refused, and never dropped."""

FILE_SUFFIX = "_file"
"""Suffix that JupyterHub adds to the name of a file's field."""

_current_handler: ContextVar[Callable[[], Any]] = ContextVar("jhub_spawn_page", default=lambda: None)
"""A weak reference to the handler of the page: the tasks of a server that it starts keep a copy of the context."""


def install() -> None:
    """Wrap the methods behind `GET` and `POST` of the spawn page, and that of its form, once."""
    wrap_once(Spawner, "get_options_form", _wrap_get_options_form)
    wrap_once(SpawnHandler, "_get", _wrap_page_method)
    wrap_once(SpawnHandler, "_post", _wrap_page_method)


def _wrap_page_method(original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    async def show_or_start(self: Any, *args: Any, **kwargs: Any) -> Any:
        target = signature.bind(self, *args, **kwargs).arguments
        # Without a user, JupyterHub answers 404; without the scope, too.
        owner = self.find_user(target["user_name"])
        if owner is not None:
            check_server_name(target["server_name"])
            if not has_own_form(owner.spawner):
                _drop_other_names(self.request, await available_to(spawner_of(owner, target["server_name"])))
        previous = _current_handler.set(weakref.ref(self))
        try:
            return await original(self, *args, **kwargs)
        finally:
            _current_handler.reset(previous)

    return show_or_start


def _wrap_get_options_form(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def get_options_form(self: Any) -> Any:
        form = await original(self)
        if form or is_kubespawner(type(self)) or has_own_form(self):
            return form
        return await profile_form(self)

    return get_options_form


async def profile_form(spawner: Any) -> str:
    """Return the form of the profiles of a server's owner; empty, for a start at once, if there is nothing to choose.

    Raises HTTPError 403 if the owner has no profile.
    """
    handler = _current_handler.get()()
    if handler is not None:
        await refresh_groups(handler, spawner.user)
    available = await available_to(spawner)
    if not available:
        raise HTTPError(403, NONE_AVAILABLE)
    if len(available) == 1 and not available[0].profile_options and not store.always_show_form:
        return ""
    if handler is not None and handler.request.method == "POST":
        # The page shows a form again only if it has refused it.
        return render_form(available, fields_of(handler.request), keeps_invalid_texts=True)
    return render_form(available, spawner.user_options or {})


def fields_of(request: Any) -> dict[str, list[str]]:
    """Return the fields of a form."""
    return {
        name: [value.decode("utf-8", "replace") for value in values] for name, values in request.body_arguments.items()
    }


def has_own_form(spawner: Any) -> bool:
    """Return whether a spawner has a form of the administrator's or its own, which may read any name.

    KubeSpawner's own form is made of the profiles.
    """
    overridable = ("options_from_query", "get_options_form")
    if any(getattr(type(spawner), name) is not getattr(Spawner, name) for name in overridable):
        return True
    if is_kubespawner(type(spawner)):
        own = (spawner._render_options_form_dynamically, spawner._options_from_form)
        return (spawner.options_form, spawner.options_from_form) != own
    base: Any = Spawner
    takes_all = (base._passthrough_options_from_form, base._simple_options_from_form)
    return bool(spawner.options_form) or spawner.options_from_form not in takes_all


def _drop_other_names(request: Any, profiles: Iterable[Profile]) -> None:
    """Drop names that are no options, in place.

    JupyterHub's own, such as `next`, and what hooks read are still in `request.arguments`.
    """
    known = known_names(profiles)
    for arguments in (request.query_arguments, request.body_arguments):
        for name in other_names(arguments, known):
            del arguments[name]
    for name in [name for name in request.files if other_names([name], known) and f"{name}{FILE_SUFFIX}" not in known]:
        del request.files[name]


def known_names(profiles: Iterable[Profile]) -> frozenset[str]:
    """Return the names of all options of these profiles."""
    return frozenset(
        name for profile in profiles for name in (*option_names(profile.profile_options), *profile.user_options)
    )


def other_names(names: Iterable[str], known: frozenset[str]) -> list[str]:
    """Return the names that are neither options nor mistyped ones."""
    return [name for name in names if name not in known and not name.startswith(OPTION_PREFIXES)]
