"""`--dry-run`: reads are carried out, writes are printed instead of sent, as far as they do not depend on answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from jhub.cli.kit.output import note
from jhub.cli.kit.text import clean

if TYPE_CHECKING:
    from jhub import Preview


def print_requests(previews: Iterable[Preview]) -> None:
    """Print the requests of previews, all of them before it is said that more would follow."""
    complete = True
    for preview in previews:
        for request in preview:
            click.echo(clean(str(request)))
        complete = complete and preview.complete
    if not complete:
        note("(what follows depends on the answers)")
