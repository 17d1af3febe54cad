"""Entry point of the command `jhub` and of `python -m jhub`."""

from __future__ import annotations

import sys
from contextlib import suppress

from jhub import __version__


def main() -> None:
    """Run the command line. Answers `--version` without further imports, because scripts call it often."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]
        # stdout is None when it is closed. The command line reports errors of output, so it runs after an OSError.
        with suppress(OSError):
            print(f"jhub {__version__}", flush=True)
            return
    try:
        from jhub.cli.main import main

        main()
    except KeyboardInterrupt:
        # Once it is loaded, the command line handles Ctrl-C itself.
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
