"""Round trips of `server.command`: `python -m bench.command_latency [--quick] [--json FILE]`.

It runs `true` in a running server of a real hub, directly and through a relay that adds 50 ms to each round trip, with
a new client each time, and lists what is sent. Exits with 1 if the shortest takes more than seven round trips longer,
connections included.
"""

from __future__ import annotations

import logging
import re
import time
from statistics import median

from bench.command import record, run
from bench.copy_server import CopyServer, copy_server
from bench.relay import ROUND_TRIP_SECONDS, through_relay
from bench.table import table
from jhub import Hub

ROUNDS, QUICK_ROUNDS = 20, 10
MAX_ROUND_TRIPS = 7
ID = re.compile(r"(kernels|tokens)/[\w-]{2,}")


class Calls(logging.Handler):
    """The requests and connections of a client, in the order of their ends."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.calls: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note a call."""
        text = record.getMessage()
        if record.name == "jhub":
            self.calls.append(ID.sub(r"\1/…", text))
        elif text.startswith("connect_tcp.complete"):
            self.calls.append("connect")


def measure(url: str, server: CopyServer, rounds: int) -> tuple[list[float], list[str]]:
    """Return the seconds of each command, and the calls of the last one."""
    user, _, name = server.name.partition("/")
    seconds: list[float] = []
    calls = Calls()
    for number in range(1 + rounds):  # the first one imports modules, and is not counted
        calls = Calls()
        loggers = [logging.getLogger(each) for each in ("jhub", "httpcore2.connection")]
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
            logger.addHandler(calls)
        began = time.perf_counter()
        with Hub(url, server.token) as hub:
            result = hub.singleuser(user, name).command(["true"])
        took = time.perf_counter() - began
        for logger in loggers:
            logger.removeHandler(calls)
        if result.returncode != 0:
            raise RuntimeError(f"the command failed: {result}")
        if number:
            seconds.append(took)
    return seconds, calls.calls


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the target is met."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with copy_server() as server, through_relay(server.environment["JUPYTERHUB_API_URL"]) as far:
        near_seconds, _ = measure(server.environment["JUPYTERHUB_API_URL"], server, rounds)
        far_seconds, calls = measure(far, server, rounds)
    record("command", {"near": near_seconds, "far": far_seconds, "calls": calls})
    # The start of a kernel takes now 0.3 s, now 0.8 s: of many rounds, the shortest have the same one.
    near, distant = min(near_seconds), min(far_seconds)
    rows = [
        (name, f"{min(seconds) * 1000:.0f}", f"{median(seconds) * 1000:.0f}")
        for name, seconds in {"directly": near_seconds, "with 50 ms added": far_seconds}.items()
    ]
    print(table(["`true` in a server", "shortest ms", "median ms"], rows), end="\n\n")
    print("\n".join(calls), end="\n\n")
    trips = (distant - near) / ROUND_TRIP_SECONDS
    met = trips <= MAX_ROUND_TRIPS + 0.5  # a part of a round trip is the relay's own
    print(f"{'met' if met else 'NOT MET'}: {trips:.1f} round trips, at most {MAX_ROUND_TRIPS} wanted\n")
    return met


if __name__ == "__main__":
    run(main, __doc__)
