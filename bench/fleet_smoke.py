"""Smoke test of fleets and their benchmark: `python -m bench.fleet_smoke`. 20 starts by each strategy, limit 10.

It does not measure speed. Exits with 1 if a strategy that should lose no server loses one.
"""

from __future__ import annotations

from bench.command import run
from bench.fleet_contest import DEFAULT_LOAD, FULL_LOAD
from bench.fleet_hub import Settings, fleet_hub
from bench.fleet_start import start

SERVERS = 20
SETTINGS = Settings(users=SERVERS, delay=0.2, concurrent_spawn_limit=10)
LOSSLESS = [("one_by_one", 0), ("fixed_number", 5), ("fixed_number", 10), ("jhub", FULL_LOAD), ("jhub", DEFAULT_LOAD)]
LOSSY = ("all_at_once", 0)


def main(*, quick: bool) -> bool:
    """Run, print, and return whether no server is lost."""
    lost = 0
    with fleet_hub(SETTINGS) as hub:
        for strategy, number in [LOSSY, *LOSSLESS]:
            fleet = start(hub, strategy, SERVERS, number)
            lost += fleet.lost if (strategy, number) != LOSSY else 0
            print(f"{strategy} {number:g}: {fleet.ready} of {SERVERS} servers in {fleet.seconds:.1f} s", flush=True)
    print(f"{'NOT MET' if lost else 'met'}: {lost} servers are lost by strategies that should lose none\n")
    return not lost


if __name__ == "__main__":
    run(main, __doc__)
