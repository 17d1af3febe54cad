"""Time of a hub to list a user's profiles, by the hub's own clock."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles

from bench.light_hub import OWNER, LightHub
from bench.many_profiles import PROFILES
from bench.table import table

MAX_MEDIAN_MS = 5
ROUNDS, QUICK_ROUNDS = 300, 100
WARM_UP = 10

LISTING = f"/users/{OWNER}/profiles"
OTHER_REQUESTS = (f"/users/{OWNER}", "/user")


def measure_listing(hub: LightHub, kind: str, *, quick: bool) -> bool:
    """Send the requests in turn, print, and return whether the target is met."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    durations: dict[str, list[float]] = {path: [] for path in (LISTING, *OTHER_REQUESTS)}
    for _ in range(WARM_UP + rounds):
        for path, seconds in durations.items():
            duration, answer = hub.get(path)
            seconds.append(duration * 1000)
            if path == LISTING and len(answer["profiles"]) != PROFILES:
                raise RuntimeError(f"{len(answer['profiles'])} profiles are listed instead of {PROFILES}")
    hub_durations = {path: hub.request_ms(path)[-rounds:] for path in durations}
    rows = [(f"`GET {path}`", *_ms(hub_durations[path]), *_ms(durations[path][-rounds:])) for path in durations]
    print(f"Listing {PROFILES} profiles{kind}; ms of the whole request by the hub's own log, and for the client:\n")
    print(table(["request", "in the hub", "95th percentile", "client", "95th percentile"], rows))
    listing_median, listing_p95 = _ms(hub.listing_ms()[-rounds:])
    print(f"\nOf this, to make the list: {listing_median} ms, 95th percentile {listing_p95}.", end=" ")
    print("The rest: token, user, sending.")
    median_ms = median(hub_durations[LISTING])
    met = median_ms < MAX_MEDIAN_MS
    print(
        f"{'met' if met else 'NOT MET'}: a listing takes {median_ms:.1f} ms in the hub, below {MAX_MEDIAN_MS} wanted\n"
    )
    return met


def _ms(durations: Sequence[float]) -> tuple[str, str]:
    """Return median and 95th percentile."""
    return f"{median(durations):.1f}", f"{quantiles(durations, n=20)[-1]:.1f}"
