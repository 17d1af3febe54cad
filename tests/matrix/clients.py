"""Marks for tests that use one client only; other tests run with both, one after the other.

A server's start takes most of a second. Operations are declared once for both clients, so a test with several starts
needs only one of them, as long as other tests cover the other.
"""

from __future__ import annotations

import pytest

ON_HUB = pytest.mark.parametrize("connect", ["Hub"], indirect=True)
ON_ASYNC_HUB = pytest.mark.parametrize("connect", ["AsyncHub"], indirect=True)
