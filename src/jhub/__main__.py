"""The program `jhub`, also as `python -m jhub`."""

from __future__ import annotations

import sys

from jhub import __version__


def main() -> None:
    """The entry point. Scripts ask for the version to know what they have: that loads nothing."""
    if sys.argv[1:] == ["--version"]:
        print(f"jhub {__version__}")
        return
    from jhub.cli.main import main

    main()


if __name__ == "__main__":
    main()
