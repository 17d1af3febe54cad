"""Makes docs/images/start-a-class.svg, the moving picture of the README, from a run on a local hub.

The hub, its proxy, the users, their servers' processes and all that the terminal shows are real. The servers are the
small ones of the tests, so that two processors start a class of 26 in half a minute. The address is that of the local
hub, because it is what you see when you try it. `--quick FILE` records a class of two to FILE, for a test.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import yaml
from terminal_recording import PROMPT, Frame, Recording
from terminal_svg import draw

from jhub import Hub
from jhub.local import LocalHub

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs/images/start-a-class.svg"

COLUMNS, ROWS = 75, 17
PORT = 8000
"""The port in the picture: JupyterHub's own."""
CLASS = """
ana bo cy dora emil flora gina hugo ines jan kim leo mia
noah olga pia quinn rosa sami tess uma vera wim xena yara zoe
"""
FULL = "mia"
"""The user whose server does not start."""

TITLE = "A terminal: jhub signs in to a hub and starts the servers of a class"

MIN_FRAME_SECONDS = 0.16
MAX_RUN_SECONDS = 22.0
"""Seconds that the start of the class takes in the picture at most; a longer one is played faster."""
END_SECONDS = 6.0
"""Seconds that the last screen stays."""

CONFIG = f"""
class QuotaExceeded(Exception):
    jupyterhub_message = "the home folder is full (10 of 10 GB)"

def check_quota(spawner):
    if spawner.user.name == "{FULL}":
        raise QuotaExceeded

c.Spawner.pre_spawn_hook = check_quota
c.JupyterHub.concurrent_spawn_limit = 10
"""


def profiles() -> str:
    """Return a profiles.yaml with the profile `lab`."""
    command = [sys.executable, str(ROOT / "tests/support/stub_server.py"), "--after", "1"]
    profile = {"slug": "lab", "display_name": "JupyterLab", "default": True, "spawner_override": {"cmd": command}}
    return yaml.safe_dump({"profiles": [profile]})


def record(users: list[str], home: str, port: int | None = None) -> list[Frame]:
    """Sign in and start the class, and return the screens of the picture."""
    path = Path(home, "profiles.yaml")
    path.write_text(profiles())
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": home,
        "LANG": "C.UTF-8",
        "JHUB_KEYRING": "no",
    }
    with LocalHub(users=users, profiles=path, config=CONFIG, port=port) as local:
        with Hub.login(local.url, username=local.username, password=local.password) as hub:
            hub.groups.create("geo")
            hub.groups.add_users("geo", users)
        with Recording(COLUMNS, ROWS, environment, home) as terminal:
            terminal.pause(0.5)
            terminal.enter(f"jhub login {local.url.rstrip('/')} -u {local.username}")
            terminal.wait_for("Password: ")
            terminal.pause(0.8)
            terminal.enter_secret(local.password)
            terminal.wait_for(PROMPT)
            terminal.pause(1.0)
            terminal.enter("jhub server start --group geo --name lab --profile lab")
            began = terminal.seconds
            terminal.wait_for(PROMPT)
        if local.password in terminal.output:
            raise SystemExit("the password is on the screen: nothing written")
    return fitted(terminal.frames, began)


def fitted(frames: list[Frame], began: float) -> list[Frame]:
    """Play the start of the class so fast that it does not take too long, and leave out screens that are brief."""
    speed = max((frames[-1].seconds - began) / MAX_RUN_SECONDS, 1.0)
    kept: list[Frame] = []
    for frame in frames:
        seconds = min(frame.seconds, began) + max(frame.seconds - began, 0) / speed
        if kept and seconds - kept[-1].seconds < MIN_FRAME_SECONDS:
            seconds = kept.pop().seconds
        kept.append(replace(frame, seconds=seconds))
    return kept


def main() -> None:
    """Record, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", metavar="FILE", type=Path, help="record a class of two to this file")
    quick: Path | None = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as home:
        frames = record(["ana", FULL], home) if quick else record(CLASS.split(), home, PORT)
    picture = draw(frames, frames[-1].seconds + END_SECONDS, still=len(frames) - 1, title=TITLE)
    (quick or PICTURE).write_text(picture)


if __name__ == "__main__":
    main()
