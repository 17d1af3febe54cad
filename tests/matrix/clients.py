"""Which client a test uses: both, one after the other, unless it says otherwise.

A server's start takes most of a second. Operations are written once for both clients, so a test with several starts
needs only one of them, as long as the other has its turn elsewhere.
"""

from __future__ import annotations

import pytest

ON_HUB = pytest.mark.parametrize("connect", ["Hub"], indirect=True)
ON_ASYNC_HUB = pytest.mark.parametrize("connect", ["AsyncHub"], indirect=True)
