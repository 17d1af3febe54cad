"""What the objects and pod settings of profiles need from a hub. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from jhub.profiles.kubernetes_kinds import CLAIM
from jhub.profiles.kubernetes_security import POD_KINDS, grants_permissions
from jhub.profiles.model import Path, Problem, Profile, Profiles, iter_layers
from jhub.profiles.problems import quote
from jhub.profiles.templates import USER_TEMPLATE, has_template, names_user


def permission_problems(profiles: Profiles) -> Iterator[Problem]:
    """Yield the first object of each profile that grants permissions."""
    for profile in profiles.all:
        found = next((item for item in profile.objects if grants_permissions(item.manifest)), None)
        if found:
            kind = found.kind
            if kind in POD_KINDS:
                kind += " with a service account"
            elif kind == "Secret":
                kind += " with the token of a service account"
            yield Problem(
                profiles.line(found.path),
                f"profile {profile.slug}: a {kind} needs jhub.extension.enable(c, …, rbac=True)",
            )


def claim_problems(profiles: Profiles) -> Iterator[Problem]:
    """Yield a warning for each claim that a profile would keep, and an earlier one remove, or the reverse."""
    first: dict[str, tuple[str, bool]] = {}
    for profile in profiles.all:
        for item in profile.objects:
            if item.kind != CLAIM:
                continue
            slug, persist = first.setdefault(item.name, (profile.slug, item.persist))
            if persist != item.persist:
                yield Problem(
                    profiles.line(item.path),
                    f"profile {profile.slug}: the claim {quote(item.name)} has `persist: {str(item.persist).lower()}`, "
                    f"and in profile {slug} it has not: whether its files stay depends on which of them starts first",
                    warning=True,
                )


def kubernetes_only(profile: Profile) -> Iterator[tuple[Path, str]]:
    """Yield the path of each key of a profile that only KubeSpawner can fulfil, and its name for a message.

    `kubespawner_override` is none of them.
    """
    for path in profile.kubernetes_paths:
        yield path, ".".join(path[1:])
    if not profile.has_templates:
        return
    for path, layer in iter_layers(profile):
        for name, value in layer.spawner_override.items() if layer is not profile else ():
            if has_template(value):
                place = (*path, "spawner_override", name)
                yield place, ".".join(place[1:])


def shared_namespace_problems(profiles: Profiles, *, warning: bool = False) -> Iterator[Problem]:
    """Yield a problem for each object whose name is the same for all users, with its line.

    On a hub whose users share a namespace, a server would use the objects of another user's. The problems are errors,
    or warnings if the hub is unknown. Objects that are `shared` are meant for all.
    """
    for profile in profiles.all:
        for item in profile.objects:
            if not item.shared and not names_user(item.name):
                yield Problem(
                    profiles.line(item.path),
                    f"profile {profile.slug}: the name of the {item.kind} {quote(item.name)} must contain "
                    f"{USER_TEMPLATE} where users share a namespace; or write `shared: true` if it is meant for all",
                    warning,
                )
