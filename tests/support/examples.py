"""Number of examples in the tests that use hypothesis."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

LONG = "long"
"""Name of the profile of `make fuzz`."""


def examples(few: int, long: int) -> settings:
    """Return settings for `few` examples, the same in each run; with the profile `long`, for `long` random ones."""
    is_long = settings.get_current_profile_name() == LONG
    return settings(
        max_examples=long if is_long else few,
        derandomize=not is_long,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
