"""That fleets, and their benchmark, work: `python -m bench.fleet_smoke`. 20 starts by each way, at a limit of 10.

It says nothing of speed. Exits with 1 if a server is lost by a way that is not to lose any.
"""

from __future__ import annotations

from bench.command import run
from bench.fleet_contest import DEFAULT_LOAD, FULL_LOAD
from bench.fleet_hub import Settings, fleet_hub
from bench.fleet_start import start

SERVERS = 20
SETTINGS = Settings(users=SERVERS, delay=0.2, concurrent_spawn_limit=10)
CAREFUL = [("one_by_one", 0), ("so_many", 5), ("so_many", 10), ("jhub", FULL_LOAD), ("jhub", DEFAULT_LOAD)]
CARELESS = ("all_at_once", 0)


def main(*, quick: bool) -> bool:
    """Run, print, and tell whether no server is lost."""
    lost = 0
    with fleet_hub(SETTINGS) as hub:
        for way, number in [CARELESS, *CAREFUL]:
            fleet = start(hub, way, SERVERS, number)
            lost += fleet.lost if (way, number) != CARELESS else 0
            print(f"{way} {number:g}: {fleet.ready} of {SERVERS} servers in {fleet.seconds:.1f} s", flush=True)
    print(f"{'NOT MET' if lost else 'met'}: {lost} servers are lost by careful ways, none wanted\n")
    return not lost


if __name__ == "__main__":
    run(main, __doc__)
