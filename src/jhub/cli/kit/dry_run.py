"""`--dry-run`: reads are carried out, writes are printed instead of sent, as far as they do not depend on answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import click
import msgspec

from jhub.cli.kit.output import note
from jhub.cli.kit.text import clean
from jhub.errors import HubError
from jhub.steps import Answer, Cancel, Emit, Fork, HubVersion, Next, Now, Plan, Request, Sleep

if TYPE_CHECKING:
    from jhub.client.sync import Hub

READS = ("GET", "HEAD")
SECRET = {"api_token", "auth_state", "auth_token", "client_secret", "code", "code_verifier", "password", "token"}
"""Keys of a body whose values are not shown."""


def rehearse(hub: Hub, plans: Iterable[Plan[Any]]) -> None:
    """Print the requests that plans would change something with."""
    finish(rehearsed(hub, plan) for plan in plans)


def finish(told: Iterable[bool]) -> None:
    """Say so if one of several plans was not told to its end; all of them are told first."""
    if not all(list(told)):
        note("(what follows depends on the answers)")


def rehearsed(hub: Hub, plan: Plan[Any]) -> bool:
    """Print the writes of one plan, each answered with nothing in it. False where it asks on, which nobody answers.

    One that fails on an answer with nothing in it is taken to have come to its end, where it would have made its
    result of a real one, such as a new token: an operation that goes on by what came of a write asks again first.
    """
    from jhub.client.threads import Threads

    steps = plan.__iter__()
    threads = Threads(hub)
    answer: Any = None
    failure: HubError | None = None
    wrote = False
    while True:
        try:
            step = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration:
            return True
        except Exception:
            if not wrote:
                raise
            return True
        answer = failure = None
        if _writes(step):
            if not isinstance(step, Request):
                return False
            _print(step)
            wrote, answer = True, _nothing_in_it(step)
        elif wrote and isinstance(step, Sleep):
            pass  # nothing was sent that it could take time for
        elif wrote and not isinstance(step, Emit | HubVersion | Now):
            return False  # it looks at what came of a write, and nothing did
        else:
            try:
                match step:
                    case Emit():
                        pass
                    case Fork() | Next() | Cancel():
                        answer = threads.do(step)
                    case _:
                        answer = hub.perform(step)
            except HubError as error:
                failure = error


def _writes(step: object) -> bool:
    """Whether a step changes something, or, being a whole flow, might."""
    if isinstance(step, Fork):
        return not isinstance(step.flow, Request) or _writes(step.flow)
    return isinstance(step, Request) and step.method not in READS


def _nothing_in_it(request: Request[Any]) -> Any:
    """What a request makes of an empty answer, an empty list or an empty object; None where it needs more."""
    for content in (b"", b"[]", b"{}"):
        try:
            return request.decode(Answer(204, content=content))
        except HubError:
            continue
    return None


def _print(request: Request[Any]) -> None:
    query = f"?{urlencode(request.query)}" if request.query else ""
    body = "" if request.body is None else f" {msgspec.json.encode(_masked(request.body)).decode()}"
    click.echo(clean(f"{request.method} {request.path}{query}{body}"))


def _masked(value: object) -> object:
    match value:
        case dict():
            given = cast(dict[object, object], value)
            return {key: "***" if key in SECRET else _masked(each) for key, each in given.items()}
        case list() | tuple():
            return [_masked(each) for each in cast(Iterable[object], value)]
        case _:
            return value
