"""`jhub profile`: list profiles, and check profiles files."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from jhub.cli.completion import completers
from jhub.cli.kit.options import common, connect, output
from jhub.cli.kit.output import View, escape, print_table
from jhub.errors import BadRequest
from jhub.models import Profile, ProfileOption

PROFILES: View[Profile] = View(
    name=lambda profile: profile.slug,
    columns={
        "PROFILE": lambda profile: profile.slug,
        "NAME": lambda profile: profile.display_name,
        "DEFAULT": lambda profile: profile.default,
        "OPTIONS": lambda profile: (*(option.key for option in profile.profile_options), *profile.user_options),
        "DESCRIPTION": lambda profile: profile.description,
    },
    optional=frozenset({"NAME", "OPTIONS", "DESCRIPTION"}),
)

owner_option = click.option(
    "-u", "--user", "owner", metavar="USER", shell_complete=completers.users, help="Profiles of USER; yours by default."
)


@click.group()
def profile() -> None:
    """List the profiles that servers start from, and check the profiles file that jhub.extension loads."""


@profile.command("list")
@owner_option
@output()
@common
def list_(owner: str | None, output_format: str) -> None:
    """List the profiles that servers can start from.

    Lists the profiles for your own servers, or for those of USER. Requires jhub.extension on the hub.

    $ jhub profile list
    $ jhub profile list -u ana -o json
    """
    with connect() as hub:
        try:
            PROFILES.print_list(hub.profiles.list(owner), output_format)
        except BadRequest as error:
            # The token is that of a service, which has no servers of its own.
            error.hint = error.hint or ("name a user with -u USER" if owner is None else "")
            raise


@profile.command()
@click.argument("slug", metavar="PROFILE", shell_complete=completers.startable_profiles)
@owner_option
@output()
@common
def show(slug: str, owner: str | None, output_format: str) -> None:
    """Show a profile and its options.

    OPTION lists the values for --option of jhub server start. * marks the default choices.

    $ jhub profile show gpu
    $ jhub profile show gpu -u ana
    """
    with connect() as hub:
        selected = hub.profiles.get(slug, owner)
    if output_format != "table":
        PROFILES.print_item(selected, output_format)
        return
    columns = {name: column for name, column in PROFILES.columns.items() if name != "OPTIONS"}
    View(PROFILES.name, columns, PROFILES.optional).print_item(selected, output_format)
    rows = [row for option in selected.profile_options for row in _option_rows(option)]
    rows += [(f"{name}=VALUE", "", "") for name in selected.user_options]
    if rows:
        click.echo()
        print_table(["OPTION", "DEFAULT", "NAME"], rows)


def _option_rows(option: ProfileOption) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each value of a profile option."""
    name = option.display_name or option.key
    for choice in option.choices:
        default = "*" if choice is option.default else ""
        yield f"{option.key}={choice.key}", default, f"{name}: {choice.display_name or choice.key}"
    if (unlisted := option.unlisted_choice) is not None:
        rule = unlisted.validation_message or (
            f"must match {unlisted.validation_regex}" if unlisted.validation_regex else ""
        )
        label = unlisted.display_name or unlisted.display_name_in_choices
        yield f"{option.unlisted_key}=TEXT", "", f"{name}: {label}" + (f" ({rule})" if rule else "")


@profile.command()
@click.argument("file", type=click.Path())
@common
def check(file: str) -> None:
    """Check a profiles file, or a config.yml of the application hub.

    Prints each problem as FILE:LINE: MESSAGE. Needs no hub. The exit code is 1 if the hub would reject the file;
    warnings do not change it.

    $ jhub profile check profiles.yaml
    """
    from jhub.profiles import loader

    result = loader.check(loader.read_text(file))
    for problem in result.problems:
        click.echo(escape(f"{file}:{problem.line}: {problem}"))
    if result.profiles is None:
        raise click.exceptions.Exit(1)
    count = len(result.profiles.all)
    click.echo(f"ok: {count} profile{'' if count == 1 else 's'}")


@profile.command()
@common
def schema() -> None:
    """Print the JSON Schema of profiles files, for editors.

    $ jhub profile schema > profiles.schema.json
    """
    from jhub.profiles.schema import SCHEMA

    click.echo(json.dumps(SCHEMA, indent=2))
