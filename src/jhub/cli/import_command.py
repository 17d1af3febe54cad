"""`jhub import`: add objects of the hub to a state file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from jhub.cli.completion import completers
from jhub.cli.kit.options import common, connect
from jhub.cli.kit.output import escape, note
from jhub.cli.kit.output_file import write_file
from jhub.errors import InvalidInput
from jhub.files import read_input
from jhub.state import Document, ServerEntry, UserEntry, add_entries, check

if TYPE_CHECKING:
    from jhub import Hub

FORMS = "use user/NAME, group/NAME or server/USER/NAME"


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects to import."""

    users: list[str] = field(default_factory=list[str])
    groups: list[str] = field(default_factory=list[str])
    servers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def names(self) -> list[str]:
        """Return the objects as on the command line."""
        users = [f"user/{name}" for name in self.users]
        return users + [f"group/{name}" for name in self.groups] + [f"server/{u}/{name}" for u, name in self.servers]


@click.command("import")
@click.argument("file", type=click.Path())
@click.argument("objects", nargs=-1, required=True, metavar="OBJECT...", shell_complete=completers.importable_objects)
@click.option("--dry-run", is_flag=True, help="Print the difference, and change nothing.")
@common
def import_(file: str, objects: tuple[str, ...], dry_run: bool) -> None:
    """Add objects of the hub to the state file FILE. A new file is created.

    OBJECT is user/NAME, group/NAME or server/USER/NAME. The other lines of the file stay as they are. jhub plan then
    shows no changes for these objects. Users are added to the list of protected users, so that no plan deletes them.

    If an object does not exist on the hub (exit code 5), or is in the file already (6), nothing is written.

    $ jhub import jhub.yaml group/geo user/ana
    $ jhub import jhub.yaml server/ana/lab --dry-run
    """
    requested = parse_objects(objects)
    if file.lower().endswith(".json"):
        raise InvalidInput(f"{file}: objects are added to YAML files only", hint="jhub export -o json prints JSON")
    before = _read(file)
    if before and check(file).document is None:
        raise InvalidInput(f"{file} has errors; nothing was written", hint=f"jhub validate {file} lists them")
    with connect() as hub:
        additions = _read_objects(hub, requested)
    after = add_entries(before, additions, [user.name for user in additions.users])
    if dry_run:
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), file, file, lineterm="")
        for line in lines:
            click.echo(escape(line))
        return
    write_file(file, after, overwrite=True)
    note(f"added {', '.join(requested.names())} to {file}")


def parse_objects(texts: Iterable[str]) -> Objects:
    """Return the objects that arguments such as `group/geo` name, each once."""
    objects = Objects()
    for text in dict.fromkeys(texts):
        kind, _, name = text.partition("/")
        user, slash, server = name.partition("/")
        match kind:
            case "user" if name:
                objects.users.append(name)
            case "group" if name:
                objects.groups.append(name)
            case "server" if user and slash and server:
                objects.servers.append((user, server))
            case _:
                raise InvalidInput(f"invalid object {text!r}", hint=FORMS)
    return objects


def _read(path: str) -> str:
    """Return the text of a file; nothing if it does not exist."""
    if path == "-":
        raise InvalidInput("objects are added to a file, not to stdin", hint="jhub export prints objects")
    try:
        return read_input(Path(path)).decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from None


def _read_objects(hub: Hub, objects: Objects) -> Document:
    """Return the objects as they are on the hub."""
    exported = hub.state.export(objects.groups) if objects.groups else Document()
    # An export names a common owner once. In the file, it may have to be written for each group.
    groups = tuple(replace(group, owner=group.owner or exported.owner) for group in exported.groups)
    users = tuple(_user(hub, name) for name in objects.users)
    servers = tuple(_server(hub, user, name) for user, name in objects.servers)
    return Document(users=users, groups=groups, servers=servers or None)


def _user(hub: Hub, name: str) -> UserEntry:
    user = hub.users.get(name)
    return UserEntry(name=user.name, admin=True if user.admin else None)


def _server(hub: Hub, user: str, name: str) -> ServerEntry:
    server = hub.servers.get(user, name)
    return ServerEntry.from_hub(user, name, server.user_options, server.display_name)
