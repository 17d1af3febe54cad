"""Report of an application of a plan: a line of progress on a terminal, the failures, and the counts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import DEBUG, getLogger
from typing import TYPE_CHECKING, Any

import click

from jhub.cli.kit.batch import ProgressLines
from jhub.cli.kit.exit_codes import code_of, flush_stdout, print_error
from jhub.cli.kit.output import View, describe, dump, escape, note
from jhub.errors import Conflict, HubError, UnknownUser
from jhub.state import StateEvent, count_changes, object_of, users_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from jhub import Hub
    from jhub.state import Plan

FINAL_KINDS = ("changed", "unchanged", "failed", "stale", "skipped")
"""Kinds of the events that end a change, in the order in which they are counted."""
MAX_LINE = 79
"""Maximum number of characters of the line of progress."""
STALE, PARTLY_FAILED = 6, 7
"""Exit codes: nothing but stale changes are left, and some changes failed."""


def _object(event: StateEvent) -> str:
    # A part of the file that cannot be applied has no change; its message begins with the object.
    return event.message.partition(": ")[0] if event.change is None else object_of(event.change)


def _kind(event: StateEvent) -> str:
    return "" if event.change is None else str(type(event.change).__struct_config__.tag)


def _message(event: StateEvent) -> str:
    # The hub's message about an unknown user has the name, but all of them have the same reason.
    is_unknown = event.change is not None and isinstance(event.error, UnknownUser)
    return "not a user of this hub" if is_unknown else event.message


def _subject(event: StateEvent) -> tuple[str, str]:
    """Return the kind of the change and, for a change of the members of a group, the group."""
    return _kind(event), _object(event) if event.change is not None and users_of(event.change) else ""


@dataclass(frozen=True, slots=True)
class EqualResults:
    """Events with the same result: for users of one change, or for objects that the same kind of change has."""

    events: Sequence[StateEvent]

    @property
    def first(self) -> StateEvent:
        """The first event."""
        return self.events[0]

    @property
    def users(self) -> list[str]:
        """The users of a change of several users."""
        return [event.name for event in self.events if event.name and _subject(event)[1]]

    @property
    def object(self) -> str:
        """The object, or the number and the names of several."""
        objects = list(dict.fromkeys(map(_object, self.events)))
        noun = objects[0].partition(" ")[0]
        return objects[0] if len(objects) == 1 else describe(noun, [each.partition(" ")[2] for each in objects])

    @property
    def change(self) -> str:
        """The kind of the change, with its users."""
        users = self.users
        if not users:
            return _kind(self.first)
        return f"{_kind(self.first)}: {users[0] if len(users) == 1 else describe('user', users)}"

    @property
    def reason(self) -> str:
        """The message without the object, which has a column of its own."""
        return self.first.message.partition(": ")[2] if self.first.change is None else _message(self.first)

    @property
    def error(self) -> HubError:
        """The error of a failed or stale change, with the change in front."""
        hint = self.first.error.hint if self.first.error is not None else ""
        state = (" are stale" if len(self.users) > 1 else " is stale") if self.first.kind == "stale" else ""
        subject = f"{self.object}: {self.change}{state}: " if self.first.change is not None else ""
        return HubError(f"{subject}{_message(self.first) or self.first.error}", hint=hint)


def equal_results(events: Iterable[StateEvent]) -> list[EqualResults]:
    """Return events by result, in the order of the first event of each."""
    found: dict[object, list[StateEvent]] = {}
    for event in events:
        found.setdefault((_subject(event), event.kind, _message(event)), []).append(event)
    return [EqualResults(each) for each in found.values()]


RESULTS: View[EqualResults] = View(
    name=lambda result: _object(result.first),
    columns={
        "OBJECT": lambda result: result.object,
        "CHANGE": lambda result: result.change,
        "STATE": lambda result: result.first.kind,
        "REASON": lambda result: result.reason,
    },
    text=frozenset({"OBJECT", "CHANGE", "REASON"}),
)


class ApplyProgress:
    """The progress of an application. On a terminal, its line is drawn again after each event, else printed at times.

    Parameters
    ----------
    count
        The number of changes.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._on_terminal = sys.stderr.isatty() and not getLogger("jhub").isEnabledFor(DEBUG)
        self.kinds: Counter[str] = Counter()
        self.final: list[StateEvent] = []
        self._lines = ProgressLines()
        self._failures: list[StateEvent] = []
        """The failures that are not printed yet, all of one kind of change."""

    def add(self, event: StateEvent) -> None:
        """Count an event. Failures are printed when another kind of change begins: one error for equal ones."""
        if self._failures and _subject(event) != _subject(self._failures[0]):
            self.print_failures()
        if event.kind in FINAL_KINDS:
            self.final.append(event)
            self.kinds[event.kind] += 1
        if event.kind in ("failed", "stale"):
            self._failures.append(event)
        self._draw(event)

    def print_failures(self) -> None:
        """Print the failures since the last call."""
        self.erase()
        for result in equal_results(self._failures):
            print_error(result.error, exit_code=_code_of(result.first))
        self._failures = []

    def counts(self) -> str:
        """Return the counts in words, without those that are zero, except for the changes that were made."""
        parts = [f"{self.kinds['changed']} changed"]
        parts += [f"{self.kinds[kind]} {kind}" for kind in FINAL_KINDS[1:] if self.kinds[kind]]
        return ", ".join(parts)

    def left(self) -> int:
        """Return the number of changes without a result."""
        return max(self._count - len(self.final), 0)

    def erase(self) -> None:
        """Erase the line on the terminal."""
        if self._on_terminal:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _draw(self, event: StateEvent) -> None:
        if self._on_terminal:
            text = escape(f"{len(self.final)}/{self._count}  {self.counts()}  {_object(event)}")
            click.echo(f"\r\x1b[K{text[:MAX_LINE]}", err=True, nl=False)
        else:
            self._lines.show(f"{len(self.final)} of {self._count} changes: {self.counts()}")


