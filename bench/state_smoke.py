"""Smoke test of the benchmarks of state files: `python -m bench.state_smoke`. It does not measure speed.

Exits with an error if the plan of a document that the hub agrees with has changes, or if an application fails.
"""

from __future__ import annotations

from bench import state_apply, state_plan
from bench.command import run

USERS, GROUPS = 100, 4


def main(*, quick: bool) -> bool:
    """Run both benchmarks once with few users."""
    for reading, (read,) in state_plan.readings(USERS, GROUPS, 1).items():
        print(f"{state_plan.TITLES[reading]}, {USERS} users and {GROUPS} groups: {read.seconds:.1f} s", flush=True)
    for way, (applied,) in state_apply.applications(USERS, GROUPS, 1).items():
        print(f"{state_apply.TITLES[way]} of {USERS} users and {GROUPS} groups: {applied.seconds:.1f} s", flush=True)
    return True


if __name__ == "__main__":
    run(main, __doc__)
