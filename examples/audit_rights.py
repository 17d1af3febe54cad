"""Print CSV: the administrators, and all roles that users, groups and services have beside the default one."""

import csv
import sys

from jhub import Hub, HubError


def audit(hub: Hub) -> None:
    rows = csv.writer(sys.stdout)
    rows.writerow(["kind", "name", "admin", "roles"])
    for user in hub.users.list():
        roles = set(user.roles or ()) - {"user"}
        if user.admin or roles:
            rows.writerow(["user", user.name, user.admin, " ".join(sorted(roles))])
    for group in hub.groups.list():
        if group.roles:
            rows.writerow(["group", group.name, "", " ".join(sorted(group.roles))])
    for service in hub.services.list():
        rows.writerow(["service", service.name, service.admin, " ".join(sorted(service.roles or ()))])


try:
    with Hub() as hub:
        audit(hub)
except HubError as error:
    sys.exit(f"error: {error}")
