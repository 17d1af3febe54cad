"""Batches: the same call for each of several names, with all failures reported and one exit code."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import click
import msgspec

from jhub.cli.kit.exit_codes import code_of, print_error
from jhub.cli.kit.output import View, note, print_preview
from jhub.cli.kit.prompts import confirm_deletion
from jhub.errors import HubError, InvalidInput, NotFound, Unavailable, is_missing
from jhub.steps import segment

if TYPE_CHECKING:
    from jhub import Hub, Preview

K = TypeVar("K")
T = TypeVar("T")

Call: TypeAlias = Callable[[K], Callable[..., T]]
"""A function that returns the call for a name: a method of the client with its arguments."""


LINE_SECONDS = 10.0
"""Minimum number of seconds between two lines of progress."""


class ProgressLines:
    """Lines of progress: one now and then, so that a short batch has none."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._next_line = now() + LINE_SECONDS

    def show(self, text: str) -> None:
        """Print how far a batch is, unless a line was printed a short time ago."""
        if self._now() >= self._next_line:
            self._next_line = self._now() + LINE_SECONDS
            note(f"{text} so far")


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


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of a command for one name."""

    name: str
    result: str
    """The action, such as "deleted"."""
    message: str = ""
    """The message for people; empty: the name and the result."""


RESULTS: View[Result] = View(
    name=lambda item: item.name,
    columns={"NAME": lambda item: item.name, "RESULT": lambda item: item.result},
    fields=lambda item: Result(item.name, item.result),
)


def print_dry_run(preview: Preview, count: int, output_format: str = "table") -> None:
    """Print a preview, and exit with the code of the real command, of which `count` objects would succeed or fail."""
    with batch_tally() as tally:
        add_preview(tally, preview, count, output_format)


def add_preview(tally: BatchTally, preview: Preview, count: int, output_format: str) -> None:
    """Print a preview of a command for `count` objects, and add its successes and failures to a tally."""
    tally.done += max(0, count - len(preview.failed))
    for error in preview.failed:
        tally.add_failure(error)
    print_preview(preview, output_format)


def preview_call(hub: Hub, call: Callable[[], object], output_format: str = "table") -> None:
    """Print the requests of a call, and exit with the code of its error, if any."""
    print_dry_run(hub.preview_many([call]), 1, output_format)


def preview_batch(hub: Hub, names: Iterable[K], call: Call[K, object], output_format: str = "table") -> None:
    """Print the requests of a call for each name. A failure does not stop the others."""
    calls = [call(name) for name in names]
    print_dry_run(hub.preview_many(calls), len(calls), output_format)


def run_batch(
    hub: Hub, names: Iterable[K], call: Call[K, T], view: View[T], output_format: str, *, dry_run: bool
) -> None:
    """Make a call for each name, and print the results; with `dry_run`, print the requests only."""
    if dry_run:
        preview_batch(hub, names, call, output_format)
        return
    with batch(names, lambda name: call(name)()) as results:
        print_results(view, results, output_format)


def run_batch_with_results(
    hub: Hub,
    names: Iterable[K],
    call: Call[K, object],
    result: Callable[[K], Result],
    output_format: str,
    *,
    dry_run: bool,
    if_exists: bool = False,
) -> None:
    """Make a call for each name, and report the result of each; with `dry_run`, print the requests only.

    With `if_exists`, the call is a deletion, and an object that does not exist is a success.
    """
    if dry_run:
        missing_ok = {"missing_ok": True} if if_exists else {}
        preview_batch(hub, names, lambda name: partial(call(name), **missing_ok), output_format)
        return

    def run(name: K) -> Result:
        try:
            call(name)()
        except NotFound as error:
            return accept_missing(error, name, if_exists=if_exists)
        return result(name)

    with batch(names, run) as results:
        report(results, output_format)


def accept_missing(error: NotFound, name: object, *, if_exists: bool) -> Result:
    """Return the result for an object that does not exist; without `if_exists`, raise the error."""
    if not (if_exists and is_missing(error)):
        raise error
    return Result(str(name), "did not exist", f"{name} did not exist")


def report(results: Iterable[Result], output_format: str) -> None:
    """Print results: as messages on stderr, or in another format on stdout."""
    if output_format == "table":
        last = ""
        for item in results:
            message = item.message or f"{item.name}: {item.result}"
            if message != last:
                note(message)
            last = message
    else:
        RESULTS.print_list(results, output_format)


def delete_batch(
    hub: Hub,
    noun: str,
    names: list[str],
    delete: Callable[[str], None],
    output_format: str,
    *,
    yes: bool,
    dry_run: bool,
    if_exists: bool,
) -> None:
    """Delete objects, after the name of the only one, or their number, was typed as confirmation."""
    if not dry_run:
        confirm_deletion(noun, names, yes=yes)

    def result(name: str) -> Result:
        return Result(name, "deleted", f"deleted {name}")

    call = partial(partial, delete)
    run_batch_with_results(hub, names, call, result, output_format, dry_run=dry_run, if_exists=if_exists)
