"""The objects of a profile on Kubernetes: created before the pod of a server, and removed after it has stopped.

The spawner's state lists the objects that its server uses, and is saved before each creation: so a hub that dies knows
them when it is back. They are removed by this list, whatever the file of profiles says by then.

An object belongs to a user, by its labels, and may serve several of the user's servers: it is removed after the last of
them. A foreign object is never changed or removed. Objects are never changed in place; one with other content is
removed and created anew, and a claim stays as it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any
from weakref import WeakValueDictionary

from jupyterhub.utils import maybe_future
from msgspec import ValidationError
from tornado.web import HTTPError

from jhub.extension import kubernetes_api, spawn_failure_count
from jhub.extension.kubernetes_ownership import (
    PlannedObject,
    Reference,
    UsedObject,
    add_to_state,
    has_content_of,
    is_of,
    is_terminating,
    owner_of,
    plan_object,
    read_state,
    read_state_safely,
)
from jhub.extension.kubernetes_settings import template_values
from jhub.extension.patching import wrap_once
from jhub.profiles.kubernetes_kinds import CLAIM
from jhub.profiles.model import Profile
from jhub.profiles.templates import fill_manifest

USED = "_jhub_used_objects"
"""Attribute of a spawner with the objects that its server uses."""
PAUSE_SECONDS = 0.5
"""Time between two looks at an object that is being removed."""

_locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
"""A lock for each user: a server of the user's must not remove what another one is about to use."""


def install(spawner_class: type) -> None:
    """Wrap the methods of KubeSpawner that deal with its state, once."""
    wrap_once(spawner_class, "get_state", _wrap_get_state)
    wrap_once(spawner_class, "load_state", _wrap_load_state)
    wrap_once(spawner_class, "delete_forever", _wrap_delete_forever)


