"""Cost of profiles for a hub: `python -m bench.profiles [--quick]`.

A real hub has 200 profiles and 50 groups, each profile for one group. A member of all groups lists the profiles and
starts servers. Exits with 1 if a listing takes the hub 5 ms or more, or if a start is slower than on a hub without
jhub.extension by more than two hubs without it differ in the same run.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from bench.child import serving
from bench.command import run
from bench.light_hub import light_hub
from bench.many_profiles import GROUPS, PROFILES, file
from bench.profile_listing import measure_listing
from bench.profile_start import measure_starts


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the targets are met."""
    load, cores = os.getloadavg()[0], os.cpu_count()
    with ExitStack() as stack:
        server = stack.enter_context(serving("bench.stub_server"))
        plain, twin, extended = (stack.enter_context(light_hub(server, profiles)) for profiles in (None, None, file()))
        print(f"JupyterHub {extended.version}, {PROFILES} profiles, {GROUPS} groups.", end=" ")
        print(f"Load of this machine before: {load:.1f} on {cores} cores.\n")
        listing_met = measure_listing(extended, quick=quick)
        starts_met = measure_starts(plain, twin, extended, quick=quick)
    return listing_met and starts_met


if __name__ == "__main__":
    run(main, __doc__)
