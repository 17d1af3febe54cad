"""Job 1 with requests: an API token from a username and a password."""

import os

import requests

endpoint = os.environ["JUPYTERHUB_API_URL"]
headers = {"Accept": "application/json"}
data = {"username": os.environ["HUB_USERNAME"], "password": os.environ["HUB_PASSWORD"]}

r = requests.get(f"{endpoint}/authorizations/token", headers=headers, json=data)
r.raise_for_status()
token = r.json()["token"]

r = requests.get(f"{endpoint}/user", headers={"Authorization": f"token {token}"})
r.raise_for_status()
print("signed in as", r.json()["name"])
