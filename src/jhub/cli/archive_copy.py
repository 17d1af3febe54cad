"""`jhub cp --archive`: whole trees as tar streams. What comes from a server is not trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from jhub.cli.copy_places import Limits, LocalPlace, checked_name
from jhub.cli.copy_progress import CopyProgress
from jhub.cli.kit.batch import Result
from jhub.cli.kit.output import note
from jhub.errors import Conflict, HubBroken, InvalidInput
from jhub.singleuser.tar_stream import Member, leads_outside

if TYPE_CHECKING:
    from jhub.cli.copy_places import ServerPlace

    Place = LocalPlace | ServerPlace


class ArchiveCopier:
    """The copying of one tree after the other.

    Parameters
    ----------
    to, to_path
        The target.
    into
        The target is a folder, in which each source gets its own name.
    """

    def __init__(self, to: Place, to_path: str, limits: Limits, *, overwrite: bool, into: bool) -> None:
        self._to, self._to_path, self._limits = to, to_path, limits
        self._overwrite, self._into = overwrite, into
        self._sources: dict[str, str] = {}
        """The source of each path at the target."""

    def __call__(self, source: tuple[Place, str]) -> Result:
        """Copy a tree, or a file."""
        place, path = source
        kind = self._to.kind(self._to_path)
        own = place.name(path)
        named = (own,) if own not in ("", ".", "..") and (kind == "folder" or self._into) else ()
        path = path.removesuffix("/.")
        label, target = place.label(path), self._to.label(self._to.join(self._to_path, named))
        name = f"{label} -> {target}"
        if self._sources.setdefault(target, label) != label:
            message = f"{target} was copied from {self._sources[target]}, not from {label} too"
            raise Conflict(message, hint="copy them into several folders")
        with CopyProgress(name) as progress, closing(place.members(path)) as members:
            first = next(members, None)
            if first is None or first.kind not in ("folder", "file"):
                raise HubBroken("not a file or folder", about=label, status=200)
            if first.kind == "folder":
                if kind == "file":
                    raise InvalidInput(f"{self._to.label(self._to_path)} is not a folder")
                self._refuse_itself(place, path, named)
                folder = self._to_path
            else:
                named = named or (self._to.name(self._to_path),)
                folder = self._to_path if kind == "folder" or self._into else self._to.parent(self._to_path)
            checked = self._checked(first, members, named, label, progress)
            count = self._to.unpack(folder, checked, overwrite=self._overwrite)
        return Result(name, "copied", f"copied {name}: {count} {'file' if count == 1 else 'files'}")

    def _refuse_itself(self, place: Place, path: str, named: tuple[str, ...]) -> None:
        target = self._to.join(self._to_path, named)
        if place is self._to and f"{target}/".startswith(f"{path}/" if path else ""):
            raise InvalidInput(f"{place.label(path)} cannot be copied into itself")

    def _checked(
        self, first: Member, others: Iterator[Member], named: tuple[str, ...], label: str, progress: CopyProgress
    ) -> Iterator[Member]:
        """Yield the members with their names at the target, but for those that are not copied."""
        is_file = first.kind == "file"
        member: Member | None = first
        while member is not None:
            self._limits.count_file()
            if isinstance(self._to, LocalPlace):
                for each in member.names:
                    checked_name(each)
            shown = "/".join((label, *member.names))
            if member.kind == "other":
                note(f"skipped {shown}: not a regular file")
            elif member.kind == "link" and leads_outside(member):
                note(f"skipped {shown}: a link that leads outside")
            else:
                names = named if is_file else (*named, *member.names)
                content = progress.counted(self._limits.counted(member.content))
                yield member._replace(names=names, content=content)
            member = next(others, None)
            if is_file and member is not None:
                raise HubBroken("the server sent more than one file", about=label, status=200)
