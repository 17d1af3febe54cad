"""Run a notebook's cells with jupyter-kernel-client: `SERVER_URL=… SERVER_TOKEN=… kernel_client_run.py IN OUT`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from jupyter_kernel_client import KernelClient  # type: ignore[import-untyped]

client: Any = KernelClient


def main(source: Path, target: Path) -> None:
    """Run, and write the notebook with its outputs."""
    notebook = json.loads(source.read_text())
    with client(server_url=os.environ["SERVER_URL"].rstrip("/"), token=os.environ["SERVER_TOKEN"]) as kernel:
        for cell in notebook["cells"]:
            reply = kernel.execute(cell["source"])
            cell["outputs"], cell["execution_count"] = reply["outputs"], reply["execution_count"]
    target.write_text(json.dumps(notebook))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
