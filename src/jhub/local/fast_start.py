"""Run a Jupyter module in half the start-up time: `python -m jhub.local.fast_start MODULE [ARGUMENTS]`.

`rfc3987_syntax` 1.1 builds a parser for internationalised addresses when it is imported, which adds two seconds to the
start of every JupyterHub and every Jupyter server. jsonschema 4.26 imports it eagerly (jsonschema #1428), because
`nbformat` depends on the extra `format-nongpl`, and works without it. No schema of Jupyter's uses that format.
"""

from __future__ import annotations

import runpy
import sys
from typing import cast


def skip_slow_imports() -> None:
    """Block the import of the slow module in this process. Call this before importing anything of Jupyter's."""
    cast("dict[str, object]", sys.modules).setdefault("rfc3987_syntax", None)


if __name__ == "__main__":
    skip_slow_imports()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
