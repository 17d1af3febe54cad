"""`jhub profile`: list profiles, and check profiles files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from jhub.cli.completion import completers
from jhub.cli.kit.checked_problem import PROBLEMS, CheckedProblem
from jhub.cli.kit.noun_group import NounGroup
from jhub.cli.kit.options import common, connect, list_output, output
from jhub.cli.kit.output import Layout, View, escape, note
from jhub.cli.kit.table import print_table, terminal_width
from jhub.errors import BadRequest, InvalidInput, counted
from jhub.models import Profile, ProfileOption

if TYPE_CHECKING:
    from jhub.profiles.model import Problem, Profiles

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


@click.group(cls=NounGroup)
def profile() -> None:
    """List the profiles that servers start from, and check the profiles file that jhub.extension loads."""


@profile.command("list")
@owner_option
@list_output()
@common
def list_(owner: str | None, layout: Layout) -> None:
    """List the profiles that servers can start from.

    Lists the profiles for your own servers, or for those of USER. Requires jhub.extension on the hub.

    $ jhub profile list
    $ jhub profile list -u ana -o json
    """
    with connect() as hub:
        try:
            PROFILES.print_list(hub.profiles.list(owner), layout)
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
    rows += [(f"{name}=VALUE", "", "", "") for name in selected.user_options]
    rows += [("NAME=VALUE", "", "any name", "")] if selected.any_user_options else []
    if rows:
        click.echo()
        headers = ["OPTION", "DEFAULT", "NAME", "DESCRIPTION"]
        count = len(headers) if any(description for *_, description in rows) else len(headers) - 1
        cells = [list(map(escape, row[:count])) for row in rows]
        text = [name for name in ("NAME", "DESCRIPTION") if name in headers[:count]]
        print_table(headers[:count], cells, whole=["OPTION"], text=text, max_width=terminal_width())


def _option_rows(option: ProfileOption) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each value of a profile option."""
    name = option.display_name or option.key
    for choice in option.choices:
        default = "*" if choice is option.default else ""
        yield f"{option.key}={choice.key}", default, f"{name}: {choice.display_name or choice.key}", choice.description
    if (unlisted := option.unlisted_choice) is not None:
        rule = unlisted.validation_message or (
            f"must match {unlisted.validation_regex}" if unlisted.validation_regex else ""
        )
        label = unlisted.display_name or unlisted.display_name_in_choices
        description = unlisted.description or unlisted.description_in_choices
        yield f"{option.unlisted_key}=TEXT", "", f"{name}: {label}" + (f" ({rule})" if rule else ""), description


@profile.command()
@click.argument("file", type=click.Path())
@click.option(
    "--spawner",
    metavar="CLASS",
    help="Check the settings with this spawner, such as kubespawner.KubeSpawner or simple.",
)
@click.option(
    "--config",
    metavar="CONFIG_FILE",
    type=click.Path(),
    help="Check the settings with the spawner of this jupyterhub_config.py. The file is executed.",
)
@click.option("--hub-groups", is_flag=True, help="Compare the groups in the file with those of the hub.")
@click.option("--strict", is_flag=True, help="Exit with code 7 if there are warnings.")
@output()
@common
def check(
    file: str, spawner: str | None, config: str | None, hub_groups: bool, strict: bool, output_format: str
) -> None:
    """Check a profiles file, or a config.yml of the application hub.

    Prints each problem as FILE:LINE: MESSAGE. The exit code is 1 if the hub would reject the file. Warnings do not
    change it, except with --strict.

    With --spawner or --config, it also checks the settings of the profiles, without starting a hub. The spawner's
    package must be installed. --config executes the configuration file, as a start of the hub does.

    Needs no hub, except for --hub-groups, which needs a token with the scope list:groups.

    $ jhub profile check profiles.yaml --spawner kubespawner.KubeSpawner
    $ jhub profile check profiles.yaml --config jupyterhub_config.py --strict
    """
    from jhub.profiles import group_names, kubernetes_rules, loader

    result = loader.check(loader.read_text(file))
    problems = [*result.problems, *group_names.find_mixed_case(result.readable)]
    if config is None:
        problems += kubernetes_rules.shared_namespace_problems(result.readable, warning=True)
    if spawner is not None or config is not None:
        problems += _setting_problems(result.readable, spawner, config)
    if hub_groups:
        with connect() as hub:
            names = {group.name for group in hub.groups.list()}
        problems += group_names.find_missing(result.readable, names)
    # An anchor is read as often as it is used, but its problems are printed once.
    problems = sorted(dict.fromkeys(problems), key=lambda problem: problem.line)
    checked = [
        CheckedProblem(file, each.line or None, "warning" if each.warning else "error", each.message)
        for each in problems
    ]
    if output_format == "table":
        for item, problem in zip(checked, problems, strict=True):
            click.echo(escape(f"{item.place}: {problem}"))
    else:
        PROBLEMS.print_list(checked, output_format)
    has_errors = any(not problem.warning for problem in problems)
    if not has_errors and output_format == "table":
        click.echo(f"ok: {counted(len(result.readable.all), 'profile')}")
    if spawner is None and config is None:
        note("note: settings were not checked: pass --spawner CLASS or --config jupyterhub_config.py")
    if has_errors:
        raise click.exceptions.Exit(1)
    if strict and problems:
        raise click.exceptions.Exit(7)


def _setting_problems(profiles: Profiles, spawner: str | None, config: str | None) -> list[Problem]:
    """Return the problems of the settings with a spawner, which is named or configured."""
    try:
        from jhub.extension import spawner_class, spawner_settings
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        raise InvalidInput(
            f"--spawner and --config need JupyterHub: the module {missing} is not installed",
            hint="pip install 'jhub[local]'",
        ) from error
    configuration = None if config is None else spawner_class.load_config(config)
    selected = spawner if spawner is not None else spawner_class.configured_spawner(configuration)
    cls = spawner_class.find_spawner_class(selected)
    return list(spawner_settings.find_problems(profiles, cls, configuration))


@profile.command()
@common
def schema() -> None:
    """Print the JSON Schema of profiles files, for editors.

    $ jhub profile schema > profiles.schema.json
    """
    from jhub.profiles.schema import SCHEMA

    click.echo(json.dumps(SCHEMA, indent=2))
