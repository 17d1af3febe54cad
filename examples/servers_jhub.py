"""Job 3 with jhub: start named servers from a profile, and wait until they are ready."""

from jhub import Hub, SpawnFailed

with Hub() as hub:
    try:
        server = hub.servers.start("ana", "lab", profile="lean")
    except SpawnFailed as error:
        raise SystemExit(f"the hub says: {error.reason}") from None
    print("ready:", server.url)

    with hub.servers.start_many(["bo/lab", "cy/lab"], profile="lean") as fleet:
        for event in fleet:
            print(event.target, event.kind, event.message)
    print(len(fleet.summary.done), "more are ready")
