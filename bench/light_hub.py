"""A real JupyterHub without slow parts: its servers are not processes, and requests do not go through a proxy."""

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
"""Line that JupyterHub logs for a request, with the milliseconds that the hub took."""
LISTING_LINE = re.compile(r"\] listing: ([\d.]+)ms$", re.MULTILINE)
"""Line that `light_hub_process` logs for a listing, with milliseconds."""


class LightHub:
    """A running hub, called with a token of its servers' owner."""

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
        """Return the seconds of a request and the content of its answer."""
        began = time.perf_counter()
        answer = self._ask("GET", path, 200)
        return time.perf_counter() - began, answer.json()

    def start(self, options: dict[str, str]) -> float:
        """Return the seconds of a start; the server is stopped afterwards."""
        began = time.perf_counter()
        self._ask("POST", f"/users/{OWNER}/server", 201, {"user_options": options})
        seconds = time.perf_counter() - began
        self._ask("DELETE", f"/users/{OWNER}/server", 204)
        return seconds

    def request_ms(self, path: str) -> list[float]:
        """Return the milliseconds of all requests for a path so far, by the hub's own clock."""
        return [
            float(ms) for logged_path, ms in REQUEST_LINE.findall(self._read_log()) if logged_path == f"/hub/api{path}"
        ]

    def listing_ms(self) -> list[float]:
        """Return the milliseconds of all listings of profiles so far, without JupyterHub's own part."""
        return [float(ms) for ms in LISTING_LINE.findall(self._read_log())]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, status: int, body: dict[str, Any] | None = None) -> requests.Response:
        answer = self._http.request(method, self._url + path, json=body, timeout=MAX_SECONDS)
        if answer.status_code != status:
            raise RuntimeError(f"{method} {path}: expected {status}, got {answer.status_code}: {answer.text}")
        return answer

    def _read_log(self) -> str:
        self._ask("GET", "/", 200)  # a request is logged after its answer and before the next one
        return self._log.read_text()


@contextmanager
def light_hub(server: str, profiles: bytes | None) -> Iterator[LightHub]:
    """Run a hub whose servers are all at the URL `server`, with jhub.extension if there are profiles."""
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
