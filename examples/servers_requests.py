"""Job 3 with requests: start a named server from a profile, and wait until it is ready."""

import os
import time

import requests

endpoint = os.environ["JUPYTERHUB_API_URL"]
headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
user, server_name = "ana", "lab"
data = {"profile": "lean"}

r = requests.post(f"{endpoint}/users/{user}/servers/{server_name}", headers=headers, json=data)
r.raise_for_status()

for _ in range(60):
    r = requests.get(f"{endpoint}/users/{user}", headers=headers)
    r.raise_for_status()
    server = r.json()["servers"].get(server_name)
    if server is None:
        raise SystemExit("the server did not start")
    if server["ready"]:
        break
    time.sleep(1)
print("ready:", server["url"])
