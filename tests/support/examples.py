"""How many examples hypothesis makes."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

LONG = "long"
"""Name of the profile of `make fuzz`."""


def examples(few: int, long: int) -> settings:
    """Return the settings of a test: few examples, the same in each run; or with the profile `long` many, new ones."""
    is_long = settings.get_current_profile_name() == LONG
    return settings(
        max_examples=long if is_long else few,
        derandomize=not is_long,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
