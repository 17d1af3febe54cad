"""Masking of secrets in requests that are shown."""

from __future__ import annotations

from typing import cast

from jhub.models import SECRET_FIELDS

SECRET_KEYS = SECRET_FIELDS | {
    "_xsrf",
    "2fa",
    "api_token",
    "auth_token",
    "client_secret",
    "code_verifier",
    "otp",
    "password",
}
"""Keys of bodies and queries whose values are masked when a request is shown."""


def mask(value: object, key: object = "") -> object:
    """Return a value with its secrets masked; the value itself is masked if its key is in `SECRET_KEYS`."""
    if str(key).lower() in SECRET_KEYS:
        return "***"
    match value:
        case dict():
            return {name: mask(each, name) for name, each in cast("dict[object, object]", value).items()}
        case list() | tuple():
            return [mask(each) for each in cast("list[object]", value)]
        case _:
            return value
