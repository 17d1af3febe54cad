"""The same for each of several names: every one is tried, each failure is reported, and the exit code tells."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import click

from jhub.cli.kit.exit_codes import code_of, show
from jhub.cli.kit.output import View, note, print_requests
from jhub.cli.kit.prompts import confirm_by_name
from jhub.errors import HubError, InvalidInput, Unavailable
from jhub.steps import segment

if TYPE_CHECKING:
    from jhub import Hub

K = TypeVar("K")
T = TypeVar("T")

Call: TypeAlias = Callable[[K], Callable[[], T]]
"""Returns the call for a name: a method of the client, with its arguments."""


@dataclass(slots=True)
class Tally:
    """How many came to their end, and the failures, each of which is shown as it comes."""

    done: int = 0
    failures: list[HubError] = field(default_factory=list[HubError])

    def failed(self, error: HubError) -> None:
        """Show a failure and go on."""
        show(error)
        self.failures.append(error)


@contextmanager
def tally() -> Generator[Tally]:
    """On the way out, exit 7 if some failed and others did not, else with the code that the failures agree on."""
    counted = Tally()
    yield counted
    if counted.failures:
        codes = {code_of(error) for error in counted.failures}
        raise click.exceptions.Exit(7 if counted.done or len(codes) > 1 else codes.pop())


@contextmanager
def each(names: Iterable[K], act: Callable[[K], T]) -> Generator[Iterator[T]]:
    """What `act` gives for each name, as it comes. On the way out, the exit code of `tally`."""

    def results() -> Iterator[T]:
        for name in names:
            try:
                result = act(name)
            except HubError as error:
                counted.failed(error)
                if isinstance(error, Unavailable):
                    return  # nor would the others get through
            else:
                counted.done += 1
                yield result

    with tally() as counted:
        yield results()


def sound(names: Iterable[str], noun: str, counted: Tally) -> list[str]:
    """Those that can be names; one that cannot would keep the others of its request from being created."""
    found: list[str] = []
    for name in names:
        try:
            segment(name, noun)
        except InvalidInput as error:
            counted.failed(error)
        else:
            found.append(name)
    return found


def report(view: View[T], results: Iterator[T], output_format: str) -> None:
    """Print what there is to print; no table without rows, where every one of them failed."""
    first = list(islice(results, 1))
    if first or output_format != "table":
        view.many(chain(first, results), output_format)


def preview_each(hub: Hub, names: Iterable[K], call: Call[K, object]) -> None:
    """Print the requests of a call for each name. A name that fails leaves the others as they are."""
    with each(names, lambda name: hub.preview(call(name))) as previews:
        print_requests(previews)


def run_each(
    hub: Hub, names: Iterable[K], call: Call[K, T], view: View[T], output_format: str, *, dry_run: bool
) -> None:
    """Make a call for each name and print what came of it."""
    if dry_run:
        preview_each(hub, names, call)
        return
    with each(names, lambda name: call(name)()) as results:
        report(view, results, output_format)


def tell_each(hub: Hub, names: Iterable[K], call: Call[K, object], said: Callable[[K], str], *, dry_run: bool) -> None:
    """Make a call for each name, and say that it was made."""
    if dry_run:
        preview_each(hub, names, call)
        return

    def act(name: K) -> K:
        call(name)()
        return name

    with each(names, act) as done:
        for name in done:
            note(said(name))


def delete_each(
    hub: Hub, noun: str, names: list[str], delete: Callable[[str], None], *, yes: bool, dry_run: bool
) -> None:
    """Delete each, once the name, or the number of them, was typed."""
    if not dry_run:
        one = len(names) == 1
        what, typed = (f"{noun} {names[0]}", names[0]) if one else (f"{len(names)} {noun}s", str(len(names)))
        confirm_by_name(what, typed, yes=yes)
    tell_each(hub, names, lambda name: partial(delete, name), lambda name: f"deleted {name}", dry_run=dry_run)
