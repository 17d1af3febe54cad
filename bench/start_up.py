"""Start-up time of `jhub`: `python -m bench.start_up [--quick] [--json FILE]`.

It compares `jhub --version` to a Python that does nothing, and `jhub group list` on a real hub to a script that makes
the same call with the same HTTP, JSON, command-line and table libraries. They take turns. Exits with 1 if the median of
the first is more than 3 times as long, or that of the second more than 1.5 times.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.command import record, run
from bench.fleet_hub import FleetHub, Settings, fleet_hub
from bench.table import table

ROUNDS, QUICK_ROUNDS = 40, 20
MAX_SECONDS = 60
GROUPS, MEMBERS = 20, 30
JHUB = str(Path(sys.executable).with_name("jhub"))
NOTHING, VERSION = "`python -I -c pass`", "`jhub --version`"
SCRIPT, LIST = "a script that lists groups", "`jhub group list`"
COMMANDS = {
    NOTHING: [sys.executable, "-I", "-c", "pass"],
    VERSION: [JHUB, "--version"],
    SCRIPT: [sys.executable, str(Path(__file__).with_name("plain_group_list.py"))],
    LIST: [JHUB, "group", "list"],
}
MAX_RATIOS = {(VERSION, NOTHING): 3.0, (LIST, SCRIPT): 1.5}

Seconds = dict[str, list[float]]


def environment(hub: FleetHub) -> dict[str, str]:
    """Return the environment of a command, with the hub's URL and a token."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("JHUB_")}
    return {**inherited, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": hub.token}


def measure(rounds: int) -> Seconds:
    """Measure the seconds until each program has ended, in every round."""
    seconds: Seconds = {name: [] for name in COMMANDS}
    with fleet_hub(Settings(users=MEMBERS)) as hub:
        hub.create_groups(GROUPS, MEMBERS)
        for number in range(1 + rounds):  # the first round compiles the modules, and is not counted
            turns = list(COMMANDS)
            random.shuffle(turns)
            for name in turns:
                began = time.perf_counter()
                subprocess.run(
                    COMMANDS[name], env=environment(hub), stdout=subprocess.DEVNULL, check=True, timeout=MAX_SECONDS
                )
                if number:
                    seconds[name].append(time.perf_counter() - began)
    return seconds


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the targets are met."""
    print(f"Start-up. Load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n", flush=True)
    seconds = measure(QUICK_ROUNDS if quick else ROUNDS)
    record("start-up", seconds)
    rows = [
        (name, *(f"{each * 1000:.0f}" for each in (median(durations), min(durations))))
        for name, durations in seconds.items()
    ]
    print(table(["program", "median ms", "shortest"], rows), end="\n\n")
    ratios = {names: median(seconds[names[0]]) / median(seconds[names[1]]) for names in MAX_RATIOS}
    for (program, other), ratio in ratios.items():
        met = "met" if ratio <= MAX_RATIOS[program, other] else "NOT MET"
        print(f"{met}: {program} takes {ratio:.2f} of {other}, at most {MAX_RATIOS[program, other]} wanted")
    print()
    return all(ratio <= MAX_RATIOS[names] for names, ratio in ratios.items())


if __name__ == "__main__":
    run(main, __doc__)
