"""Whether profiles suit the spawner that this hub has."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from jhub.errors import InvalidInput
from jhub.extension.kubespawner import is_kubespawner
from jhub.profiles.model import Overrides, Profile, Profiles


def check_suits(profiles: Profiles, kind: Any, log: logging.Logger) -> None:
    """Raise InvalidInput for settings that the spawner class does not have; a start from them would fail.

    Say in the log where all of a profile is for KubeSpawner, and this is another one.
    """
    known = set(kind.class_trait_names())
    for profile in profiles.all:
        layers = list(_layers(profile))
        for layer in layers:
            names = {**layer.spawner_override, **(layer.kubespawner_override if is_kubespawner(kind) else {})}
            if unknown := [name for name in names if name not in known]:
                raise InvalidInput(
                    f"profile {profile.slug}: {kind.__name__} has no setting {', '.join(map(repr, unknown))}"
                )
        if not is_kubespawner(kind) and any(layer.kubespawner_override for layer in layers):
            log.warning("Profile %s: its kubespawner_override is not for %s", profile.slug, kind.__name__)


def _layers(profile: Profile) -> Iterator[Overrides]:
    yield profile
    for option in profile.profile_options:
        yield from option.choices
        if option.unlisted_choice is not None:
            yield option.unlisted_choice
