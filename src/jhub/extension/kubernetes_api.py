"""Calls of the Kubernetes API for objects in a namespace, by KubeSpawner's own client.

Every call has KubeSpawner's time limit, `k8s_api_request_timeout`. It is tried again, a few times, if the API is
overloaded, fails or does not answer: reading and removing are idempotent, and a creation that had an effect finds its
own object.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from kubespawner.clients import shared_client
from tornado.web import HTTPError

from jhub.extension.kubernetes_ownership import Reference
from jhub.profiles.kubernetes_kinds import KINDS

MAX_ATTEMPTS = 3
"""Maximum number of times that a call is sent."""
PAUSE_SECONDS = 0.5
"""Time before the first repetition; each further one waits twice as long."""

NOT_FOUND, CONFLICT, TOO_MANY_REQUESTS, SERVER_ERROR = 404, 409, 429, 500

METHODS = {"get": "read", "create": "create", "delete": "delete"}
"""Verbs of roles, and the beginnings of the names of the client's methods."""


async def read(spawner: Any, reference: Reference) -> dict[str, Any] | None:
    """Return an object; None if it does not exist. Raises HTTPError if the API fails."""
    found: dict[str, Any] | None = await _send(spawner, "get", reference, instead={NOT_FOUND: None})
    return found


async def create(spawner: Any, reference: Reference, manifest: dict[str, Any]) -> bool:
    """Create an object. Returns False if one of the name exists. Raises HTTPError if the API fails."""
    return await _send(spawner, "create", reference, manifest, instead={CONFLICT: None}) is not None


async def delete(spawner: Any, reference: Reference, uid: str) -> bool:
    """Remove the object with this UID, and what Kubernetes has made of it. Raises HTTPError if the API fails.

    Returns False if another object has its name. It may exist for a while longer.
    """
    # Without a policy, the pods of a job would remain.
    options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
    return await _send(spawner, "delete", reference, options, instead={NOT_FOUND: {}, CONFLICT: None}) is not None


async def ensure_namespace(spawner: Any) -> None:
    """Create the namespace of a user as KubeSpawner does later in a start. Raises HTTPError if the API fails."""
    if spawner.enable_user_namespaces:
        await repeat(spawner, "create", "namespaces", f"namespace {spawner.namespace!r}", spawner._ensure_namespace)


async def _send(
    spawner: Any,
    verb: str,
    reference: Reference,
    body: dict[str, Any] | None = None,
    *,
    instead: dict[int, Any],
) -> Any:
    """Send a request, and return the object in the response, or for some errors another value instead."""

    async def send() -> Any:
        try:
            response = await _method(spawner, verb, reference, body)
        except ApiException as error:
            if error.status not in instead:
                raise
            return instead[error.status]
        return spawner.api.api_client.sanitize_for_serialization(response)

    return await repeat(spawner, verb, KINDS[reference.kind].resource, str(reference), send)


def _method(spawner: Any, verb: str, reference: Reference, body: dict[str, Any] | None) -> Awaitable[Any]:
    """Return the coroutine of the client that sends a request for an object."""
    group, _, version = reference.api_version.rpartition("/")
    target = () if verb == "create" else (reference.name,)
    options: dict[str, Any] = {} if body is None else {"body": body}
    if not group:
        kind = re.sub(r"(?<!^)(?=[A-Z])", "_", reference.kind).lower()
        method = getattr(spawner.api, f"{METHODS[verb]}_namespaced_{kind}")
        return cast("Awaitable[Any]", method(*target, reference.namespace, **options))
    method = getattr(shared_client("CustomObjectsApi"), f"{verb}_namespaced_custom_object")
    plural = KINDS[reference.kind].resource
    return cast("Awaitable[Any]", method(group, version, reference.namespace, plural, *target, **options))


async def repeat(spawner: Any, verb: str, resource: str, label: str, send: Callable[[], Awaitable[Any]]) -> Any:
    """Return what a call returns, which is repeated if that may help. Raises HTTPError if it fails.

    The message has what an administrator must know, and nothing of the object's content.
    """
    reason = ""
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            await asyncio.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            return await asyncio.wait_for(send(), spawner.k8s_api_request_timeout)
        except ApiException as error:
            reason = f"status {error.status}"
            if error.status != TOO_MANY_REQUESTS and error.status < SERVER_ERROR:
                spawner.log.error("Kubernetes refuses to %s the %s: %s", verb, label, describe(error))
                raise HTTPError(500, refusal(error, verb, resource, label)) from None
        except TimeoutError:
            reason = f"no answer within {spawner.k8s_api_request_timeout} s"
        except (ClientError, OSError) as error:
            reason = type(error).__name__
        spawner.log.warning("Kubernetes fails to %s the %s: %s", verb, label, reason)
    raise HTTPError(503, f"the Kubernetes API failed to {verb} the {label} ({MAX_ATTEMPTS} attempts, {reason})")


def refusal(error: ApiException, verb: str, resource: str, label: str) -> str:
    """Return the message about a call that the API refuses."""
    if error.status != 403:
        return f"Kubernetes refuses to {verb} the {label} (status {error.status}): see the log of the hub"
    if "quota" in _message(error):
        return f"Kubernetes refuses to {verb} the {label}: a quota is exceeded"
    return f"the hub's service account may not {verb} {resource}: Kubernetes refuses the {label} (status 403)"


def describe(error: ApiException) -> str:
    """Return what a refusal of the API says, without values of the object, which may be secrets."""
    if error.status == 403:
        return f"status 403: {_message(error)}"
    causes = (_status(error).get("details") or {}).get("causes") or ()
    fields = [f"{cause.get('field')} ({cause.get('reason')})" for cause in causes]
    return ", ".join([f"status {error.status} {error.reason}", *fields])


def _message(error: ApiException) -> str:
    return str(_status(error).get("message", ""))


def _status(error: ApiException) -> dict[str, Any]:
    """Return the body of a refusal; empty if it is not what the API sends."""
    try:
        body: object = json.loads(error.body or "{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}
