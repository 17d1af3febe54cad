"""`jhub cp`: copy files to, from and between servers."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

import click

from jhub.cli.archive_copy import ArchiveCopier
from jhub.cli.copy_places import Found, Limits, LocalPlace, ServerPlace
from jhub.cli.copy_progress import CopyProgress
from jhub.cli.kit.batch import Result, batch, report
from jhub.cli.kit.options import common, connect, output
from jhub.cli.kit.remote_path import HINT, RemotePath, parse
from jhub.errors import Conflict, HubError, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from jhub import Hub, Target

    Place = LocalPlace | ServerPlace

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
"""Sizes of the units of --max-size, in bytes."""

FILES_AT_A_TIME = 4
"""Number of small files that are copied at a time. A server does one thing after the other: more gain little."""
MAX_SMALL_BYTES = 512 * 2**10
"""Maximum size of a small file in bytes: that of one request."""


class Copy(NamedTuple):
    """A file to copy, and where to."""

    source: Place
    found: Found
    folder: str
    """The path at the target, to which `names` are added."""
    names: tuple[str, ...]


def _bytes_of(text: str) -> int:
    """Return the number of bytes of a size such as 500M."""
    match = re.fullmatch(r"(\d{1,12})([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise click.BadParameter(f"invalid size {text!r}: use a number with K, M, G or T, such as 500M")
    return int(match[1]) * UNITS[match[2].upper()]


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.argument("target", metavar="TARGET")
@click.option("-r", "--recursive", is_flag=True, help="Copy folders, with what is in them.")
@click.option(
    "-a", "--archive", is_flag=True, help="Copy folders with hidden files, links, modes and times. Implies -r."
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--update", is_flag=True, help="Replace files that differ, and skip those that are the same.")
@click.option(
    "--max-files",
    type=click.IntRange(min=1),
    default=10_000,
    metavar="N",
    help="Maximum number of files. Default: 10000.",
)
@click.option(
    "--max-size", type=_bytes_of, default="10G", metavar="SIZE", help="Maximum size in all, such as 500M. Default: 10G."
)
@output()
@common
def cp(
    sources: tuple[str, ...],
    target: str,
    recursive: bool,
    archive: bool,
    overwrite: bool,
    update: bool,
    max_files: int,
    max_size: int,
    output_format: str,
) -> None:
    """Copy files to, from and between servers.

    A path in a server is USER/NAME:PATH, USER:PATH, /NAME:PATH (your own named server) or :PATH (your default server);
    it begins at the server's top folder. An argument without a colon is a path on this machine; one with a colon in it
    begins with ./, ~ or the path of a folder.

    If TARGET is a folder that exists, a source gets there by its own name, as with cp; "course/." copies what is in
    course. A file arrives as a whole or not at all, and what arrived is checked. Of a local folder, hidden files and
    links are left out; modes and times are not copied. Nothing from a server is written outside TARGET.

    --archive copies these too, as a tar stream. A Python program in the server packs or unpacks it, so the server needs
    a Python kernel. Links that lead outside and devices are left out, and so are permissions of others to write.

    $ jhub cp notebook.ipynb ana/lab:
    $ jhub cp -r course ana/lab: --update
    $ jhub cp -r ana/lab:results bo/lab:data ./collected
    $ jhub cp --archive ana/lab:project ./backup
    """
    limits = Limits(max_files, max_size)
    with connect() as hub, ExitStack() as servers:
        places = _Places(hub, servers)
        to, to_path = places.of(target)
        froms = [places.of(source) for source in sources]
        if isinstance(to, LocalPlace) and any(isinstance(place, LocalPlace) for place, _ in froms):
            raise InvalidInput("neither the source nor the target is in a server", hint=HINT)
        _refuse_whole_servers(froms, to)
        into = len(sources) > 1 or target.endswith(("/", ":"))
        if archive:
            copy_all = ArchiveCopier(to, to_path, limits, overwrite=overwrite or update, into=into)
            with batch(takewhile(lambda _: not limits.reached, froms), copy_all) as results:
                report(results, output_format)
            return
        copies = takewhile(lambda _: not limits.reached, _plan(froms, to, to_path, recursive, into=into))
        copier = _Copier(to, to_path, limits, overwrite=overwrite, update=update)
        pool = servers.enter_context(ThreadPoolExecutor(FILES_AT_A_TIME))
        servers.callback(limits.stop)  # the pool waits for the files in flight
        with batch(_ahead(copies, copier, pool), lambda copy: copy()) as results:
            report(results, output_format)


def _refuse_whole_servers(froms: list[tuple[Place, str]], to: Place) -> None:
    """Raise `InvalidInput` for `cp FILE ana/lab: bo/lab:`, which would copy the files of ana to bo."""
    for place, path in froms if len(froms) > 1 and isinstance(to, ServerPlace) else ():
        if isinstance(place, ServerPlace) and not path.strip("/."):
            raise InvalidInput(
                f"{place.label(path)} is a whole server, and only the last argument is the target",
                hint="to send a file to several servers, use a command for each of them",
            )


class _Copier:
    """The copying of one file after the other."""

    def __init__(self, to: Place, to_path: str, limits: Limits, *, overwrite: bool, update: bool) -> None:
        self._to, self._to_path, self._limits = to, to_path, limits
        self._overwrite, self._update = overwrite or update, update
        self._sources: dict[str, str] = {}
        """The source of each path at the target."""

    def prepare(self, each: Copy | HubError) -> Callable[[], Result]:
        """Return the function that copies a file, or creates a folder."""
        if isinstance(each, HubError):
            raise each
        self._limits.count_file()
        path = self._to.join(each.folder, each.names)
        source, target = each.source.label(each.found.path), self._to.label(path)
        if not each.found.is_folder and self._sources.setdefault(path, source) != source:
            message = f"{target} was copied from {self._sources[path]}, not from {source} too"
            raise Conflict(message, hint="copy them into several folders")
        return partial(self._do, each, path, f"{source} -> {target}")

    def _do(self, each: Copy, path: str, name: str) -> Result:
        if each.found.is_folder:
            if self._to.kind(path) == "folder":
                return Result(name, "unchanged", f"unchanged {name}")
            self._to.make_folder(path, self._to_path)
            return Result(name, "created", f"created {self._to.label(path)}")
        if self._update and _is_same(each, self._to, path):
            return Result(name, "unchanged", f"unchanged {name}")
        self._copy(each, path, name)
        return Result(name, "copied", f"copied {name}")

    def _copy(self, each: Copy, path: str, name: str) -> None:
        if isinstance(each.source, LocalPlace) and isinstance(self._to, ServerPlace):
            each.source.send(each.found.path, self._to, path, self._limits, name, overwrite=self._overwrite)
        else:
            with CopyProgress(name) as progress:
                parts = progress.counted(self._limits.counted(each.source.parts(each.found.path)))
                self._to.write(path, parts, self._to_path, overwrite=self._overwrite)


def _ahead(
    copies: Iterable[Copy | HubError], copier: _Copier, pool: ThreadPoolExecutor
) -> Iterator[Callable[[], Result]]:
    """Yield the functions that copy, in order. Small files are copied ahead, a few at a time.

    Ctrl-C does not interrupt these, and they take no time; large ones are copied where it does.
    """
    waiting: deque[Callable[[], Result]] = deque()
    for each in copies:
        try:
            copy = copier.prepare(each)
        except HubError as error:
            waiting.append(partial(_fail, error))
        else:
            small = isinstance(each, Copy) and each.found.size is not None and each.found.size <= MAX_SMALL_BYTES
            waiting.append(pool.submit(copy).result if small else copy)
        if len(waiting) > FILES_AT_A_TIME:
            yield waiting.popleft()
    yield from waiting


def _fail(error: HubError) -> Result:
    raise error


class _Places:
    """The places of this command. Each server gets one token, which is revoked at the end."""

    def __init__(self, hub: Hub, stack: ExitStack) -> None:
        self._hub, self._stack = hub, stack
        self._known: dict[Target, ServerPlace] = {}
        self._here = LocalPlace()

    def of(self, argument: str) -> tuple[Place, str]:
        """Return the place of an argument, and the path in it."""
        remote = parse(argument)
        if argument == "-":
            raise InvalidInput("cp does not read stdin or print files", hint="use jhub cat; for a file, write ./-")
        if remote is None:
            return self._here, argument
        return self._server(remote), remote.path

    def _server(self, remote: RemotePath) -> ServerPlace:
        target = remote.target(self._hub)
        if target not in self._known:
            server = self._stack.enter_context(self._hub.singleuser(target.user, target.name))
            self._known[target] = ServerPlace(server, remote.server)
        return self._known[target]


def _plan(
    froms: list[tuple[Place, str]], to: Place, to_path: str, recursive: bool, *, into: bool
) -> Iterator[Copy | HubError]:
    """Yield the copies, and the errors of sources that cannot be copied."""
    kind = to.kind(to_path)
    if into and kind == "file":
        raise InvalidInput(f"{to.label(to_path)} is not a folder")
    for place, path in froms:
        try:
            yield from _plan_one(place, path, to, to_path, recursive, kind=kind, into=into)
        except Unavailable:
            raise
        except HubError as error:
            yield error


def _plan_one(
    place: Place, path: str, to: Place, to_path: str, recursive: bool, *, kind: str, into: bool
) -> Iterator[Copy]:
    """Yield the copies of a source. As with cp, an existing target folder gets it by its own name."""
    own = place.name(path)
    path = path.removesuffix("/.")
    named = (own,) if own not in ("", ".", "..") and (kind == "folder" or into) else ()
    match place.kind(path):
        case "folder" if not recursive:
            raise InvalidInput(f"{place.label(path)} is a folder", hint="to copy it, pass -r")
        case "folder":
            if kind == "file":
                raise InvalidInput(f"{to.label(to_path)} is not a folder")
            if place is to and f"{to.join(to_path, named)}/".startswith(f"{path}/" if path else ""):
                raise InvalidInput(f"{place.label(path)} cannot be copied into itself")
            for found in place.walk(path):
                yield Copy(place, found, to_path, (*named, *found.names))
        case "file":
            if place is to and to.join(to_path, named) == path:
                raise InvalidInput(f"{place.label(path)} cannot be copied to itself")
            yield Copy(place, Found(path, ()), to_path, named)
        case _:
            raise NotFound("not found", about=place.label(path), status=404)


def _is_same(each: Copy, to: Place, path: str) -> bool:
    """Return whether the file is there already, with the same hash. The size of a link in a server is its own."""
    if to.kind(path) != "file":
        return False
    there = to.digest(path)
    return there != "" and there == each.source.digest(each.found.path)
