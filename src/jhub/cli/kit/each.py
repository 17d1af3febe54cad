"""The same for each of several names: every one is tried, each failure is reported, and the exit code tells."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from jhub.cli.kit.exits import code_of, show
from jhub.errors import HubError, Unavailable

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
