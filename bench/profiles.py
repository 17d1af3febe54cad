"""Cost of profiles for a hub: `python -m bench.profiles [--quick]`.

A real hub has 200 profiles and 50 groups, each profile for one group; a second one also has choices that are for a
group. A member of all groups lists the profiles and starts servers. Exits with 1 if a listing takes a hub 5 ms or more,
or if a start with access rules on choices is slower than on a hub without jhub.extension by more than the difference
between two hubs without it in the same run.
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
        files = (None, None, file(), file(rules_on_choices=True))
        plain, twin, extended, choices = (stack.enter_context(light_hub(server, profiles)) for profiles in files)
        print(f"JupyterHub {extended.version}, {PROFILES} profiles, {GROUPS} groups.", end=" ")
        print(f"Load of this machine before: {load:.1f} on {cores} cores.\n")
        listing_met = measure_listing(extended, "", quick=quick)
        choices_met = measure_listing(choices, ", with access rules on choices", quick=quick)
        starts_met = measure_starts(plain, twin, choices, quick=quick)
    return listing_met and choices_met and starts_met


if __name__ == "__main__":
    run(main, __doc__)
