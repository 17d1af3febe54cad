"""`jhub login`: sign in to a hub and save the token as a context."""

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
from jhub.login import MethodChosen, SignInRequest, environment_token, save_context, sign_in

if TYPE_CHECKING:
    from jhub import Hub, Operation
    from jhub.login import LoginMethod, SignInResult

F = TypeVar("F", bound=Callable[..., Any])

NEW_TOKEN_OPTIONS = {
    "username": "-u",
    "password_stdin": "--password-stdin",
    "scopes": "--scopes",
    "expires": "--expires",
    "note_": "--note",
}
"""Parameters that ask for a new token, and their options."""


def _method_option(method: LoginMethod, text: str) -> Callable[[F], F]:
    return click.option(f"--{method}", "method", flag_value=method, default=None, help=text)


@click.command()
@click.argument("url")
@click.option(
    "-u", "--username", help="Your username on the hub; you are asked if it is missing. --browser must sign in as it."
)
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from stdin, and a second factor from its second line."
)
@click.option("--token", "token_from", metavar="-", help="Read a token from stdin instead of signing in.")
@_method_option("form", "Sign in through the hub's login form.")
@_method_option("password", "Sign in through the REST API, which refuses users who never signed in before.")
@_method_option("browser", "Sign in with the browser, for example for single sign-on.")
@_method_option("paste", "Create a token on the hub's token page and paste it.")
@click.option("--no-open", is_flag=True, help="Print the address instead of opening a browser.")
@click.option(
    "--expires", type=duration, default="30d", show_default=True, help="Lifetime of the new token, such as 8h or 30d."
)
@click.option("--note", "note_", help="Note on the hub's token page; by default it names this machine.")
@scopes_option
@click.option("--name", help="Name of the context; by default the hub's host name.")
@common
def login(
    url: str,
    username: str | None,
    password_stdin: bool,
    token_from: str | None,
    method: LoginMethod | None,
    no_open: bool,
    expires: float,
    note_: str | None,
    scopes: tuple[str, ...],
    name: str | None,
) -> None:
    """Sign in to the hub at URL and save the token.

    URL is any address of the hub, such as the one in your browser.

    jhub picks the sign-in method that the hub supports: its login form, else the browser, else a token that you paste.
    --form, --password, --browser and --paste choose a method. A token in JUPYTERHUB_API_TOKEN comes first, unless
    JUPYTERHUB_API_URL names another hub, or -u, --scopes, --expires or --note ask for a new token.

    Your password is used once, to get a token that expires, and is not stored. If the browser signs in as another user
    than the one of -u or of the context, you are asked whether to continue; without a terminal no token is saved.

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
        api_url = client.api_url  # raises before any question if URL is not a hub
        if method is None and not explicit & NEW_TOKEN_OPTIONS.keys():
            token = token or _environment_token(api_url)
        prompter = LoginPrompts(
            from_stdin=password_stdin, open_browser=not no_open, always_wait=method == "browser" or no_open
        )
        request = SignInRequest(
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
        saved = client.run(save_context(result, api_url, name, narrowed=bool(scopes)))
    for text in saved.notes:
        note(text)
    until = f"; the token expires {ago(saved.context.expires_at)}" if saved.context.expires_at else ""
    note(f"signed in to {api_url} as {result.who.name} {result.how} (context {saved.name}){until}")
    warn_if_overridden(saved.name)


def _explicit_parameters() -> set[str]:
    """Return the parameters that are on the command line."""
    ctx = click.get_current_context()
    if ctx.meta.get(CONTEXT_KEY):
        raise click.UsageError("-c/--context does not apply to jhub login; name the new context with --name")
    return {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}


def _refuse_conflicts(explicit: set[str], method: LoginMethod | None, token_from: str | None) -> None:
    """Raise a usage error for options that would have no effect together."""
    if token_from is not None and method is not None:
        raise click.UsageError(f"--token and --{method} exclude each other")
    chosen = f"--{method}" if token_from is None else "--token"
    # A token that you bring has its scopes, its expiry and its note already.
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
    """Return the token in the environment if it is for this hub."""
    token, other_hub = environment_token(api_url)
    if other_hub:
        note(f"ignoring JUPYTERHUB_API_TOKEN: according to JUPYTERHUB_API_URL it is for {other_hub}")
    elif token:
        note("using the token in JUPYTERHUB_API_TOKEN; to sign in instead, unset it or choose a method such as --form")
    return token


def _run_sign_in(client: Hub, operation: Operation[SignInResult], prompter: LoginPrompts) -> SignInResult:
    """Sign in, and print the method that was chosen and why."""
    events = client.events(operation, ask=prompter)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            result: SignInResult = end.value
            return result
        if isinstance(event, MethodChosen) and event.why:
            note(event.text)
