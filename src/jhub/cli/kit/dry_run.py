"""`--dry-run`: reads are carried out, the first write of each plan is printed instead of sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from jhub.errors import HubError
from jhub.steps import Emit, Plan, Request

if TYPE_CHECKING:
    from jhub.client.sync import Hub


def rehearse(hub: Hub, plan: Plan[Any]) -> None:
    """Print the request that a plan would change something with; what would follow depends on its answer."""
    steps = plan.__iter__()
    answer: Any = None
    failure: HubError | None = None
    while True:
        try:
            step = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration:
            return
        answer = failure = None
        if isinstance(step, Request) and step.method not in ("GET", "HEAD"):
            body = "" if step.body is None else f" {msgspec.json.encode(step.body).decode()}"
            click.echo(f"{step.method} {step.path}{body}")
            return
        try:
            if not isinstance(step, Emit):
                answer = hub.perform(step)
        except HubError as error:
            failure = error
