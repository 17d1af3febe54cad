"""`jhub ls`, `jhub cat` and `jhub rm`: files in servers."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from jhub.cli.kit.batch import Result, accept_missing, batch, report
from jhub.cli.kit.options import common, connect, if_exists, list_output, output, require_names, yes
from jhub.cli.kit.output import Age, Layout, View, describe, escape
from jhub.cli.kit.prompts import confirm
from jhub.cli.kit.remote_path import RemotePath, paths_argument, require
from jhub.errors import NotFound
from jhub.models import Model

if TYPE_CHECKING:
    from jhub import FileInfo


class Entry(Model, frozen=True, kw_only=True):
    """A file or folder in a server, as `jhub ls` prints it."""

    path: str
    """The server and the path, as the commands take them."""
    name: str
    type: str
    size: int | None = None
    last_modified: datetime | None = None


ENTRIES: View[Entry] = View(
    name=lambda entry: entry.path,
    columns={
        "PATH": lambda entry: entry.path,
        "TYPE": lambda entry: "folder" if entry.type == "directory" else "file",
        "SIZE": lambda entry: entry.size,
        "MODIFIED": lambda entry: Age(entry.last_modified),
    },
)


@click.command()
@click.argument("paths", nargs=-1, metavar="[SERVER:PATH]...")
@list_output()
@common
def ls(paths: tuple[str, ...], layout: Layout) -> None:
    """List files and folders in servers. Without an argument, your default server.

    SERVER is USER, USER/NAME, /NAME (your own named server) or nothing (your default server). PATH begins at the
    server's top folder. Hidden files are left out, unless the server shows them.

    Access to a server cannot be read-only: it needs the scopes access:servers for this server and tokens for yourself,
    and also lets you run code as the server's owner.

    $ jhub ls ana/lab:
    $ jhub ls ana/lab:data -o json
    $ jhub ls :
    """
    remotes = [require(path) for path in paths] or [RemotePath("", "")]
    with connect() as hub:

        def entries() -> Iterable[Entry]:
            for remote in remotes:
                with remote.open(hub) as server:
                    info = server.files.info(remote.path) if remote.path else None
                    found = [info] if info is not None and not info.is_directory else server.files.list(remote.path)
                    for each in found:
                        yield _entry(remote, each)

        ENTRIES.print_list(entries(), layout)


def _entry(remote: RemotePath, info: FileInfo) -> Entry:
    return Entry(
        path=str(remote._replace(path=info.path.strip("/"))),
        name=info.name,
        type=info.type,
        size=info.size,
        last_modified=info.last_modified,
    )


@click.command()
@paths_argument
@common
def cat(paths: tuple[str, ...]) -> None:
    """Print files of servers on stdout.

    On a terminal, control characters are escaped. Otherwise the bytes are printed as they are.

    $ jhub cat ana/lab:notes.md
    $ jhub cat ana/lab:results.csv > results.csv
    """
    remotes = [require(path) for path in paths]
    with connect() as hub:
        for remote in remotes:
            with remote.open(hub) as server:
                parts = server.files.read(remote.path)
                if sys.stdout.isatty():
                    for text in codecs.iterdecode(parts, "utf-8", errors="replace"):
                        click.echo("".join(c if c in "\n\t" else escape(c) for c in text), nl=False)
                else:
                    for part in parts:
                        sys.stdout.buffer.write(part)


@click.command()
@paths_argument
@click.option("-r", "--recursive", is_flag=True, help="Delete what is in a folder too.")
@if_exists("files")
@yes
@output()
@common
def rm(paths: tuple[str, ...], recursive: bool, if_exists: bool, yes: bool, output_format: str) -> None:
    """Delete files and folders in servers. A local path is refused.

    What is deleted is gone: JupyterHub turns the trash of Jupyter Server off. A folder that is a link is refused.

    $ jhub rm ana/lab:old.csv
    $ jhub rm -r ana/lab:old
    """
    remotes = [require(path) for path in require_names(paths)]
    with connect() as hub:
        confirm(f"delete {describe('path', list(map(str, remotes)))}?", yes=yes)

        def delete(remote: RemotePath) -> Result:
            with remote.open(hub) as server:
                try:
                    server.files.delete(remote.path, recursive=recursive)
                except NotFound as error:
                    return accept_missing(error, remote, if_exists=if_exists)
            return Result(str(remote), "deleted", f"deleted {remote}")

        with batch(remotes, delete) as results:
            report(results, output_format)