def _wrap_get_state(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def get_state(self: Any) -> Any:
        return add_to_state(original(self), used_objects(self))

    return get_state


def _wrap_load_state(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def load_state(self: Any, state: Any) -> None:
        original(self, state)
        try:
            setattr(self, USED, read_state(state))
        except ValidationError as error:
            self.log.error("The objects in the state of %s cannot be read: %s", self._log_name, error)

    return load_state


def _wrap_delete_forever(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def delete_forever(self: Any) -> Any:
        # The state goes with the server: this is the last time to remove what a stop could not.
        await remove_objects(self)
        return await maybe_future(original(self))

    return delete_forever


def used_objects(spawner: Any) -> tuple[UsedObject, ...]:
    """Return the objects that a server uses, or that could not be removed after its last stop."""
    used: tuple[UsedObject, ...] = getattr(spawner, USED, ())
    return used


async def create_objects(spawner: Any, profile: Profile) -> None:
    """Create the objects of a profile that do not exist, and remove what an earlier start has left.

    Raises HTTPError: 409 for an object of the name that is foreign, or that another server of the user's needs as it
    is; 500 or 503 if the API fails. What has been created by then is removed by the hook after the stop, which the hub
    runs after a failed start.
    """
    if not profile.objects and not used_objects(spawner):
        return
    async with _lock(spawner):
        planned = list(_plan(spawner, profile))
        await _remove(spawner, keep={item.reference for item in planned})
        if planned:
            await kubernetes_api.ensure_namespace(spawner)
        for item in planned:
            await _ensure(spawner, item)


async def remove_objects(spawner: Any) -> None:
    """Remove the objects that a server has used, unless they persist or another server of the user's uses them.

    What cannot be removed is logged, and stays in the state for the next start or stop.
    """
    if used_objects(spawner):
        async with _lock(spawner):
            await _remove(spawner)


def _lock(spawner: Any) -> asyncio.Lock:
    return _locks.setdefault(spawner.user.id, asyncio.Lock())


def _plan(spawner: Any, profile: Profile) -> Iterator[PlannedObject]:
    namespace = spawner.namespace
    values = template_values(spawner, namespace)
    for item in profile.objects:
        yield plan_object(
            fill_manifest(item.manifest, values),
            namespace,
            owner=spawner.user.name,
            server=spawner.name,
            persist=item.persist,
            shared=item.shared,
        )


async def _ensure(spawner: Any, planned: PlannedObject) -> None:
    """Create an object that does not exist, and replace one that has other content."""
    reference = planned.reference
    deadline = time.monotonic() + spawner.k8s_api_request_retry_timeout
    while True:
        existing = await kubernetes_api.read(spawner, reference)
        if existing is None:
            _use(spawner, planned, persist=planned.persist)
            if await kubernetes_api.create(spawner, reference, planned.manifest):
                return
        elif not is_of(existing, planned, spawner.user.name):
            raise _foreign(spawner, reference, existing)
        elif not is_terminating(existing):
            if _is_kept(spawner, planned, existing):
                _use(spawner, planned, persist=planned.persist or not _is_removable(spawner, reference))
                return
            if server := _user_of(spawner, reference):
                name = f"your server {server.name!r}" if server.name else "your default server"
                raise _refuse(spawner, f"the {reference} has other content, and {name} uses it: stop that first")
            if await kubernetes_api.delete(spawner, reference, existing["metadata"]["uid"]):
                continue
        if time.monotonic() > deadline:
            raise HTTPError(503, f"another {reference} is being created or removed; try again later")
        await asyncio.sleep(PAUSE_SECONDS)


def _is_kept(spawner: Any, planned: PlannedObject, existing: dict[str, Any]) -> bool:
    """Return whether an object that exists stays as it is."""
    if has_content_of(existing, planned):
        return True
    if planned.shared:
        spawner.log.warning("The shared %s has other content than the profile, and stays", planned.reference)
    return planned.shared or planned.reference.kind == CLAIM


def _is_removable(spawner: Any, reference: Reference) -> bool:
    """Return whether an object that exists may be removed after the stop.

    A claim was there before the server, with files that shall stay, unless a start of the user's has recorded that it
    is to be removed.
    """
    if reference.kind != CLAIM:
        return True
    records = [used_objects(spawner), *(read_state_safely(other.state) for other in _other_servers(spawner))]
    return any(used.reference == reference and not used.persist for record in records for used in record)


def _use(spawner: Any, planned: PlannedObject, *, persist: bool) -> None:
    """Record that a server uses an object, and save the record to the hub's database."""
    if planned.shared:
        return
    used = UsedObject(reference=planned.reference, persist=persist)
    others = [other for other in used_objects(spawner) if other.reference != planned.reference]
    _save(spawner, (*others, used))


def _save(spawner: Any, used: tuple[UsedObject, ...]) -> None:
    if used == used_objects(spawner):
        return
    setattr(spawner, USED, used)
    # The rest stays as it is: KubeSpawner (7) reads from an old state that a claim may have its old name.
    state = spawner.orm_spawner.state or spawner.get_state()
    spawner.orm_spawner.state = add_to_state(state, used)
    spawner.db.commit()


def _other_servers(spawner: Any) -> list[Any]:
    """Return the rows of the other servers of a user."""
    return [row for name, row in spawner.user.orm_spawners.items() if name != spawner.name]


def _user_of(spawner: Any, reference: Reference) -> Any:
    """Return the database row of another active server of the user that uses an object; None if no server does."""
    for row in _other_servers(spawner):
        if row.server is not None and any(used.reference == reference for used in read_state_safely(row.state)):
            return row
    return None


async def _remove(spawner: Any, keep: Collection[Reference] = ()) -> None:
    """Remove objects in the reverse order of their creation, apart from those to keep, and record it."""
    left: list[UsedObject] = []
    for used in reversed(used_objects(spawner)):
        if used.reference in keep or not await _is_done_with(spawner, used):
            left.insert(0, used)
    _save(spawner, tuple(left))


async def _is_done_with(spawner: Any, used: UsedObject) -> bool:
    """Remove an object if it is to be removed, and return False if that fails."""
    if used.persist or _user_of(spawner, used.reference):
        return True
    try:
        return await _delete(spawner, used.reference)
    except HTTPError as error:
        spawner.log.error("Not removed, to be tried at the next start or stop: %s", error.log_message)
    except Exception:
        spawner.log.exception("Not removed, to be tried at the next start or stop: the %s", used.reference)
    return False


async def _delete(spawner: Any, reference: Reference) -> bool:
    """Remove an object of the user's, and return False if another one has replaced it in between."""
    existing = await kubernetes_api.read(spawner, reference)
    if existing is None or is_terminating(existing):
        return True
    if owner_of(existing) != spawner.user.name:
        spawner.log.warning("The %s is not %s's, and stays", reference, spawner.user.name)
        return True
    spawner.log.info("Removing the %s", reference)
    return await kubernetes_api.delete(spawner, reference, existing["metadata"]["uid"])


def _foreign(spawner: Any, reference: Reference, existing: dict[str, Any]) -> HTTPError:
    """Return the refusal of a start because of an object that is not the user's; the log names whose it is."""
    spawner.log.error("The %s exists, and its owner is %r", reference, owner_of(existing))
    return _refuse(spawner, f"the {reference} exists already, and is not one that jhub made for {spawner.user.name}")


def _refuse(spawner: Any, message: str) -> HTTPError:
    spawn_failure_count.exclude_current(spawner)
    return HTTPError(409, message)
