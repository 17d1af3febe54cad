"""The same for each of several names: every one is tried, each failure is reported, and the exit code tells."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from jhub.cli.kit.confirm import confirm_by_name
from jhub.cli.kit.dry_run import rehearse
from jhub.cli.kit.exits import code_of, show
from jhub.cli.kit.output import View, note
from jhub.errors import HubError, Unavailable
from jhub.steps import Plan

if TYPE_CHECKING:
    from jhub.client.sync import Hub

T = TypeVar("T")


@contextmanager
def each(names: Iterable[str], act: Callable[[str], T]) -> Generator[Iterator[T]]:
    """What `act` gives for each name, as it comes. On the way out, exit 7 if some failed and others did not."""
    done: list[str] = []
    failures: list[HubError] = []

    def results() -> Iterator[T]:
        for name in names:
            try:
                result = act(name)
            except HubError as error:
                failures.append(error)
                show(error)
                if isinstance(error, Unavailable):
                    return  # nor would the others get through
            else:
                done.append(name)
                yield result

    yield results()
    if failures:
        codes = {code_of(error) for error in failures}
        raise click.exceptions.Exit(7 if done or len(codes) > 1 else codes.pop())


def create_each(
    hub: Hub, names: list[str], plan: Callable[[str], Plan[T]], view: View[T], form: str, *, dry_run: bool
) -> None:
    """Carry a plan out for each name and print what was created."""
    if dry_run:
        for name in names:
            rehearse(hub, plan(name))
        return
    with each(names, lambda name: hub.run(plan(name))) as made:
        view.many(made, form)


def delete_each(
    hub: Hub, noun: str, names: list[str], plan: Callable[[str], Plan[None]], *, yes: bool, dry_run: bool
) -> None:
    """Carry a plan out for each name, once the name, or the number of them, was typed."""
    if dry_run:
        for name in names:
            rehearse(hub, plan(name))
        return
    one = len(names) == 1
    what, typed = (f"{noun} {names[0]}", names[0]) if one else (f"{len(names)} {noun}s", str(len(names)))
    confirm_by_name(what, typed, yes=yes)

    def delete(name: str) -> str:
        hub.run(plan(name))
        return name

    with each(names, delete) as done:
        for name in done:
            note(f"deleted {name}")
