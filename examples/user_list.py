"""Create users from a CSV file with the columns name and admin (yes or no), and correct existing rights."""

import csv
import sys
from pathlib import Path

from jhub import Hub

with Path(sys.argv[1]).open(newline="", encoding="utf-8-sig") as file:
    rights = {row["name"].strip(): row["admin"].strip().lower() == "yes" for row in csv.DictReader(file)}

with Hub() as hub:
    created = hub.users.create_many(rights).run()
    existing = hub.users.get_many(event.name for event in created.done).run()
    edited = []
    for admin in (True, False):
        users = [event.user for event in existing.done if event.user and rights[event.name] == admin]
        to_edit = [user.name for user in users if user.admin != admin]
        edited.append(hub.users.edit_many(to_edit, admin=admin).run())

for summary in (created, existing, *edited):
    for event in (*summary.done, *summary.failed, *summary.skipped):
        if event.kind != "exists":
            print(event.kind, event.name, event.message)
if not all(summary.ok for summary in (created, existing, *edited)):
    raise SystemExit(1)
