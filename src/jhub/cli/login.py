"""`jhub login`: sign in to a hub and save the token as a context."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from jhub.cli.kit import inputs
from jhub.cli.kit.options import CONTEXT_KEY, common, duration, scopes_option, warn_if_overridden
from jhub.cli.kit.output import ago, note
from jhub.cli.kit.prompts import LoginPrompts
from jhub.config import contexts
from jhub.login import (
    CertificateFiles,
    MethodChosen,
    SignInRequest,
    environment_token,
    save_context,
    saved_files,
    sign_in,
)

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
    "-u", "--username", help="Your username on the hub; prompted for if missing. With --browser, the expected user."
)
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from line 1 of stdin, and a second factor from line 2."
)
@click.option("--token", "token_from", metavar="-", help="Read a token from stdin instead of signing in.")
@_method_option("form", "Sign in through the hub's login form.")
@_method_option("password", "Sign in through the REST API, which rejects users who have never signed in before.")
@_method_option("browser", "Sign in with the browser, for example for single sign-on.")
@_method_option("paste", "Create a token on the hub's token page and paste it.")
@click.option("--no-open", is_flag=True, help="Print the URL instead of opening a browser.")
@click.option(
    "--expires", type=duration, default="30d", show_default=True, help="Lifetime of the new token, such as 8h or 30d."
)
@click.option("--note", "note_", help="Note on the hub's token page; by default it names this machine.")
@scopes_option
@click.option("--ca-file", type=click.Path(exists=True), help="Trust the certificates in this file, here and later.")
@click.option(
    "--cert", type=click.Path(exists=True, dir_okay=False), help="Present this client certificate, here and later."
)
@click.option("--key", type=click.Path(exists=True, dir_okay=False), help="Key of --cert, if in a file of its own.")
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
    ca_file: str | None,
    cert: str | None,
    key: str | None,
    name: str | None,
) -> None:
    """Sign in to the hub at URL and save the token.

    URL is any address of the hub, such as the one in your browser.

    jhub picks the sign-in method that the hub supports: its login form, else the browser, else a token that you paste.
    --form, --password, --browser and --paste choose a method. Otherwise, jhub uses a token in JUPYTERHUB_API_TOKEN,
    unless JUPYTERHUB_API_URL names another hub, or -u, --scopes, --expires or --note ask for a new token.

    --ca-file, --cert and --key are saved with the context: all commands use them, and so does the next sign-in to this
    hub. The files must stay where they are.

    Your password is used once, to get a token that expires, and is not stored. If the browser signs in as a user other
    than that of -u or of the context, jhub asks whether to continue; without a terminal, it saves no token.

    $ jhub login https://hub.example.org
    $ jhub login https://hub.example.org -u ana --password-stdin < password.txt
    $ jhub login https://hub.example.org --browser --expires 8h
    $ jhub login https://hub.example.org --scopes read:users!user,servers!user
    $ jhub login https://hub.example.org --token - < token.txt
    $ jhub login https://hub.example.org --ca-file university-ca.pem
    """
    from jhub import Hub

    explicit = _explicit_parameters()
    _refuse_conflicts(explicit, method, token_from)
    contexts.prepare(name)
    token = None if token_from is None else inputs.read_secret("--token", token_from, "token")
    files = _certificate_files(url, name, ca_file, cert, key)
    with Hub(url, verify=files.verify, cert=files.cert) as client:
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
        saved = client.run(save_context(result, api_url, name, narrowed=bool(scopes), files=files))
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


def _certificate_files(
    url: str, name: str | None, ca_file: str | None, cert: str | None, key: str | None
) -> CertificateFiles:
    """Return the files in the options, and those of the context for options that are missing."""
    if key is not None and cert is None:
        raise click.UsageError("--key needs --cert")
    saved = saved_files(url, name)
    pair = (saved.cert_file, saved.key_file) if cert is None else (_absolute(cert), _absolute(key))
    return CertificateFiles(ca_file=_absolute(ca_file) or saved.ca_file, cert_file=pair[0], key_file=pair[1])


def _absolute(path: str | None) -> str:
    return os.path.abspath(path) if path else ""


def _refuse_conflicts(explicit: set[str], method: LoginMethod | None, token_from: str | None) -> None:
    """Raise a usage error for options that would have no effect together."""
    if token_from is not None and method is not None:
        raise click.UsageError(f"--token and --{method} cannot be used together")
    chosen = f"--{method}" if token_from is None else "--token"
    # An existing token already has its scopes, expiry and note.
    conflicting = (
        set(NEW_TOKEN_OPTIONS)
        if chosen in ("--token", "--paste")
        else {"password_stdin"}
        if chosen == "--browser"
        else set[str]()
    )
    for name, option in NEW_TOKEN_OPTIONS.items():
        if name in conflicting & explicit:
            raise click.UsageError(f"{chosen} and {option} cannot be used together")


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
