"""The packages of an environment, read without starting a process there."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

from matrix.launch import numbers


def version_in(environment: Path) -> tuple[int, ...]:
    """Return the version of its JupyterHub."""
    (found,) = (one.version for one in distributions(name="jupyterhub", path=_path(environment)))
    return numbers(found)


def authenticators_in(environment: Path) -> set[str]:
    """Return the names of the authenticators that its JupyterHub can use."""
    points = [point for one in distributions(path=_path(environment)) for point in one.entry_points]
    return {point.name for point in points if point.group == "jupyterhub.authenticators"}


def _path(environment: Path) -> list[str]:
    return [str(folder) for folder in environment.glob("lib/python*/site-packages")]
