"""Requests of the kernels and sessions API of Jupyter Server."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from jhub.errors import HubBroken, InvalidInput, NotFound
from jhub.models import Model
from jhub.singleuser.access import NO_ACTIVITY, ServerAccess
from jhub.singleuser.contents import decode
from jhub.steps import Flow, Request, Sleep, decode_nothing, segment

DELETE_PAUSES = (0.25, 0.5, 1.0, 2.0)
"""Pauses in seconds before a kernel is deleted again. Jupyter Server 2.21 answers 500 while it restarts one."""


class Kernel(Model, frozen=True, kw_only=True):
    """A kernel in a server."""

    id: str
    name: str
    """The name of its kernel specification, "python3"."""
    execution_state: str | None = None
    """The kernel's own word, "idle" or "busy"; a kernel that died may stay "busy"."""
    last_activity: datetime | None = None
    connections: int | None = None
    """Number of connections to the kernel."""


class KernelSpec(Model, frozen=True, kw_only=True):
    """A kernel specification of a server: a kind of kernel that it can start."""

    name: str
    display_name: str = ""
    language: str = ""


class KernelSession(msgspec.Struct, frozen=True):
    """A session of a server: a kernel, with a path and a name that people see in a list."""

    id: str
    path: str
    name: str = ""
    kernel: Kernel | None = None


class _Spec(msgspec.Struct):
    display_name: str = ""
    language: str = ""


class _SpecFile(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _Specs(msgspec.Struct):
    default: str = ""
    kernelspecs: dict[str, _SpecFile] = msgspec.field(default_factory=dict[str, _SpecFile])


def list_kernels(access: ServerAccess) -> Flow[tuple[Kernel, ...]]:
    """Return all kernels of the server."""
    as_kernels = partial(decode, tuple[Kernel, ...])
    return access.request("GET", "api/kernels", as_kernels, about="kernels", query=NO_ACTIVITY)


def read_kernel(access: ServerAccess, kernel_id: str) -> Flow[Kernel]:
    """Return a kernel. `NotFound` if it is gone."""
    return access.request("GET", _api(kernel_id), partial(decode, Kernel), about=_label(kernel_id))


def interrupt(access: ServerAccess, kernel_id: str) -> Flow[None]:
    """Interrupt what the kernel runs."""
    return access.request("POST", f"{_api(kernel_id)}/interrupt", decode_nothing, about=_label(kernel_id))


def restart(access: ServerAccess, kernel_id: str) -> Flow[Kernel]:
    """Restart a kernel. What it has in memory is lost."""
    return access.request("POST", f"{_api(kernel_id)}/restart", partial(decode, Kernel), about=_label(kernel_id))


def deletion(access: ServerAccess, kernel_id: str) -> Request[None]:
    """Return the request that stops a kernel."""
    label = _label(kernel_id)
    return access.bare_request("DELETE", _api(kernel_id), decode_nothing, about=label, gone_is_done=True)


def delete(access: ServerAccess, kernel_id: str) -> Flow[None]:
    """Stop a kernel. `NotFound` if it is gone."""
    pauses = iter(DELETE_PAUSES)
    while True:
        try:
            yield from access.prepare()
            yield from access.send(deletion(access, kernel_id))
        except HubBroken:
            pause = next(pauses, None)
            if pause is None:
                raise
            yield Sleep(pause)
        else:
            return


def list_specs(access: ServerAccess) -> Flow[tuple[KernelSpec, ...]]:
    """Return the kernel specifications of the server, the default one first."""
    as_specs, about = partial(decode, _Specs), "kernel specifications"
    specs = yield from access.request("GET", "api/kernelspecs", as_specs, about=about, query=NO_ACTIVITY)
    names = sorted(specs.kernelspecs, key=lambda name: (name != specs.default, name))
    return tuple(
        KernelSpec(name=name, display_name=spec.display_name, language=spec.language)
        for name in names
        for spec in (specs.kernelspecs[name].spec,)
    )


def read_language(access: ServerAccess, spec: str) -> Flow[str]:
    """Return the language of a kernel specification in lower case; empty if the server does not have it."""
    specs = yield from list_specs(access)
    return next((each.language.lower() for each in specs if each.name == spec), "")


def find_python(access: ServerAccess) -> Flow[str]:
    """Return the name of a kernel specification for Python, the default one if it is; empty if the server has none."""
    specs = yield from list_specs(access)
    return next((spec.name for spec in specs if spec.language.lower() == "python"), "")


def session_list(access: ServerAccess) -> Request[tuple[KernelSession, ...]]:
    """Return the request for the sessions of the server."""
    return access.bare_request("GET", "api/sessions", partial(decode, tuple[KernelSession, ...]), about="sessions")


def start_session(access: ServerAccess, path: str, name: str, spec: str) -> Flow[KernelSession]:
    """Start a kernel for a path that nothing else has; `spec` is "" for the server's default.

    The server returns the session that it has for the path, so that the request can be repeated.
    """
    body: dict[str, Any] = {"path": path, "name": name, "type": "console", "kernel": {"name": spec} if spec else {}}
    as_session = partial(decode, KernelSession)
    try:
        return (
            yield from access.request("POST", "api/sessions", as_session, about="kernel", body=body, repeatable=True)
        )
    except HubBroken as error:
        specs = yield from list_specs(access)
        names = [each.name for each in specs if each.name.isprintable()]
        if spec and spec not in names:
            hint = f"the server has: {', '.join(names)}" if names else "the server has none"
            raise InvalidInput(f"{access.label}: no kernel {spec!r}", hint=hint) from error
        raise


def rename_session(access: ServerAccess, session_id: str, name: str) -> Flow[None]:
    """Give a session another name."""
    path = f"api/sessions/{segment(session_id, 'session')}"
    return access.request("PATCH", path, decode_nothing, about="session", body={"name": name}, repeatable=True)


def discard(access: ServerAccess, kernel_id: str) -> Flow[None]:
    """Stop a kernel that may be gone."""
    try:
        yield from delete(access, kernel_id)
    except NotFound:
        return


def _api(kernel_id: str) -> str:
    return f"api/kernels/{segment(kernel_id, 'kernel')}"


def _label(kernel_id: str) -> str:
    return f"kernel {kernel_id}"
