"""Run a module with half of its start-up time saved: `python -m jhub.local.fast_start MODULE [ARGUMENTS]`.

`rfc3987_syntax` 1.1 builds a parser for internationalised addresses when it is imported, which takes two seconds of
every JupyterHub's and every Jupyter server's start. jsonschema 4.26 imports it eagerly, through `nbformat`'s extra
`format-nongpl` (jsonschema #1428), and does without if it is not there. No schema of Jupyter's uses that format.
"""

from __future__ import annotations

import runpy
import sys
from typing import cast


def skip_slow_imports() -> None:
    """Let this process do without the slow module. Call it before anything of Jupyter's is imported."""
    cast("dict[str, object]", sys.modules).setdefault("rfc3987_syntax", None)


if __name__ == "__main__":
    skip_slow_imports()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
