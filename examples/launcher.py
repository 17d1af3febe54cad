"""Start a server for a temporary user, follow its progress, and delete both at the end. The argument is a profile."""

import secrets
import sys

from jhub import Hub, SpawnFailed

profile = sys.argv[1] if len(sys.argv) > 1 else None

with Hub() as hub:
    guest = hub.users.create(f"guest-{secrets.token_hex(8)}")
    try:
        hub.servers.start(guest.name, profile=profile, wait=False)
        for event in hub.servers.progress(guest.name):
            print(f"{event.progress or 0:3.0f} %  {event.message}", flush=True)
        server = hub.servers.wait(guest.name)
        print("ready:", server.address, flush=True)
        sys.stdin.readline()  # the guest works until you press Enter
    except SpawnFailed as error:
        raise SystemExit(f"the hub says: {error.reason}") from None
    finally:
        hub.users.delete(guest.name, missing_ok=True)
