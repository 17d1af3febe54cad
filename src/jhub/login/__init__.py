"""Ways to get a token, each a flow in a file of its own; `find` takes the one that the hub has."""

from typing import Literal, TypeAlias

Way: TypeAlias = Literal["password", "form", "browser", "paste"]
"""A way to sign in: see `Hub.login`."""
