"""Job 2 with requests: create and list groups, add and remove users."""

import os

import requests

endpoint = os.environ["JUPYTERHUB_API_URL"]
headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
group = "geo"

r = requests.post(f"{endpoint}/groups/{group}", headers=headers)
r.raise_for_status()

data = {"users": ["ana", "bo"]}
r = requests.post(f"{endpoint}/groups/{group}/users", headers=headers, json=data)
r.raise_for_status()

data = {"users": ["bo"]}
r = requests.delete(f"{endpoint}/groups/{group}/users", headers=headers, json=data)
r.raise_for_status()

r = requests.get(f"{endpoint}/groups", headers=headers)
r.raise_for_status()
for item in r.json():
    print(item["name"], item["users"])
