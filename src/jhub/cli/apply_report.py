"""Report of an application of a plan: a line of progress on a terminal, the failures, and the counts."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from logging import DEBUG, getLogger
from typing import TYPE_CHECKING, Any

import click

from jhub.cli.kit.exit_codes import code_of, flush_stdout, print_error
from jhub.cli.kit.output import View, dump, escape, note
from jhub.errors import Conflict, HubError
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


def _name_of_change(event: StateEvent) -> str:
    has_name = event.change is not None and users_of(event.change)
    return f"{_kind(event)}: {event.name}" if has_name and event.name else _kind(event)


RESULTS: View[StateEvent] = View(
    name=_object,
    columns={
        "OBJECT": _object,
        "CHANGE": _name_of_change,
        "STATE": lambda event: event.kind,
        "REASON": lambda event: event.message.partition(": ")[2] if event.change is None else event.message,
    },
    text=frozenset({"REASON"}),
)


class ApplyProgress:
    """The progress of an application. On a terminal, its line is drawn again after each event.

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

    def add(self, event: StateEvent) -> None:
        """Count an event, and print a failure."""
        if event.kind not in FINAL_KINDS:
            self._draw(event)
            return
        self.final.append(event)
        self.kinds[event.kind] += 1
        if event.kind in ("failed", "stale"):
            self.erase()
            print_error(_error(event), exit_code=_code_of(event))
        self._draw(event)

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
        RESULTS.print_list(wrong, "table")
    if count:
        again = f"; {_next_step(is_saved)} to finish" if any(event.change is not None for event in wrong) else ""
        note(f"{progress.counts()} in {seconds:.0f} s{again}")
    return _exit_code(progress)


@contextmanager
def _interruptions(progress: ApplyProgress, *, is_saved: bool) -> Generator[None]:
    """Print what was done, and how to go on, if the application ends early."""
    try:
        yield
    except (KeyboardInterrupt, HubError) as end:
        progress.erase()
        if progress.final or isinstance(end, KeyboardInterrupt):
            note(f"{progress.counts()}, {progress.left()} not finished; {_next_step(is_saved)} to continue")
        raise
    except BrokenPipeError:
        flush_stdout()
        raise click.exceptions.Exit(1) from None
    else:
        progress.erase()


def _next_step(is_saved: bool) -> str:
    return "make a new plan and apply it" if is_saved else "run the same command again"


def _result(event: StateEvent) -> dict[str, Any]:
    result: dict[str, Any] = {
        "object": _object(event),
        "change": _kind(event),
        "state": event.kind,
    }
    result |= {"name": event.name} if event.name else {}
    return result | ({"reason": event.message} if event.message else {})


def _error(event: StateEvent) -> HubError:
    """Return the error of a failed or stale change, with the change in front."""
    hint = event.error.hint if event.error is not None else ""
    state = " is stale" if event.kind == "stale" else ""
    subject = f"{_object(event)}: {_name_of_change(event)}{state}: " if event.change is not None else ""
    return HubError(f"{subject}{event.message or event.error}", hint=hint)


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
