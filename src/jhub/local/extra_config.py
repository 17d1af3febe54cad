"""Additional configuration of a local hub: Python code of its user, which runs after jhub's own configuration."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from jhub.discovery import LOOPBACK
from jhub.errors import InvalidInput

CODE_NAME = "<config>"
"""File name in errors of configuration that is not from a file."""
FIXED = {
    "JupyterHub": ("bind_url", "hub_bind_url", "ip", "port", "base_url", "hub_ip", "hub_port"),
    "TraefikProxy": ("traefik_api_url",),
    "TraefikFileProviderProxy": ("traefik_api_url",),
    "LocalTraefikProxy": ("traefik_api_url",),
}
"""Settings of the hub's addresses, which only jhub sets."""
ADDRESSES = ("ip", "api_url", "host", "bind_address")
"""Settings of other classes that are addresses to listen on, such as `Spawner.ip`."""


def check_syntax(code: str, file_name: str) -> None:
    """Raise `InvalidInput` with the line if the code is not Python."""
    try:
        compile(code, file_name, "exec")
    except SyntaxError as error:
        raise InvalidInput(f"{file_name}, line {error.lineno or 1}: {error.msg}", hint="the file is Python") from None
    except ValueError as error:  # null bytes
        raise InvalidInput(f"{file_name}: {error}", hint="the file is Python") from None


def run(c: Any, code: str, file_name: str) -> None:
    """Run the code, in which `c` is JupyterHub's configuration.

    Raises
    ------
    InvalidInput
        The code fails (the message has the line), or it changes an address of the hub or makes servers listen to other
        machines.
    """
    before = _fixed(c)

    def get_config() -> Any:
        return c

    namespace = {"c": c, "get_config": get_config, "__file__": file_name, "__name__": "jupyterhub_config"}
    try:
        exec(compile(code, file_name, "exec"), namespace)  # noqa: S102 - it is the user's own configuration
    except (Exception, SystemExit) as error:  # noqa: BLE001 - any error of the user's code
        _fail(file_name, error)
    for name, value in _fixed(c).items():
        if value != before.get(name):
            raise InvalidInput(f"{file_name} sets c.{name}: remove that line; jhub sets the addresses of a local hub")
    for name, address in _addresses(c):
        if not _is_loopback(address):
            raise InvalidInput(f"{file_name} sets c.{name} to {address!r}: a local hub listens on this machine only")


def _addresses(c: Any) -> Iterator[tuple[str, str]]:
    """Yield the addresses to listen on that other classes than the hub's own have, with their settings' names."""
    for section in c:
        for name in ADDRESSES:
            if section not in FIXED and section[:1].isupper() and name in c[section]:
                address = c[section][name]
                if isinstance(address, str):
                    yield f"{section}.{name}", address


def _fail(file_name: str, error: BaseException) -> NoReturn:
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == file_name), None)
    if isinstance(error, SyntaxError):
        line = error.lineno
    message = str(error).splitlines()[0] if str(error) else ""
    raise InvalidInput(f"{file_name}, line {line or 1}: {type(error).__name__}: {message}") from error


def _fixed(c: Any) -> dict[str, object]:
    """Return the settings of the hub's addresses that have a value."""
    return {
        f"{section}.{name}": c[section][name]
        for section, names in FIXED.items()
        if section in c
        for name in names
        if name in c[section]
    }


def _is_loopback(address: str) -> bool:
    host = (urlsplit(address).hostname or "") if "://" in address else address
    return LOOPBACK.fullmatch(host.strip("[]")) is not None


def source_name(path: Path | None) -> str:
    """Return the name of a file in errors, as the user knows it."""
    return os.fspath(path) if path is not None else CODE_NAME
