"""Speed and memory of `jhub cp`: `python -m bench.copy_speed [--quick] [--json FILE]`.

It copies a file of 1 GiB to a server of a real hub, and back, beside `curl`: up, a loop that sends the same parts, made
before, to the same API; down, one `curl` of the same file. They take turns. Then it copies a file of 2 GiB up and down,
and as an archive, and prints the peak memory of the command and of the user's server. Exits with 1 if the median of the
ratios is below 0.8, or if the larger file takes more memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import IO, cast

from msgspec import Struct

from bench.command import record, run
from bench.copy_server import CopyServer, copy_server
from bench.table import table

MIN_RATIO = 0.8
MAX_GROWTH_BYTES = 32 * 2**20
"""Maximum growth of the peak memory from the first file to the second, which is twice as large: four parts."""
ROUNDS, QUICK_ROUNDS = 3, 1
SIZE, QUICK_SIZE = 2**30, 2**28
PART_BYTES = 512 * 2**10
JHUB = str(Path(sys.executable).with_name("jhub"))
LOOP = 'for body in "$1"/*; do curl -sS -f -o /dev/null -X PUT -H @"$2" --data-binary @"$body" "$3"; done'
"""A program of the shell that sends the parts in a folder."""


class Peak(Struct, frozen=True):
    """Peak memory in bytes."""

    command: int
    server: int


def timed(command: list[str], env: dict[str, str]) -> tuple[float, int]:
    """Run a command on a quiet disk; return its seconds, and its peak memory in bytes."""
    os.sync()
    began = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors = cast("IO[str]", process.stderr).read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]}: {errors}")
    return time.perf_counter() - began, usage.ru_maxrss * 1024


def write_parts(source: Path, folder: Path) -> None:
    """Write the requests of an upload, one file for each."""
    size = source.stat().st_size
    with source.open("rb") as file:
        for number, offset in enumerate(range(0, size, PART_BYTES), start=1):
            content = b64encode(file.read(PART_BYTES)).decode()
            chunk = -1 if offset + PART_BYTES >= size else number
            body = f'{{"type": "file", "format": "base64", "chunk": {chunk}, "content": "{content}"}}'
            (folder / f"{number:06}").write_text(body)


def write_random(path: Path, size: int) -> Path:
    """Write a file that cannot be compressed."""
    with path.open("wb") as file:
        for _ in range(0, size, 2**20):
            file.write(os.urandom(2**20))
    return path


def measure_speed(server: CopyServer, folder: Path, size: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each way, in turns."""
    source, back = write_random(folder / "source", size), folder / "back"
    parts = folder / "parts"
    parts.mkdir()
    write_parts(source, parts)
    headers = folder / "headers"
    headers.write_text(f"Authorization: token {server.token}\nContent-Type: application/json\n")
    curl = ["curl", "-sS", "-f", "-H", f"@{headers}", "-o", str(back)]
    ways: dict[str, Callable[[], list[str]]] = {
        "up, `curl` in a loop": lambda: [
            *("sh", "-ec", LOOP, "loop", str(parts), str(headers), f"{server.url}api/contents/by-curl")
        ],
        "up, `jhub cp`": lambda: [JHUB, "cp", str(source), f"{server.name}:by-jhub"],
        "down, `curl`": lambda: [*curl, f"{server.url}files/by-jhub"],
        "down, `jhub cp`": lambda: [JHUB, "cp", f"{server.name}:by-jhub", str(back)],
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, command in ways.items():
            back.unlink(missing_ok=True)
            took, _ = timed(command(), server.environment)
            seconds[name].append(took)
            if name.startswith("down") and back.stat().st_size != size:
                raise RuntimeError(f"{name}: the file is not complete")
        for left in ("by-curl", "by-jhub"):
            if (server.folder / left).stat().st_size != size:
                raise RuntimeError(f"{left} is not complete")
            (server.folder / left).unlink()
    return seconds


def measure_memory(server: CopyServer, folder: Path, size: int) -> dict[str, Peak]:
    """Return the peak memory of copies of a file of that size."""
    tree, back = folder / f"tree-{size}", folder / f"back-{size}"
    tree.mkdir()
    write_random(tree / "file", size)
    remote = f"{server.name}:tree-{size}"
    peaks: dict[str, Peak] = {}
    for name, command in {
        "up": ["cp", "-r", str(tree), remote],
        "down": ["cp", "-r", remote, str(back)],
        "up, --archive": ["cp", "-a", str(tree), f"{remote}-a"],
        "down, --archive": ["cp", "-a", f"{remote}-a", f"{back}-a"],
    }.items():
        with server.peak_memory() as peak:
            _, own = timed([JHUB, *command], server.environment)
        peaks[name] = Peak(own, peak.bytes)
    return peaks


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the targets are met."""
    size, rounds = (QUICK_SIZE, QUICK_ROUNDS) if quick else (SIZE, ROUNDS)
    print(f"Copies of a file of {size >> 20} MiB; load before: {os.getloadavg()[0]:.1f}.\n", flush=True)
    with TemporaryDirectory() as name, copy_server() as server:
        folder = Path(name)
        seconds = measure_speed(server, folder, size, rounds)
        memory = {each: measure_memory(server, folder, each) for each in (size, 2 * size)}
    record("copies", {"seconds": seconds, "memory": memory})
    rows = [(way, f"{median(took):.1f}", f"{size / 2**20 / median(took):.0f}") for way, took in seconds.items()]
    print(table(["", "median s", "MiB/s"], rows), end="\n\n")
    by_curl, by_jhub = list(seconds.values())[::2], list(seconds.values())[1::2]
    met = True
    for direction, theirs, ours in zip(("up", "down"), by_curl, by_jhub, strict=True):
        ratio = median(their / our for their, our in zip(theirs, ours, strict=True))
        met = met and ratio >= MIN_RATIO
        word = "met" if ratio >= MIN_RATIO else "NOT MET"
        print(f"{word}: {direction}, jhub has {ratio:.2f} of the speed of curl, at least {MIN_RATIO} wanted")
    small, large = memory.values()
    sizes = [f"{who}, {each >> 20} MiB" for who in ("jhub", "the server") for each in memory]
    cells = {way: [small[way].command, large[way].command, small[way].server, large[way].server] for way in small}
    print()
    print(
        table(
            ["peak memory in MiB", *sizes],
            [(way, *(f"{each / 2**20:.0f}" for each in row)) for way, row in cells.items()],
        ),
        end="\n\n",
    )
    growth = max(max(row[1] - row[0], row[3] - row[2]) for row in cells.values())
    flat, most = growth <= MAX_GROWTH_BYTES, MAX_GROWTH_BYTES >> 20
    word = "met" if flat else "NOT MET"
    print(f"{word}: twice the size takes {growth / 2**20:.1f} MiB more, at most {most} wanted\n")
    return met and flat


if __name__ == "__main__":
    run(main, __doc__)
