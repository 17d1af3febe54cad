"""Time of a start with profiles, compared to one on a hub without jhub.extension.

A second hub without the extension shows the noise: the difference between two equal hubs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median, quantiles

from bench.light_hub import LightHub
from bench.many_profiles import CHOICES, OPTIONS, PROFILES, choice, slug
from bench.table import table

ROUNDS, QUICK_ROUNDS = 300, 100
WARM_UP = 5
RESAMPLES = 2_000

PLAIN, TWIN, EXTENDED = "without", "without, again", "with jhub.extension"

Seconds = dict[str, list[float]]


def options(number: int) -> dict[str, str]:
    """Return the user options of a start, different for each number."""
    chosen = {option: choice(option, (number + position) % CHOICES) for position, option in enumerate(OPTIONS)}
    return {"profile": slug(number % PROFILES), **chosen}


def measure_starts(plain: LightHub, twin: LightHub, extended: LightHub, *, quick: bool) -> bool:
    """Start servers in turn, print, and return whether the target is met."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    hubs = {PLAIN: plain, TWIN: twin, EXTENDED: extended}
    seconds: Seconds = {name: [] for name in hubs}
    for number in range(WARM_UP + rounds):
        turns = list(hubs)
        random.shuffle(turns)
        for name in turns:
            seconds[name].append(hubs[name].start(options(number)))
    seconds = {name: each[WARM_UP:] for name, each in seconds.items()}
    print(f"A start from one of {PROFILES} profiles, of a server that is there at once; {rounds} starts on each hub:\n")
    head = ["hub", "median ms", "95th percentile", "ratio", "95 % of resamples"]
    print(table(head, [_row(seconds, name) for name in hubs]))
    noise = _noise(resampled(seconds, TWIN))
    slower = ratio(seconds, EXTENDED, range(rounds)) - 1
    met = slower <= noise
    print(f"\n{'met' if met else 'NOT MET'}: a start with jhub.extension takes {slower:+.1%};", end=" ")
    print(f"two hubs alike differ by up to {noise:.1%} in this run\n")
    return met


def ratio(seconds: Seconds, name: str, rounds: Sequence[int]) -> float:
    """Return the ratio of the medians of these rounds to those of the hub without the extension."""
    return median(seconds[name][each] for each in rounds) / median(seconds[PLAIN][each] for each in rounds)


def resampled(seconds: Seconds, name: str) -> list[float]:
    """Return bootstrap samples of the ratio, sorted: rounds are resampled with replacement."""
    rounds = range(len(seconds[name]))
    return sorted(ratio(seconds, name, random.choices(rounds, k=len(rounds))) for _ in range(RESAMPLES))  # noqa: S311


def _noise(alike: Sequence[float]) -> float:
    """Return the 95th percentile of the difference between equal hubs."""
    return quantiles([abs(each - 1) for each in alike], n=20)[-1]


def _row(seconds: Seconds, name: str) -> tuple[str, ...]:
    durations = seconds[name]
    shown = (name, f"{median(durations) * 1000:.1f}", f"{quantiles(durations, n=20)[-1] * 1000:.1f}")
    if name == PLAIN:
        return (*shown, "1.00", "")
    cuts = quantiles(resampled(seconds, name), n=40)
    return (*shown, f"{ratio(seconds, name, range(len(durations))):.2f}", f"{cuts[0]:.2f} to {cuts[-1]:.2f}")
