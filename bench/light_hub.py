"""A real JupyterHub with nothing around it that takes time: its servers are no processes, and nothing goes through a
proxy.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from bench.child import serving

OWNER = "ana"
MAX_SECONDS = 30
REQUEST_LINE = re.compile(r"\] 200 GET (\S+) \(\S+\) ([\d.]+)ms$", re.MULTILINE)
"""The line that JupyterHub logs for a request, with its own milliseconds for it."""
LISTING_LINE = re.compile(r"\] listing: ([\d.]+)ms$", re.MULTILINE)
"""The line of `light_hub_process`."""


class LightHub:
    """A hub that runs, asked by the owner of its servers with a token of their own."""

    def __init__(self, url: str, operator: str, folder: Path) -> None:
        self._url = url
        self._log = folder / "hub.log"
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"token {operator}"
        self.version: str = self._ask("GET", "/", 200).json()["version"]
        token = self._ask("POST", f"/users/{OWNER}/tokens", 201, {"note": "benchmark"}).json()
        self._http.headers["Authorization"] = f"token {token['token']}"

    def get(self, path: str) -> tuple[float, Any]:
        """Seconds that an answer takes, and what it is."""
        began = time.perf_counter()
        answer = self._ask("GET", path, 200)
        return time.perf_counter() - began, answer.json()

    def start(self, options: dict[str, str]) -> float:
        """Seconds that a start takes; the server is stopped again."""
        began = time.perf_counter()
        self._ask("POST", f"/users/{OWNER}/server", 201, {"user_options": options})
        seconds = time.perf_counter() - began
        self._ask("DELETE", f"/users/{OWNER}/server", 204)
        return seconds

    def request_ms(self, path: str) -> list[float]:
        """Milliseconds that requests so far took, by the hub's own clock: from their first line to the answer."""
        return [
            float(ms) for logged_path, ms in REQUEST_LINE.findall(self._read_log()) if logged_path == f"/hub/api{path}"
        ]

    def listing_ms(self) -> list[float]:
        """Milliseconds of these that went into making lists of profiles."""
        return [float(ms) for ms in LISTING_LINE.findall(self._read_log())]

    def close(self) -> None:
        """Ask no more."""
        self._http.close()

    def _ask(self, method: str, path: str, status: int, body: dict[str, Any] | None = None) -> requests.Response:
        answer = self._http.request(method, self._url + path, json=body, timeout=MAX_SECONDS)
        if answer.status_code != status:
            raise RuntimeError(f"{method} {path}: {answer.status_code}, and not {status}: {answer.text}")
        return answer

    def _read_log(self) -> str:
        self._ask("GET", "/", 200)  # a request is logged after its answer, and before the next one
        return self._log.read_text()


@contextmanager
def light_hub(server: str, profiles: bytes | None) -> Iterator[LightHub]:
    """A hub whose servers are all at that URL, with jhub.extension if there are profiles."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if profiles is not None:
            (folder / "profiles.yaml").write_bytes(profiles)
        with serving("bench.light_hub_process", name, server) as announced:
            url, operator = announced.split()
            hub = LightHub(url, operator, folder)
            try:
                yield hub
            finally:
                hub.close()
