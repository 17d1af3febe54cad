"""`jhub logout`: revoke your token and delete it."""

from __future__ import annotations

import click

from jhub.cli.kit.options import CONTEXT_KEY, common, open_hub
from jhub.cli.kit.output import note
from jhub.config import contexts
from jhub.errors import HubError, Unavailable, UnknownToken


@click.command()
@common
def logout() -> None:
    """Revoke the token that jhub login created, and delete it from this machine.

    A token that you supplied (--token, --paste, JUPYTERHUB_API_TOKEN) is deleted here but stays valid on the hub.

    $ jhub logout
    $ jhub logout -c hub.example.org
    """
    name = contexts.chosen(click.get_current_context().meta.get(CONTEXT_KEY))
    context = contexts.get(name)
    failure: HubError | None = None
    if context.token_id:
        try:
            connection = contexts.connection(name)
            with open_hub(connection) as hub:
                hub.tokens.revoke(context.user, context.token_id)
        except Unavailable as error:
            error.hint = f"try again when the hub responds, or delete the token here only: jhub context remove {name}"
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
            f"the token is deleted here but stays valid until it expires; revoke {context.token_id} on the hub's token "
            f"page, {context.api_url.removesuffix('api')}token"
        )
        raise failure
    note(f"signed out of {name}")
    if not context.token_id:
        note("jhub did not create this token, so it stays valid on the hub; revoke it there if you no longer need it")
