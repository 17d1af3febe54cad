"""A hub in virtual time, for tests of fleets: it handles one request after the other, with limits and outages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from quirks import USED

from jhub.errors import Unavailable
from jhub.steps import Answer, Listen, Request
from jhub.testing import After, Reply, events, refusal, reply

NEVER = float("inf")
FULL = refusal(429, "Active user limit exceeded. Try again in a few minutes.")
GONE = Unavailable("no answer from the hub (its proxy answered 503)", status=503)
BOOM = "Spawn failed: no quota left"


@dataclass
class Spawn:
    """A start that the hub accepted."""

    began: float
    ends: float
    fails: bool
    options: object
    stops: float = NEVER
    gone: float = NEVER
    cancelled: float = NEVER


@dataclass
class BusyHub:
    """A hub in virtual time. Settings have the names of JupyterHub's, and times are in seconds."""

    spawn_time: float | Callable[[str], float] = 1.0
    concurrent_spawn_limit: int = 100
    active_server_limit: int = 0
    slow_spawn_timeout: float = 10.0
    answers_201_early: bool = False
    """True: a start that is still pending is answered with 201, as after a failed start of the same server."""
    stop_time: float = 0.0
    retry_after: int = 40
    fails: Callable[[str], bool] = lambda path: False
    refuses: dict[str, Reply] = field(default_factory=dict)
    """Answers to starts and stops by path, once each."""
    cost: float = 0.01
    """Seconds that each request blocks the hub."""
    page: int = 200
    """Users on a page of the listing."""
    others: int = 0
    """Number of servers of other people that are always starting."""
    gone: Reply = GONE
    """Answer during an outage."""
    outage: tuple[float, float] = (NEVER, NEVER)
    """Begin and end of an outage, in which the hub loses the starts in progress."""
    version: tuple[int, ...] = (6, 1, 1)
    report_activity: bool = True
    """True if a ready server has reported activity."""
    cancel_seconds: float = 1.0
    """Seconds from the cancellation of a start until the server is stopped. JupyterHub shows it ready meanwhile."""

    now: float = 0.0
    free: float = 0.0
    spawns: dict[str, list[Spawn]] = field(default_factory=dict)
    owned: dict[str, dict[str, None]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    posts: list[tuple[float, str, int]] = field(default_factory=list)
    """Time, path and status of each start."""
    max_in_progress: int = 0
    """Maximum number of servers that were starting at a time."""

    def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
        if self.outage[0] <= self.now < self.outage[1]:
            return self.gone
        self.free = max(self.free, self.now) + (self.cost / 10 if step.path == "/" else self.cost)
        at = self.free
        path = step.path.removesuffix("/progress")
        method = "LISTEN" if isinstance(step, Listen) else step.method
        self.requests[method] += 1
        if isinstance(step, Listen):
            return self._progress(path, at)
        answer = getattr(self, f"_{method.lower()}")(step, path, at)
        seconds, response = answer if isinstance(answer, tuple) else (0.0, answer)
        if at < self.outage[0] < at + seconds:
            return After(self.outage[0] - self.now, self.gone)
        return After(at - self.now + seconds, response)

    def _post(self, step: Request[Any], path: str, at: float) -> Reply | tuple[float, Reply]:
        answer = self._start(step, path, at)
        response = answer[1] if isinstance(answer, tuple) else answer
        status = response.status if isinstance(response, Answer) else 0
        self.posts.append((at, path, status))
        return answer

    def _start(self, step: Request[Any], path: str, at: float) -> Reply | tuple[float, Reply]:
        if path in self.refuses:
            return self.refuses.pop(path)
        spawn = self.last(path)
        if spawn is not None and self.state(spawn, at) == "ready":
            return refusal(400, f"{path} is already running")
        if spawn is not None and self.state(spawn, at) == "spawn":
            return reply(202)
        states = [self.state(each, at) for name in self.spawns if (each := self.last(name))]
        in_progress = states.count("spawn")
        if in_progress + self.others >= self.concurrent_spawn_limit:
            return refusal(429, "Too many users trying to log in right now.", headers={"retry-after": "40"})
        if self.active_server_limit and in_progress + states.count("ready") >= self.active_server_limit:
            return FULL
        seconds = self.spawn_time(path) if callable(self.spawn_time) else self.spawn_time
        assert isinstance(step.body, dict)
        spawn = Spawn(at, at + seconds, self.fails(path), step.body.get("user_options"))
        self.spawns.setdefault(path, []).append(spawn)
        self.owned.setdefault(path.split("/")[2], {})[path] = None
        self.max_in_progress = max(self.max_in_progress, in_progress + 1)
        if seconds >= self.slow_spawn_timeout:
            return self.slow_spawn_timeout, reply(201 if self.answers_201_early else 202)
        return seconds, refusal(500, "Internal Server Error") if spawn.fails else reply(201)

    def _delete(self, step: Request[Any], path: str, at: float) -> Reply | tuple[float, Reply]:
        spawn = self.last(path)
        if path in self.refuses:
            return self.refuses.pop(path)
        if spawn is None or self.state(spawn, at) == "stopped":
            return reply(204)
        if self.state(spawn, at) == "spawn":
            if self.version < (5, 1):
                return refusal(400, f"{path} is pending spawn")
            self.cancel(spawn, at)
            return self.cancel_seconds, reply(204)
        spawn.stops, spawn.gone = at, at + self.stop_time
        return (self.stop_time, reply(204)) if self.stop_time < 10 else (10.0, reply(202))

    def _get(self, step: Request[Any], path: str, at: float) -> Reply:
        if path == "/":
            return reply(json={"version": ".".join(map(str, self.version))})
        if path != "/users":
            _, _, user, *rest = path.split("/")
            models = self._models(user, at)
            if not rest:
                return reply(json={"name": user, "servers": models})
            name = rest[1] if len(rest) > 1 else ""
            return reply(json=models[name]) if name in models else refusal(404)
        active = [(user, models) for user in self.owned if (models := self._models(user, at))]
        offset = int(dict(step.query)["offset"])
        items = [{"name": user, "servers": models} for user, models in active[offset : offset + self.page]]
        next_page = {"offset": offset + self.page} if offset + self.page < len(active) else None
        return reply(json={"items": items, "_pagination": {"next": next_page, "total": len(active)}})

    def _progress(self, path: str, at: float) -> Reply:
        spawn = self.last(path)
        if spawn is None or self._lost(spawn, at) or spawn.gone <= at:
            return After(at - self.now, refusal(404))
        if spawn.ends < self.outage[0] or at > self.outage[1]:
            if spawn.cancelled < NEVER:
                return After(at - self.now, events({"ready": True}))
            last = {"failed": True, "message": BOOM} if spawn.fails else {"ready": True}
            seen = [{"progress": 50, "message": "pulling"}] if at < spawn.ends else []
            return After(max(at, spawn.ends) - self.now, events(*seen, last))
        return After(self.outage[0] - self.now, events())

    def cancel(self, spawn: Spawn, at: float) -> None:
        """Cancel a start, as JupyterHub 5.1 and later do: for a moment the server looks ready."""
        spawn.cancelled, spawn.gone = at, at + self.cancel_seconds

    def settle(self) -> None:
        """Make all started servers old, and restart the time."""
        self.now = self.free = 0.0
        self.requests.clear()
        self.posts.clear()
        for spawns in self.spawns.values():
            spawns[-1].began = spawns[-1].ends = -1.0

    def last(self, path: str) -> Spawn | None:
        """Return the last start of a server."""
        return self.spawns[path][-1] if path in self.spawns else None

    def state(self, spawn: Spawn, at: float) -> str:
        """Return "spawn", "ready", "stop" or "stopped"."""
        if at >= spawn.gone or self._lost(spawn, at) or (spawn.fails and at >= spawn.ends):
            return "stopped"
        if at >= spawn.cancelled:
            return "ready"
        if at >= spawn.stops:
            return "stop" if at >= spawn.ends else "spawn"
        return "ready" if at >= spawn.ends else "spawn"

    def ready(self, at: float | None = None) -> set[str]:
        """Return the paths of the servers that are ready."""
        when = self.now if at is None else at
        return {path for path in self.spawns if (each := self.last(path)) and self.state(each, when) == "ready"}

    def _lost(self, spawn: Spawn, at: float) -> bool:
        return spawn.began < self.outage[0] <= spawn.ends and at >= self.outage[0]

    def _models(self, user: str, at: float) -> dict[str, Any]:
        models: dict[str, Any] = {}
        for path in self.owned.get(user, ()):
            spawn = self.last(path)
            if spawn is None or (state := self.state(spawn, at)) == "stopped":
                continue
            name = path.partition("/servers/")[2]
            pending = None if state == "ready" else state
            models[name] = {"name": name, "ready": not pending, "pending": pending, "user_options": spawn.options}
            if not pending and self.report_activity and spawn.cancelled == NEVER:
                models[name].update(USED)
        return models
