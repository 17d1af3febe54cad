"""Set the members of groups from a YAML file, such as {geo: [ana, bo], bio: [cy]}. It can run again."""

import sys
from pathlib import Path

import yaml

from jhub import Hub

roster = yaml.safe_load(Path(sys.argv[1]).read_text())

with Hub() as hub:
    hub.users.create_many({name for members in roster.values() for name in members}).run()
    for group, members in roster.items():
        change = hub.groups.set_users(group, members, create=True)
        for event in (*change.done, *change.failed, *change.skipped):
            print(group, event.kind, event.name, event.message)