def run_apply(hub: Hub, plan: Plan, output_format: str, *, is_saved: bool) -> int:
    """Apply a plan, report its events, and return the exit code."""
    # Users in the file whom the hub does not have are failures, too.
    unknown = sum(notice.kind == "unknown" for notice in plan.notices)
    count = count_changes(plan) + unknown
    progress = ApplyProgress(count)
    seconds = 0.0
    if count:
        with _interruptions(progress, is_saved=is_saved), hub.state.apply(plan) as fleet:
            for event in fleet:
                progress.add(event)
        seconds = fleet.summary.seconds
    wrong = [event for event in progress.final if event.kind not in ("changed", "unchanged")]
    if output_format == "json":
        results = [_result(event) for event in progress.final]
        dump({"plan": plan.to_dict(), "results": results, "seconds": round(seconds, 2)}, "json")
    elif wrong:
        RESULTS.print_list(equal_results(wrong), "table")
    if count:
        again = (
            f"; {_next_step(progress, is_saved=is_saved)} to finish"
            if any(event.change is not None for event in wrong)
            else ""
        )
        note(f"{progress.counts()} in {seconds:.0f} s{again}")
    return _exit_code(progress)


@contextmanager
def _interruptions(progress: ApplyProgress, *, is_saved: bool) -> Generator[None]:
    """Print what was done, and how to go on, if the application ends early."""
    try:
        yield
    except (KeyboardInterrupt, HubError) as end:
        progress.print_failures()
        if progress.final or isinstance(end, KeyboardInterrupt):
            next_step = _next_step(progress, is_saved=is_saved)
            note(f"{progress.counts()}, {progress.left()} not finished; {next_step} to continue")
        raise
    except BrokenPipeError:
        flush_stdout()
        raise click.exceptions.Exit(1) from None
    else:
        progress.print_failures()


def _next_step(progress: ApplyProgress, *, is_saved: bool) -> str:
    """Return how to go on. A saved plan can be applied again, but what is stale in it stays stale."""
    needs_plan = is_saved and progress.kinds["stale"]
    return "make a new plan and apply it" if needs_plan else "run the same command again"


def _result(event: StateEvent) -> dict[str, Any]:
    result: dict[str, Any] = {
        "object": _object(event),
        "change": _kind(event),
        "state": event.kind,
    }
    result |= {"name": event.name} if event.name else {}
    return result | ({"reason": event.message} if event.message else {})


def _code_of(event: StateEvent) -> int:
    return STALE if event.kind == "stale" else code_of(event.error or Conflict(event.message))


def _exit_code(progress: ApplyProgress) -> int:
    """Return 0, 6 if only stale changes are left, the code of all failures if nothing else happened, else 7."""
    failed = [event for event in progress.final if event.kind == "failed"]
    if not failed:
        if progress.kinds["stale"]:
            return STALE
        return 1 if progress.kinds["skipped"] else 0
    codes = {_code_of(event) for event in failed}
    is_alone = not (progress.kinds["changed"] or progress.kinds["unchanged"] or progress.kinds["stale"])
    is_alone &= all(event.change is not None for event in failed)
    return codes.pop() if is_alone and len(codes) == 1 else PARTLY_FAILED
