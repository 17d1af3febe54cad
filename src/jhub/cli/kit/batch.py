"""Batches: the same call for each of several names, with all failures reported and one exit code."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import click

from jhub.cli.kit.exit_codes import code_of, print_error
from jhub.cli.kit.output import View, note, print_requests
from jhub.cli.kit.prompts import confirm_deletion
from jhub.errors import HubError, InvalidInput, Unavailable
from jhub.steps import segment

if TYPE_CHECKING:
    from jhub import Hub

K = TypeVar("K")
T = TypeVar("T")

Call: TypeAlias = Callable[[K], Callable[[], T]]
"""A function that returns the call for a name: a method of the client with its arguments."""


@dataclass(slots=True)
class BatchTally:
    """The number of successes and the list of failures of a batch."""

    done: int = 0
    failures: list[HubError] = field(default_factory=list[HubError])

    def add_failure(self, error: HubError) -> None:
        """Print a failure, and keep it for the exit code."""
        print_error(error)
        self.failures.append(error)


@contextmanager
def batch_tally() -> Generator[BatchTally]:
    """Yield a tally; at the end, exit with a code for its failures, if any.

    The code is 7 if other names succeeded or the failures have several codes, else the code of all failures.
    """
    tally = BatchTally()
    yield tally
    if tally.failures:
        codes = {code_of(error) for error in tally.failures}
        raise click.exceptions.Exit(7 if tally.done or len(codes) > 1 else codes.pop())


@contextmanager
def batch(names: Iterable[K], act: Callable[[K], T]) -> Generator[Iterator[T]]:
    """Yield an iterator over the results of `act` for each name; at the end, exit as `batch_tally` does."""

    def results() -> Iterator[T]:
        for name in names:
            try:
                result = act(name)
            except HubError as error:
                tally.add_failure(error)
                if isinstance(error, Unavailable):
                    return  # the hub is unavailable for the other names too
            else:
                tally.done += 1
                yield result

    with batch_tally() as tally:
        yield results()


def valid_names(names: Iterable[str], noun: str, tally: BatchTally) -> list[str]:
    """Return the names that are valid in a path, and add a failure for each of the others.

    An invalid name would prevent the other names in the same request from being created.
    """
    valid: list[str] = []
    for name in names:
        try:
            segment(name, noun)
        except InvalidInput as error:
            tally.add_failure(error)
        else:
            valid.append(name)
    return valid


def print_results(view: View[T], results: Iterator[T], output_format: str) -> None:
    """Print the results as they arrive. A table without rows is not printed, as when all calls failed."""
    first = list(islice(results, 1))
    if first or output_format != "table":
        view.print_list(chain(first, results), output_format)


def preview_batch(hub: Hub, names: Iterable[K], call: Call[K, object]) -> None:
    """Print the requests of a call for each name. A failure does not stop the others."""
    with batch(names, lambda name: hub.preview(call(name))) as previews:
        print_requests(previews)


def run_batch(
    hub: Hub, names: Iterable[K], call: Call[K, T], view: View[T], output_format: str, *, dry_run: bool
) -> None:
    """Make a call for each name, and print the results; with `dry_run`, print the requests only."""
    if dry_run:
        preview_batch(hub, names, call)
        return
    with batch(names, lambda name: call(name)()) as results:
        print_results(view, results, output_format)


def run_batch_with_notes(
    hub: Hub, names: Iterable[K], call: Call[K, object], message: Callable[[K], str], *, dry_run: bool
) -> None:
    """Make a call for each name, and print a message after each; with `dry_run`, print the requests only."""
    if dry_run:
        preview_batch(hub, names, call)
        return

    def run(name: K) -> K:
        call(name)()
        return name

    with batch(names, run) as done:
        for name in done:
            note(message(name))


def delete_batch(
    hub: Hub, noun: str, names: list[str], delete: Callable[[str], None], *, yes: bool, dry_run: bool
) -> None:
    """Delete objects, after the name of the only one, or their number, was typed as confirmation."""
    if not dry_run:
        single = len(names) == 1
        described, typed = (f"{noun} {names[0]}", names[0]) if single else (f"{len(names)} {noun}s", str(len(names)))
        confirm_deletion(described, typed, yes=yes)
    run_batch_with_notes(
        hub, names, lambda name: partial(delete, name), lambda name: f"deleted {name}", dry_run=dry_run
    )
