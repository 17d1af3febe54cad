"""`jhub login`"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from os import environ
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from jhub import contexts
from jhub.cli.kit import given
from jhub.cli.kit.options import common, duration, warn_if_beaten
from jhub.cli.kit.output import ago, note
from jhub.cli.kit.person import CommandLine
from jhub.cli.kit.scopes import scopes_option
from jhub.discovery import tidy
from jhub.errors import HubError, InvalidInput
from jhub.expiry import local_end
from jhub.login.find import sign_in
from jhub.login.questions import Taking
from jhub.login.wish import SAID, SignedIn, Way, Wish, this_machine
from jhub.steps import Plan

if TYPE_CHECKING:
    from jhub.client.sync import Hub

F = TypeVar("F", bound=Callable[..., Any])


def _way(way: Way, help_: str) -> Callable[[F], F]:
    return click.option(f"--{way}", "way", flag_value=way, default=None, help=help_)


@click.command()
@click.argument("url")
@click.option("-u", "--username", help="Your name on the hub; asked for if missing.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from stdin; a second factor from its second line."
)
@click.option("--token", "token_from", metavar="-", help="Read a token from stdin instead of signing in: --token -")
@_way("form", "Sign in by the hub's login form.")
@_way("password", "Sign in by one call of the REST API, which refuses people who never signed in before.")
@_way("browser", "Sign in by the browser, as with single sign-on.")
@_way("paste", "Make a token on the hub's token page, and paste it.")
@click.option("--no-open", is_flag=True, help="Do not open a browser; show what to open.")
@click.option("--expires", type=duration, default="30d", show_default=True, help="When the new token ends: 8h, 30d.")
@click.option("--note", "note_", help="What the hub's token page shows; names this machine by default.")
@scopes_option
@click.option("--name", help="What to call this context; the hub's host name by default.")
@common
def login(
    url: str,
    username: str | None,
    password_stdin: bool,
    token_from: str | None,
    way: Way | None,
    no_open: bool,
    expires: float,
    note_: str | None,
    scopes: tuple[str, ...],
    name: str | None,
) -> None:
    """Sign in to the hub at URL and remember it.

    URL is any address of the hub, such as the one in your browser. Without one of --form, --password, --browser and
    --paste it is found out how this hub lets people in: by its login form where it has one, else by the browser, else
    by a token that you paste. A token in JUPYTERHUB_API_TOKEN is taken first, unless JUPYTERHUB_API_URL says that it is
    another hub's. Passwords are used once, for a token that expires, and are not kept.

    \b
    jhub login https://hub.example.org
    jhub login https://hub.example.org -u ana --password-stdin < password.txt
    jhub login https://hub.example.org --browser --expires 8h
    jhub login https://hub.example.org --scopes list:users,groups
    jhub login https://hub.example.org --token - < token.txt
    """
    from jhub.client.sync import Hub

    if name == "":
        raise InvalidInput("a context name is missing")
    contexts.prepare()
    token = _given_token(token_from, way, password_stdin=password_stdin)
    with Hub(url) as door:
        api_url = door.api_url  # before anything is asked
        if token is None and way is None and username is None and not password_stdin:
            token = _token_of_the_environment(api_url)
        person = CommandLine(from_stdin=password_stdin, open_browser=not no_open, patient=way == "browser" or no_open)
        door.person = person
        door.beware()
        wish = Wish(
            api_url=api_url,
            token=token,
            username=username,
            password=person.password_on_stdin(),
            note=note_ or this_machine(),
            expires_in=int(expires),
            scopes=scopes or None,
        )
        signed = _carried_out(door, sign_in(wish, way))
        context = contexts.Context(
            api_url=api_url,
            user=signed.who.name,
            token_id=signed.token_id,
            expires_at=local_end(signed.life, datetime.now(UTC)),
        )
    name = name or urlsplit(context.api_url).netloc
    before = _kept(name)
    try:
        said = contexts.save(name, context, signed.token)
    except BaseException:
        _revoke(context, signed.token)  # nobody would know it
        raise
    if before is not None and before[0].api_url == context.api_url:
        _revoke(*before)
    if said:
        note(said)
    until = f"; the token ends {ago(context.expires_at)}" if context.expires_at else ""
    note(f"signed in to {context.api_url} as {signed.who.name} {SAID[signed.way]} (context {name}){until}")
    warn_if_beaten(name)


def _given_token(token_from: str | None, way: Way | None, *, password_stdin: bool) -> str | None:
    """The token on stdin, which is a way of its own."""
    if token_from is None:
        return None
    if password_stdin or way is not None:
        other = "--password-stdin" if password_stdin else f"--{way}"
        raise click.UsageError(f"--token and {other} exclude each other")
    return given.secret("--token", token_from, "token")


def _token_of_the_environment(api_url: str) -> str | None:
    """The token in the environment, where it is not said to be another hub's."""
    url, token = environ.get("JUPYTERHUB_API_URL"), environ.get("JUPYTERHUB_API_TOKEN")
    if not token or (url and tidy(url).rstrip("/") != api_url):
        return None
    note("taking the token in JUPYTERHUB_API_TOKEN")
    return token


def _carried_out(door: Hub, plan: Plan[SignedIn]) -> SignedIn:
    """Sign in, and tell which way it goes."""
    events = door.events(plan)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            signed: SignedIn = end.value
            return signed
        if isinstance(event, Taking) and event.why:
            note(f"{event.why}: signing in {SAID[event.way]}")


def _kept(name: str) -> tuple[contexts.Context, str] | None:
    """The context that gets replaced, and its token."""
    try:
        return contexts.get(name), contexts.connection(name).token
    except InvalidInput:
        return None  # there is none, or its token is out of reach


def _revoke(context: contexts.Context, secret: str) -> None:
    """Revoke the context's own token; what was brought along has no id here, and stays."""
    from jhub.client.sync import Hub

    if context.token_id:
        with suppress(HubError), Hub(context.api_url, secret) as hub:
            hub.tokens.revoke(context.user, context.token_id)
