"""Somebody else on the same hub, who asks for something small now and then."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import httpx2

EVERY = 0.05
"""Seconds from one request to the next, also while earlier ones wait: else long waits would count too little."""
AT_ONCE = 20


class Neighbour:
    """`GET /user` again and again, straight to the hub; for how long it waited each time."""

    def __init__(self, api_url: str, token: str) -> None:
        self._url = f"{api_url}/user"
        self._http = httpx2.Client(trust_env=False, timeout=60, headers={"Authorization": f"token {token}"})
        self._visits: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)

    def waits(self, began: float, ended: float) -> list[float]:
        """Seconds that each request took which was made between two moments."""
        return [seconds for at, seconds in self._visits if began <= at < ended]

    def _go(self) -> None:
        with ThreadPoolExecutor(AT_ONCE) as visitors:
            while not self._over.wait(EVERY):
                visitors.submit(self._visit, time.monotonic())

    def _visit(self, began: float) -> None:
        self._http.get(self._url).raise_for_status()
        self._visits.append((began, time.monotonic() - began))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._http.close()
