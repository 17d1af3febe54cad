"""The servers that are to be asked for, and those that were and have not ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from jhub.errors import HubError
from jhub.fleet.events import Target


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    """One that is to be sent, in the order of the places."""

    place: int
    target: Target
    since: float = field(default=math.inf, compare=False)
    """When it was first asked for, by a clock that stands still while the hub is away."""
    tries: int = field(default=1, compare=False)
    refused: HubError | None = field(default=None, compare=False)
    """What the hub said, if it has to be sent again."""
    pause: float = field(default=0.0, compare=False)
    """Seconds that it was set aside for the last time."""


@dataclass(slots=True)
class UnderWay:
    """One that was asked for."""

    wanted: Wanted
    sent: float
    """When it was asked for the last time."""
    present: float
    """The same by the clock that stands still while the hub is away."""
    outages: int
    """Of the hub, before that."""
    ours: bool = True
    """It was this fleet that asked."""
    taken: bool = False
    """The hub works on it, or has done so."""
    answered: float | None = None
    """When the hub answered."""
    over: bool = False
    """The hub has done it, and has room for another one."""
    error: HubError | None = None
    """An answer that says nothing about what becomes of it."""
    listening: bool = False
    """Its progress stream tells."""
    asking: bool = False
    """Why it failed is being found out."""
    cancelling: bool = False

    @property
    def target(self) -> Target:
        """The server."""
        return self.wanted.target


class UnderWays(dict[str, UnderWay]):
    """All of them, by name."""

    def add(self, one: UnderWay) -> UnderWay:
        """One more."""
        self[str(one.target)] = one
        return one

    def drop(self, target: Target) -> UnderWay | None:
        """One that ended, or is to be sent again."""
        return self.pop(str(target), None)

    @property
    def of_the_hub(self) -> int:
        """How many the hub has, or is about to have, to work on."""
        return sum(not (each.over or each.asking) for each in self.values())

    @property
    def untaken(self) -> int:
        """How many the hub has not taken up, as far as is known."""
        return sum(not each.taken for each in self.values())

    @property
    def unknown(self) -> list[UnderWay]:
        """Those of which only a look tells. A request without an answer is one that the hub still works on."""
        return [each for each in self.values() if each.answered is not None and not (each.asking or each.listening)]
