"""A process that applies saved plans: for each line with a path on standard input, it prints the kinds of the events.

    JUPYTERHUB_API_URL=... JUPYTERHUB_API_TOKEN=... python state_applier.py

A line is `START PATH`: the application begins as soon as a file START exists.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from jhub import Hub
from jhub.state import load_plan


def main() -> None:
    """Apply the plans."""
    with Hub() as hub:
        print("ready", flush=True)
        for line in sys.stdin:
            start, path = map(Path, line.split())
            plan = load_plan(path)
            while not start.exists():
                time.sleep(0.001)
            with hub.state.apply(plan) as fleet:
                kinds = {event.kind for event in fleet}
            print(*sorted(kinds), flush=True)


if __name__ == "__main__":
    main()
