"""`jhub logout`: revoke your token and delete it."""

from __future__ import annotations

import click

from jhub.cli.kit.options import CONTEXT_KEY, common
from jhub.cli.kit.output import note
from jhub.config import contexts
from jhub.errors import HubError, Unavailable, UnknownToken


@click.command()
@common
def logout() -> None:
    """Revoke the token that jhub login created, and delete it from this machine.

    A token that you brought (--token, --paste, JUPYTERHUB_API_TOKEN) is deleted here, and stays valid on the hub.

    $ jhub logout
    $ jhub logout -c hub.example.org
    """
    from jhub import Hub

    name = contexts.chosen(click.get_current_context().meta.get(CONTEXT_KEY))
    context = contexts.get(name)
    failure: HubError | None = None
    if context.token_id:
        try:
            connection = contexts.connection(name)
            with Hub(connection.url, connection.token) as hub:
                hub.tokens.revoke(context.user, context.token_id)
        except Unavailable as error:
            error.hint = f"try again when the hub responds, or only delete the token here: jhub context remove {name}"
            raise
        except UnknownToken:
            pass  # the token is already revoked or expired
        except HubError as error:
            failure = error
    warning = contexts.remove(name)
    if warning:
        note(f"warning: {warning}")
    if failure is not None:
        failure.hint = (
            f"the token is deleted here, but valid until it expires; revoke {context.token_id} on the hub's token "
            f"page, {context.api_url.removesuffix('api')}token"
        )
        raise failure
    note(f"signed out of {name}")
    if not context.token_id:
        note("the token stays valid on the hub: jhub did not create it; revoke it yourself")
