"""`jhub export`: print the state of a hub, or of some groups, as a state file."""

from __future__ import annotations

import click

from jhub.cli.completion import completers
from jhub.cli.kit.options import common, connect
from jhub.cli.kit.output import note
from jhub.cli.kit.output_file import write_file
from jhub.cli.planning import reading
from jhub.errors import InvalidInput
from jhub.state import to_json, to_yaml

GROUP = "group/"
"""Beginning of the name of a group among other objects."""


@click.command()
@click.argument("objects", nargs=-1, metavar="[group/NAME]...", shell_complete=completers.group_objects)
@click.option("--out", type=click.Path(), metavar="FILE", help="Write this file instead of stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the file of --out.")
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    metavar="FORMAT",
    help="Output format: yaml or json.",
)
@common
def export(objects: tuple[str, ...], out: str | None, overwrite: bool, output_format: str) -> None:
    """Print the users, groups, members and servers of the hub as a state file, or those of some groups.

    jhub plan of this file shows no changes. Members that are not visible to the token are an error.

    $ jhub export > jhub.yaml
    $ jhub export group/geo group/bio --out courses.yaml
    """
    groups = [_group(each) for each in objects]
    with connect() as hub, reading(hub.url):
        document = hub.state.export(groups)
    text = to_json(document) if output_format == "json" else to_yaml(document)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_file(out, text, overwrite=overwrite)
        note(f"wrote {out}")


def _group(text: str) -> str:
    name = text.removeprefix(GROUP)
    if name == text or not name:
        raise InvalidInput(f"invalid object {text!r}", hint="use group/NAME")
    return name
