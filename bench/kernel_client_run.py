"""Run a notebook's cells with jupyter-kernel-client: `SERVER_URL=… SERVER_TOKEN=… kernel_client_run.py IN OUT`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from jupyter_kernel_client import JupyterKernelClient  # type: ignore[import-untyped]

client: Any = JupyterKernelClient


def main(source: Path, target: Path) -> None:
    """Run, and write the notebook with its outputs."""
    notebook = json.loads(source.read_text())
    url, token = os.environ["SERVER_URL"].rstrip("/"), os.environ["SERVER_TOKEN"]
    # Its websocket would have the token in the URL, which JupyterHub does not accept.
    headers = {"Authorization": f"Bearer {token}"}
    with client(server_url=url, token=token, client_kwargs={"headers": headers}) as kernel:
        for cell in notebook["cells"]:
            reply = kernel.execute(cell["source"])
            cell["outputs"], cell["execution_count"] = reply["outputs"], reply["execution_count"]
    target.write_text(json.dumps(notebook))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
