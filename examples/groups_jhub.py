"""Job 2 with jhub: create and list groups, add and remove users. It can run twice."""

from jhub import Hub

with Hub() as hub:
    hub.groups.create("geo", exist_ok=True)
    hub.groups.add_users("geo", ["ana", "bo"])
    hub.groups.remove_users("geo", ["bo"])
    for group in hub.groups.list():
        print(group.name, group.users)
