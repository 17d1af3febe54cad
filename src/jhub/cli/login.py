"""`jhub login`"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from jhub.cli.kit import inputs
from jhub.cli.kit.options import CONTEXT_KEY, common, duration, scopes_option, warn_if_overridden
from jhub.cli.kit.output import ago, note
from jhub.cli.kit.prompts import LoginPrompts
from jhub.config import contexts
from jhub.login import SignIn, WayChosen, environment_token, keep, sign_in

if TYPE_CHECKING:
    from jhub import Hub, Operation
    from jhub.login import SignedIn, Way

F = TypeVar("F", bound=Callable[..., Any])

WISHES = {
    "username": "-u",
    "password_stdin": "--password-stdin",
    "scopes": "--scopes",
    "expires": "--expires",
    "note_": "--note",
}
"""Parameters that a new token is asked for with."""


def _way(way: Way, help_: str) -> Callable[[F], F]:
    return click.option(f"--{way}", "way", flag_value=way, default=None, help=help_)


@click.command()
@click.argument("url")
@click.option(
    "-u", "--username", help="Your name on the hub; asked for if missing. The browser has to sign in as that, too."
)
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
    another hub's, or a new one is asked for with -u, --scopes, --expires or --note. Passwords are used once, for a
    token that expires, and are not kept. Where the browser signs in as another user than -u says, or than whose
    context this is, you are asked whether to go on as that user; without a terminal no token is kept.

    \b
    jhub login https://hub.example.org
    jhub login https://hub.example.org -u ana --password-stdin < password.txt
    jhub login https://hub.example.org --browser --expires 8h
    jhub login https://hub.example.org --scopes read:users!user,servers!user
    jhub login https://hub.example.org --token - < token.txt
    """
    from jhub import Hub

    chosen = _chosen()
    _exclude(chosen, way, token_from)
    contexts.prepare(name)
    token = None if token_from is None else inputs.read_secret("--token", token_from, "token")
    with Hub(url) as door:
        api_url = door.api_url  # before anything is asked
        if way is None and not chosen & WISHES.keys():
            token = token or _token_of_the_environment(api_url)
        person = LoginPrompts(
            from_stdin=password_stdin, open_browser=not no_open, always_wait=way == "browser" or no_open
        )
        request = SignIn(
            api_url=api_url,
            token=token,
            username=username,
            expected=contexts.user_of(name or contexts.default_name(api_url), api_url),
            password=person.read_password(),
            note=note_ or "",
            expires_in=int(expires),
            scopes=scopes or None,
        )
        signed = _carried_out(door, sign_in(request, way), person)
        kept = door.run(keep(signed, api_url, name, narrowed=bool(scopes)))
    for said in kept.notes:
        note(said)
    until = f"; the token ends {ago(kept.context.expires_at)}" if kept.context.expires_at else ""
    note(f"signed in to {api_url} as {signed.who.name} {signed.how} (context {kept.name}){until}")
    warn_if_overridden(kept.name)


def _chosen() -> set[str]:
    """The parameters that were given."""
    ctx = click.get_current_context()
    if ctx.meta.get(CONTEXT_KEY):
        raise click.UsageError("a context is what jhub login makes; what to call it is --name")
    return {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}


def _exclude(chosen: set[str], way: Way | None, token_from: str | None) -> None:
    """A usage error for what would not be listened to."""
    if token_from is not None and way is not None:
        raise click.UsageError(f"--token and --{way} exclude each other")
    taken = f"--{way}" if token_from is None else "--token"
    # The scopes, the end and the note of a token that is brought are as they are.
    useless = (
        set(WISHES) if taken in ("--token", "--paste") else {"password_stdin"} if taken == "--browser" else set[str]()
    )
    for name, option in WISHES.items():
        if name in useless & chosen:
            raise click.UsageError(f"{taken} and {option} exclude each other")


def _token_of_the_environment(api_url: str) -> str | None:
    """The token in the environment, where it is for this hub."""
    token, other = environment_token(api_url)
    if other:
        note(f"JUPYTERHUB_API_TOKEN is not taken: JUPYTERHUB_API_URL says that it is for {other}")
    elif token:
        note("taking the token in JUPYTERHUB_API_TOKEN; to sign in instead, unset it, or choose a way such as --form")
    return token


def _carried_out(door: Hub, operation: Operation[SignedIn], person: LoginPrompts) -> SignedIn:
    """Sign in, and tell which way it goes."""
    events = door.events(operation, ask=person)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            signed: SignedIn = end.value
            return signed
        if isinstance(event, WayChosen) and event.why:
            note(event.text)
