"""The spawner class of a hub, from its name or from the hub's configuration, without starting a hub."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import entry_points
from os import PathLike
from typing import Any

from jupyterhub.spawner import Spawner
from traitlets.config.loader import PyFileConfigLoader

from jhub.errors import InvalidInput
from jhub.extension import reads_configuration_only

ENTRY_POINTS = "jupyterhub.spawners"
"""Group of entry points with the short names of spawners."""
DEFAULT = "jupyterhub.spawner.LocalProcessSpawner"
"""JupyterHub's own default."""
PACKAGES = {
    "batchspawner": "batchspawner",
    "docker": "docker",
    "dockerspawner": "dockerspawner",
    "kubernetes_asyncio": "kubernetes_asyncio",
    "kubespawner": "jupyterhub-kubespawner",
    "sudospawner": "sudospawner",
    "systemdspawner": "jupyterhub-systemdspawner",
    "wrapspawner": "wrapspawner",
    "yarnspawner": "jupyterhub-yarnspawner",
}
"""Packages of the modules of well-known spawners. A misspelt name must not become advice to install it."""


def load_config(path: str | PathLike[str]) -> Any:
    """Execute a `jupyterhub_config.py` and return its configuration. What it prints goes to stderr.

    Raises InvalidInput if it fails.
    """
    file = os.path.abspath(path)
    if not os.path.isfile(file):
        raise InvalidInput(f"no such configuration file: {file}")
    token = reads_configuration_only.set(True)
    try:
        with redirect_stdout(sys.stderr):
            return PyFileConfigLoader(file).load_config()
    except (Exception, SystemExit) as error:
        raise InvalidInput(f"cannot load {file}: {type(error).__name__}: {error}") from error
    finally:
        reads_configuration_only.reset(token)


def configured_spawner(config: Any) -> Any:
    """Return the class or the name that a configuration has as `JupyterHub.spawner_class`, or JupyterHub's default."""
    return config.JupyterHub.get("spawner_class") or DEFAULT


def find_spawner_class(spawner: Any) -> Any:
    """Return the class that `JupyterHub.spawner_class` would be for a dotted name, a short name or a class.

    Raises InvalidInput if it cannot be imported, or is not a spawner.
    """
    found: Any = _import_class(spawner) if isinstance(spawner, str) else spawner
    if not (isinstance(found, type) and issubclass(found, Spawner)):
        raise InvalidInput(f"{spawner} is not a spawner class")
    return found


def _import_class(name: str) -> Any:
    short_names = {point.name.lower(): point for point in entry_points(group=ENTRY_POINTS)}
    point = short_names.get(name.lower())
    module, _, attribute = (point.value.replace(":", ".") if point else name).rpartition(".")
    if not module or not attribute:
        raise InvalidInput(
            f"no spawner is called {name!r}",
            hint=f"use a class such as kubespawner.KubeSpawner, or one of {', '.join(sorted(short_names))}",
        )
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        package = PACKAGES.get(missing)
        raise InvalidInput(
            f"cannot import the spawner {name}: the module {missing} is not installed",
            hint=f"pip install {package}" if package else "correct the name, or install the package of the module",
        ) from error
    except AttributeError:
        raise InvalidInput(f"cannot import the spawner {name}: {module} has no {attribute}") from None
    except Exception as error:
        raise InvalidInput(f"cannot import the spawner {name}: {type(error).__name__}: {error}") from error
