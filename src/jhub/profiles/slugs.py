"""Slugs of profiles that give none."""

from __future__ import annotations

import re
import unicodedata


def slugify(name: str) -> str:
    """A display name in small letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
