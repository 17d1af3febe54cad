"""Another user of the same hub, with a small request at regular intervals."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import httpx2

INTERVAL_SECONDS = 0.05
"""Seconds between requests, also while earlier ones wait; otherwise long waits would be underrepresented."""
MAX_IN_FLIGHT = 20


class Neighbour:
    """Repeated `GET /user`, straight to the hub, with the latency of each request."""

    def __init__(self, api_url: str, token: str) -> None:
        self._url = f"{api_url}/user"
        self._http = httpx2.Client(trust_env=False, timeout=60, headers={"Authorization": f"token {token}"})
        self._waits: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def waits(self, began: float, ended: float) -> list[float]:
        """Return the seconds of the requests that were sent between two times."""
        return [seconds for at, seconds in self._waits if began <= at < ended]

    def _run(self) -> None:
        with ThreadPoolExecutor(MAX_IN_FLIGHT) as threads:
            while not self._stop.wait(INTERVAL_SECONDS):
                threads.submit(self._request, time.monotonic())

    def _request(self, began: float) -> None:
        self._http.get(self._url).raise_for_status()
        self._waits.append((began, time.monotonic() - began))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._http.close()
