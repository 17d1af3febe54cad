"""`jhub profile`"""

from __future__ import annotations

import json

import click

from jhub.cli.kit.options import common
from jhub.cli.kit.text import clean


@click.group()
def profile() -> None:
    """Check the file of profiles that jhub.extension loads into a hub."""


@profile.command()
@click.argument("file", type=click.Path())
@common
def check(file: str) -> None:
    """Check a file of profiles, or a config.yml of the application hub.

    Prints FILE:LINE: and what is wrong there, for all that is wrong, and needs no hub. The exit code is 1 if the hub
    would not load the file; warnings do not count.

    \b
    jhub profile check profiles.yaml
    """
    from jhub.profiles import file as files

    checked = files.check(files.read_text(file))
    for problem in checked.problems:
        click.echo(clean(f"{file}:{problem.line}: {problem}"))
    if checked.profiles is None:
        raise click.exceptions.Exit(1)
    count = len(checked.profiles.all)
    click.echo(f"ok: {count} profile{'' if count == 1 else 's'}")


@profile.command()
@common
def schema() -> None:
    """Print the JSON Schema of a file of profiles.

    Editors complete and check a file by it.

    \b
    jhub profile schema > profiles.schema.json
    """
    from jhub.profiles.schema import SCHEMA

    click.echo(json.dumps(SCHEMA, indent=2))
