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

NEW_TOKEN_OPTIONS = {
    "username": "-u",
    "password_stdin": "--password-stdin",
    "scopes": "--scopes",
    "expires": "--expires",
    "note_": "--note",
}
"""Parameters that a new token is asked for with."""


def _method_option(method: Way, text: str) -> Callable[[F], F]:
    return click.option(f"--{method}", "method", flag_value=method, default=None, help=text)


@click.command()
@click.argument("url")
@click.option(
    "-u", "--username", help="Your name on the hub; asked for if missing. The browser has to sign in as that, too."
)
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from stdin; a second factor from its second line."
)
@click.option("--token", "token_from", metavar="-", help="Read a token from stdin instead of signing in: --token -")
@_method_option("form", "Sign in by the hub's login form.")
@_method_option("password", "Sign in by one call of the REST API, which refuses people who never signed in before.")
@_method_option("browser", "Sign in by the browser, as with single sign-on.")
@_method_option("paste", "Make a token on the hub's token page, and paste it.")
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
    method: Way | None,
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

    $ jhub login https://hub.example.org
    $ jhub login https://hub.example.org -u ana --password-stdin < password.txt
    $ jhub login https://hub.example.org --browser --expires 8h
    $ jhub login https://hub.example.org --scopes read:users!user,servers!user
    $ jhub login https://hub.example.org --token - < token.txt
    """
    from jhub import Hub

    explicit = _explicit_parameters()
    _refuse_conflicts(explicit, method, token_from)
    contexts.prepare(name)
    token = None if token_from is None else inputs.read_secret("--token", token_from, "token")
    with Hub(url) as client:
        api_url = client.api_url  # before anything is asked
        if method is None and not explicit & NEW_TOKEN_OPTIONS.keys():
            token = token or _environment_token(api_url)
        prompter = LoginPrompts(
            from_stdin=password_stdin, open_browser=not no_open, always_wait=method == "browser" or no_open
        )
        request = SignIn(
            api_url=api_url,
            token=token,
            username=username,
            expected=contexts.user_of(name or contexts.default_name(api_url), api_url),
            password=prompter.read_password(),
            note=note_ or "",
            expires_in=int(expires),
            scopes=scopes or None,
        )
        result = _run_sign_in(client, sign_in(request, method), prompter)
        saved = client.run(keep(result, api_url, name, narrowed=bool(scopes)))
    for text in saved.notes:
        note(text)
    until = f"; the token ends {ago(saved.context.expires_at)}" if saved.context.expires_at else ""
    note(f"signed in to {api_url} as {result.who.name} {result.how} (context {saved.name}){until}")
    warn_if_overridden(saved.name)


def _explicit_parameters() -> set[str]:
    """The parameters that were given."""
    ctx = click.get_current_context()
    if ctx.meta.get(CONTEXT_KEY):
        raise click.UsageError("a context is what jhub login makes; what to call it is --name")
    return {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}


def _refuse_conflicts(explicit: set[str], method: Way | None, token_from: str | None) -> None:
    """A usage error for what would not be listened to."""
    if token_from is not None and method is not None:
        raise click.UsageError(f"--token and --{method} exclude each other")
    chosen = f"--{method}" if token_from is None else "--token"
    # The scopes, the end and the note of a token that is brought are as they are.
    conflicting = (
        set(NEW_TOKEN_OPTIONS)
        if chosen in ("--token", "--paste")
        else {"password_stdin"}
        if chosen == "--browser"
        else set[str]()
    )
    for name, option in NEW_TOKEN_OPTIONS.items():
        if name in conflicting & explicit:
            raise click.UsageError(f"{chosen} and {option} exclude each other")


def _environment_token(api_url: str) -> str | None:
    """The token in the environment, where it is for this hub."""
    token, other_hub = environment_token(api_url)
    if other_hub:
        note(f"JUPYTERHUB_API_TOKEN is not taken: JUPYTERHUB_API_URL says that it is for {other_hub}")
    elif token:
        note("taking the token in JUPYTERHUB_API_TOKEN; to sign in instead, unset it, or choose a way such as --form")
    return token


def _run_sign_in(client: Hub, operation: Operation[SignedIn], prompter: LoginPrompts) -> SignedIn:
    """Sign in, and tell which way it goes."""
    events = client.events(operation, ask=prompter)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            result: SignedIn = end.value
            return result
        if isinstance(event, WayChosen) and event.why:
            note(event.text)
