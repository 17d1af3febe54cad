"""Time to list the tokens of 3 000 users: `python -m bench.token_audit [--quick] [--json FILE]`.

The hub is a real one, with two tokens for each user. Every sweep runs in a fresh process with an open connection; the
contenders take turns: jhub's clients, and fixed numbers of threads that send the same requests by `requests`. Exits
with 1 if a client of jhub takes more than 1.15 of the best fixed number, by the median of the rounds' ratios. At the
end, it measures the latency of another user's small request during a sweep, which has no target.
"""

from __future__ import annotations

import os
import random
import time
from statistics import median, quantiles

from bench.command import record, run
from bench.neighbour import Neighbour
from bench.real_hub import RealHub, real_hub
from bench.table import table
from bench.token_sweep import Sweep, measure

USERS, TOKENS_PER_USER = 3_000, 2
QUICK_USERS = 600
FIXED = ("1", "2", "4", "8", "16")
TITLES = {"hub": "`Hub`", "async_hub": "`AsyncHub`"}
MAX_RATIO = 1.15
ROUNDS, QUICK_ROUNDS = 5, 3

Sweeps = dict[str, list[Sweep]]


def compare(hub: RealHub, users: int, rounds: int) -> Sweeps:
    """Measure every contender in every round."""
    sweeps: Sweeps = {contender: [] for contender in (*TITLES, *FIXED)}
    for _ in range(rounds):
        turns = list(sweeps)
        random.shuffle(turns)  # so that the after-effects of one contender do not always hit the same other one
        for contender in turns:
            sweep = measure(contender, hub)
            if sweep.users != users or sweep.tokens < (users - 1) * TOKENS_PER_USER:
                raise RuntimeError(f"{contender}: {sweep.users} of {users} users, {sweep.tokens} tokens")
            sweeps[contender].append(sweep)
    return sweeps


def best_fixed(sweeps: Sweeps) -> str:
    """Return the fixed number with the shortest median."""
    return min(FIXED, key=lambda contender: median(sweep.seconds for sweep in sweeps[contender]))


def ratio(sweeps: Sweeps, of: str, to: str) -> float:
    """Return the median of the rounds' ratios: a disturbance of a round affects both of its sweeps."""
    return median(a.seconds / b.seconds for a, b in zip(sweeps[of], sweeps[to], strict=True))


def waits_of_neighbour(hub: RealHub) -> tuple[float, float]:
    """Return the median and the 95th percentile of another user's waits during a sweep, in seconds."""
    with Neighbour(hub.near, hub.token) as neighbour:
        sweep = measure("hub", hub)
        ended = time.monotonic()
    waits = neighbour.waits(ended - sweep.seconds, ended)
    return median(waits), quantiles(waits, n=20)[-1]


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the target is met."""
    users, rounds = (QUICK_USERS, QUICK_ROUNDS) if quick else (USERS, ROUNDS)
    load, cores = os.getloadavg()[0], os.cpu_count()
    with real_hub(users, TOKENS_PER_USER) as hub:
        print(f"Tokens of {users:,} users of JupyterHub {hub.version}; {rounds} rounds.", end=" ")
        print(f"Load of this machine before: {load:.1f} on {cores} cores.\n", flush=True)
        sweeps = compare(hub, users, rounds)
        waits = waits_of_neighbour(hub)
    best = best_fixed(sweeps)
    rows: list[tuple[str, ...]] = []
    for contender, measured in sweeps.items():
        seconds = [sweep.seconds for sweep in measured]
        title = TITLES.get(contender, f"`requests`, {contender} at a time")
        span = f"{min(seconds):.2f} to {max(seconds):.2f}"
        rows.append((title, f"{median(seconds):.2f}", span, f"{ratio(sweeps, contender, best):.2f}"))
    print(table(["client", "seconds", "from, to", "to the best fixed number"], rows))
    print(f"\nAnother user's GET /user during a sweep: median {waits[0] * 1000:.0f} ms,", end=" ")
    print(f"95th percentile {waits[1] * 1000:.0f} ms.")
    record("token audit", {"sweeps": sweeps, "waits": waits})
    worst = max(ratio(sweeps, contender, best) for contender in TITLES)
    met = worst <= MAX_RATIO
    print(f"\n{'met' if met else 'NOT MET'}: jhub takes {worst:.2f} of {best} at a time, {MAX_RATIO} at most wanted\n")
    return met


if __name__ == "__main__":
    run(main, __doc__)
