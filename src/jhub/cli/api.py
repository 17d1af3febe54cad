"""`jhub api`: send any request to the REST API, with the token of the context."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote

import click
import msgspec

from jhub.cli.kit.inputs import read_text
from jhub.cli.kit.options import common, connect
from jhub.errors import InvalidInput
from jhub.steps import Answer, Request


@click.command()
@click.argument("method")
@click.argument("path")
@click.option("-d", "--data", metavar="JSON", help="The request body; @FILE reads a file, @- reads stdin.")
@click.option("-q", "--query", multiple=True, metavar="KEY=VALUE", help="A query parameter; repeatable.")
@click.option("-i", "--include", is_flag=True, help="Also print the status and the headers.")
@common
def api(method: str, path: str, data: str | None, query: tuple[str, ...], include: bool) -> None:
    """Send a request to PATH below the API root, and print the response.

    $ jhub api GET /users -q state=active
    $ jhub api POST /groups/geo/users -d '{"users": ["ana"]}'
    $ jhub api PUT /groups/geo/properties -d @properties.json
    """
    if not re.fullmatch(r"[A-Za-z]+", method):
        raise InvalidInput(f"invalid method {method!r}", hint="use GET, POST, PUT, PATCH or DELETE")
    path, _, path_query = path.partition("?")
    if not path.startswith("/") or path.startswith("//"):
        raise InvalidInput(f"invalid path {path!r}", hint="use a path below the API root, such as /users")
    if any(unquote(segment) in (".", "..") for segment in path.split("/")):
        raise InvalidInput(f"invalid path {path!r}: it leaves the REST API")
    parameters = (*parse_qsl(path_query, keep_blank_values=True), *_query_pairs(query))
    request: Request[Answer] = Request(
        method.upper(), path, lambda answer: answer, query=parameters, body=_decode_body(data), raw=True
    )
    with connect() as hub:
        answer = hub.run(request)
    if include:
        click.echo(f"{answer.status}")
        for name, value in answer.headers.items():
            click.echo(f"{name}: {value}")
        click.echo()
    if not answer.content:
        return
    try:
        click.echo(msgspec.json.format(answer.content, indent=2))
    except msgspec.MsgspecError:
        click.echo(answer.content)


def _query_pairs(arguments: tuple[str, ...]) -> list[tuple[str, str]]:
    parts = [argument.partition("=") for argument in arguments]
    for key, equals, _ in parts:
        if not key or not equals:
            raise InvalidInput(f"invalid query parameter {key!r}", hint="use KEY=VALUE")
    return [(key, value) for key, _, value in parts]


def _decode_body(data: str | None) -> Any:
    if data is None:
        return None
    try:
        return msgspec.json.decode(read_text(data) if data.startswith("@") else data)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"the body is not valid JSON: {error}") from None
