"""`jhub login`, `logout`, `whoami`."""

from __future__ import annotations

import sys
from contextlib import suppress
from urllib.parse import urlsplit

import click
import msgspec

from jhub import contexts
from jhub.cli.kit import given
from jhub.cli.kit.exits import show
from jhub.cli.kit.options import CONTEXT, common, connect, duration, output, warn_if_beaten
from jhub.cli.kit.output import View, ago, note
from jhub.discovery import is_loopback, tidy
from jhub.errors import HubError, InvalidInput, NotAuthorized
from jhub.models import Identity

IDENTITY: View[Identity] = View(
    name=lambda who: who.name,
    columns={
        "NAME": lambda who: who.name,
        "KIND": lambda who: who.kind,
        "ADMIN": lambda who: who.admin,
        "GROUPS": lambda who: who.groups,
        "SCOPES": lambda who: who.scopes,
    },
)


@click.command()
@click.argument("url")
@click.option("-u", "--username", help="Your name on the hub; asked for if missing.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--token", "token_from", metavar="-", help="Read a token from stdin instead of signing in: --token -")
@click.option("--expires", type=duration, default="30d", show_default=True, help="When the new token ends: 8h, 30d.")
@click.option("--note", "note_", default="", help="What the hub's token page shows; names this machine by default.")
@click.option("--name", help="What to call this context; the hub's host name by default.")
@common
def login(
    url: str,
    username: str | None,
    password_stdin: bool,
    token_from: str | None,
    expires: float,
    note_: str,
    name: str | None,
) -> None:
    """Sign in to the hub at URL and remember it.

    URL is any address of the hub, such as the one in your browser. The password is asked for, or read from stdin; it
    is used once, for a token that expires, and is not kept.

    \b
    jhub login https://hub.example.org
    jhub login https://hub.example.org -u ana --password-stdin < password.txt
    jhub login https://hub.example.org --token - < token.txt
    """
    from jhub.client.sync import Hub

    if name == "":
        raise InvalidInput("a context name is missing")
    contexts.prepare()
    address = tidy(url)
    if address.startswith("http://") and not is_loopback(address):
        note("warning: this URL is plain http; passwords and tokens can be read on the way")
    if token_from is not None:
        if password_stdin:
            raise click.UsageError("--token and --password-stdin exclude each other")
        secret = given.secret("--token", token_from, "token")
        with Hub(url, secret) as hub:
            who = hub.whoami()
            context = contexts.Context(api_url=hub.api_url, user=who.name)
    else:
        with Hub(url) as door:
            api_url = door.api_url  # before a password is asked for
            username = _ask("Username", hide=False) if username is None else username
            password = _password(password_stdin)
            made = door.tokens.create_with_password(
                username, password, note=note_ or _machine(), expires_in=int(expires)
            )
        secret = made.token or ""
        with Hub(api_url, secret) as hub:
            who = hub.whoami()
        context = contexts.Context(
            api_url=api_url, user=who.name, token_id=who.token_id or made.id, expires_at=made.expires_at
        )
    name = name or urlsplit(context.api_url).netloc
    before = contexts.load().contexts.get(name)
    try:
        contexts.save(name, context, secret)
    except BaseException:
        _revoke(context, secret)  # nobody would know it
        raise
    if before is not None and before.api_url == context.api_url and before.user == context.user and before.token_id:
        _revoke(msgspec.structs.replace(context, token_id=before.token_id), secret)
    until = f"; the token ends {ago(context.expires_at)}" if context.expires_at else ""
    note(f"signed in to {context.api_url} as {who.name} (context {name}){until}")
    warn_if_beaten(name)


@click.command()
@common
def logout() -> None:
    """Revoke the token that login created, and forget it.

    \b
    jhub logout
    jhub logout -c hub.example.org
    """
    from jhub.client.sync import Hub

    name = contexts.chosen(click.get_current_context().meta.get(CONTEXT))
    context = contexts.get(name)
    if context.token_id:
        try:
            where = contexts.connection(name)
            with Hub(where.url, where.token) as hub:
                hub.tokens.revoke(context.user, context.token_id)
        except NotAuthorized:
            pass  # revoked or expired already
        except HubError as error:
            show(error)
            note("the token could not be revoked; it is forgotten here, and ends by itself")
    contexts.remove(name)
    note(f"signed out of {name}")


@click.command()
@output()
@common
def whoami(form: str) -> None:
    """Show who you are on the hub, and the scopes of your token.

    \b
    jhub whoami
    jhub whoami -o json
    """
    with connect() as hub:
        IDENTITY.one(hub.whoami(), form)


def _password(from_stdin: bool) -> str:
    if from_stdin and not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise InvalidInput("there is no password on stdin")
        return password
    return _ask("Password", hide=True)


def _revoke(context: contexts.Context, secret: str) -> None:
    """Revoke the context's token with the right of another; what was brought along has no id here, and stays."""
    from jhub.client.sync import Hub

    if context.token_id:
        with suppress(HubError), Hub(context.api_url, secret) as hub:
            hub.tokens.revoke(context.user, context.token_id)


def _ask(what: str, *, hide: bool) -> str:
    if not sys.stdin.isatty():
        raise InvalidInput(f"there is no terminal to ask for the {what.lower()}", hint="give -u and --password-stdin")
    answer: str = click.prompt(what, hide_input=hide, err=True)
    return answer


def _machine() -> str:
    import platform

    return f"jhub on {platform.node() or 'a machine without a name'}"
