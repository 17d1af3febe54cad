"""How long a hub takes to list somebody's profiles, by its own clock."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles

from bench.light_hub import OWNER, LightHub
from bench.many_profiles import PROFILES
from bench.table import table

WANTED_MS = 5
ROUNDS, QUICK_ROUNDS = 300, 100
WARM_UP = 10

LISTING = f"/users/{OWNER}/profiles"
PEERS = (f"/users/{OWNER}", "/user")


def listing(hub: LightHub, *, quick: bool) -> bool:
    """Ask in turn, print, and tell whether the demand is met."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    taken: dict[str, list[float]] = {path: [] for path in (LISTING, *PEERS)}
    for _ in range(WARM_UP + rounds):
        for path, seconds in taken.items():
            took, answer = hub.get(path)
            seconds.append(took * 1000)
            if path == LISTING and len(answer["profiles"]) != PROFILES:
                raise RuntimeError(f"{len(answer['profiles'])} profiles are listed, and not {PROFILES}")
    inside = {path: hub.request_ms(path)[-rounds:] for path in taken}
    rows = [(f"`GET {path}`", *_ms(inside[path]), *_ms(taken[path][-rounds:])) for path in taken]
    print(f"Listing {PROFILES} profiles; ms of the whole request by the hub's own log, and for the client:\n")
    print(table(["request", "in the hub", "95th percentile", "client", "95th percentile"], rows))
    own, own_late = _ms(hub.listing_ms()[-rounds:])
    print(f"\nOf this, to make the list: {own} ms, 95th percentile {own_late}. The rest: token, user, sending.")
    found = median(inside[LISTING])
    met = found < WANTED_MS
    print(f"{'met' if met else 'NOT MET'}: a listing takes {found:.1f} ms in the hub, below {WANTED_MS} wanted\n")
    return met


def _ms(taken: Sequence[float]) -> tuple[str, str]:
    """Median and 95th percentile."""
    return f"{median(taken):.1f}", f"{quantiles(taken, n=20)[-1]:.1f}"
