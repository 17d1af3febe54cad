"""Speed of `jhub run`: `python -m bench.notebook_speed [--quick] [--json FILE]`.

It runs a notebook of 50 small cells in a server of a real hub, beside `jupyter execute`, which runs it on this machine
without a hub, and a program with jupyter-kernel-client, which runs its cells in the same server. They take turns. Exits
with 1 if the median of `jhub run` is more than 1.3 times that of `jupyter execute`, or longer than that of the other
program, or if the median of its cells is 40 ms, for which Jupyter Server holds messages back that are not acknowledged.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.command import record, run
from bench.copy_server import copy_server
from bench.table import table

ROUNDS, QUICK_ROUNDS = 7, 3
CELLS = 50
MAX_SECONDS = 120
MAX_RATIO_TO_LOCAL, MAX_RATIO_TO_PEER = 1.3, 1.0
MAX_CELL_SECONDS = 0.040
BIN = Path(sys.executable).parent
OURS, LOCAL, PEER = "`jhub run`", "`jupyter execute`, no hub", "jupyter-kernel-client"
PEER_PROGRAM = str(Path(__file__).with_name("kernel_client_run.py"))


def notebook(cells: int) -> dict[str, Any]:
    """Return a notebook of small cells."""
    sources = [f"x = {number}\nprint(x)\nx * 2" for number in range(cells)]
    fields: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [{**fields, "source": source, "id": f"cell-{n}"} for n, source in enumerate(sources)],
    }


def measure(folder: Path, rounds: int) -> tuple[dict[str, list[float]], list[float]]:
    """Return the seconds of each program in every round, and those of each cell of `jhub run`."""
    source, target = folder / "in.ipynb", folder / "out.ipynb"
    source.write_text(json.dumps(notebook(CELLS)))
    cell_seconds: list[float] = []
    with copy_server() as server:
        programs = {
            OURS: [str(BIN / "jhub"), "run", str(source), "--server", server.name, "--out", str(target)],
            LOCAL: [str(BIN / "jupyter-execute"), f"--output={target.stem}", str(source)],
            PEER: [sys.executable, PEER_PROGRAM, str(source), str(target)],
        }
        environment = {**server.environment, "SERVER_URL": server.url, "SERVER_TOKEN": server.token}
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for number in range(1 + rounds):  # the first round compiles modules, and is not counted
            turns = list(programs)
            random.shuffle(turns)
            for name in turns:
                target.unlink(missing_ok=True)
                began = time.perf_counter()
                subprocess.run(programs[name], env=environment, capture_output=True, check=True, timeout=MAX_SECONDS)
                took = time.perf_counter() - began
                cells = json.loads(target.read_text())["cells"]
                if ["".join(cell["outputs"][1]["data"]["text/plain"]) for cell in cells] != [
                    str(2 * n) for n in range(CELLS)
                ]:
                    raise RuntimeError(f"{name}: wrong outputs")
                if number:
                    seconds[name].append(took)
                    cell_seconds += [cell["metadata"]["jhub"]["seconds"] for cell in cells[1:]] if name == OURS else []
    return seconds, cell_seconds


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the targets are met."""
    print(f"A notebook of {CELLS} cells; load before: {os.getloadavg()[0]:.1f}.\n", flush=True)
    with TemporaryDirectory() as name:
        seconds, cells = measure(Path(name), QUICK_ROUNDS if quick else ROUNDS)
    record("notebook", {"seconds": seconds, "cells": cells})
    rows = [(program, f"{median(took):.2f}", f"{min(took):.2f}") for program, took in seconds.items()]
    print(table(["program", "median s", "shortest"], rows), end="\n\n")
    met = True
    for other, most in ((LOCAL, MAX_RATIO_TO_LOCAL), (PEER, MAX_RATIO_TO_PEER)):
        ratio = median(seconds[OURS]) / median(seconds[other])
        met = met and ratio <= most
        print(f"{'met' if ratio <= most else 'NOT MET'}: {OURS} takes {ratio:.2f} of {other}, at most {most} wanted")
    quick_cells = median(cells) < MAX_CELL_SECONDS
    print(f"{'met' if quick_cells else 'NOT MET'}: a cell takes {median(cells) * 1000:.0f} ms, less than 40 wanted\n")
    return met and quick_cells


if __name__ == "__main__":
    run(main, __doc__)
