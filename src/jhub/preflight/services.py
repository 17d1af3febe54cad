"""Answers to requests that change services, the proxy and the hub itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from jhub.models import Service
from jhub.preflight.hub_state import HubState, Refusal, Unreadable
from jhub.steps import Flow, Request


def create_service(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /services/{service}`."""
    name = names["service"]
    yield from state.require("admin:services", service=name)
    if (yield from state.read(request.path, Service, f"service {name}")) is not None:
        raise Refusal(409, f"Service {name} already exists")
    body: Any = request.body
    if urlsplit(body.get("url") or "http:").scheme not in ("http", "https"):
        raise Refusal(400, f"Failed to create service {name}")
    state.store(request.path, Service(name=name))
    if body.get("oauth_client_allowed_scopes"):
        yield from _check_scopes(state, body["oauth_client_allowed_scopes"])
    return {"name": name}


def delete_service(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `DELETE /services/{service}`: those of the hub's configuration cannot be deleted."""
    name = names["service"]
    yield from state.require("admin:services", service=name)
    created_here = request.path in state.objects
    service = yield from state.read(request.path, Service, f"service {name}")
    if service is None:
        raise Refusal(404, f"Service {name} does not exist")
    if service.command or service.pid:
        # The hub starts only processes of its configuration.
        raise Refusal(405, f"Service {name} is not modifiable at runtime")
    state.store(request.path, None)
    if not created_here:
        raise Unreadable(f"whether service {name} is in the hub's configuration, which this request cannot change")
    return None


def change_proxy(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST` and `PATCH /proxy`."""
    yield from state.require("proxy")
    return None


def shut_down(state: HubState, request: Request[Any], names: Mapping[str, str]) -> Flow[object]:
    """Answer `POST /shutdown`."""
    yield from state.require("shutdown")
    return None


def _check_scopes(state: HubState, requested: list[str]) -> Flow[None]:
    held = {scope.partition("!")[0] for scope in (yield from state.identity()).scopes}
    if unknown := [scope for scope in requested if scope.partition("!")[0] not in held]:
        raise Unreadable(f"whether the scopes {', '.join(unknown)} exist")
