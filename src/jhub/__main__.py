"""The program `jhub`, also as `python -m jhub`."""

from __future__ import annotations

import sys
from contextlib import suppress

from jhub import __version__


def main() -> None:
    """The entry point. Scripts ask for the version to know what they have: that loads nothing."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]
        # It is None when it is closed. That nothing can be printed is for the program itself to say.
        with suppress(OSError):
            print(f"jhub {__version__}", flush=True)
            return
    from jhub.cli.main import main

    main()


if __name__ == "__main__":
    main()
