"""Job 1 with jhub: an API token from a username and a password."""

import os

from jhub import Hub

with Hub.login(
    os.environ["JUPYTERHUB_API_URL"],
    username=os.environ["HUB_USERNAME"],
    password=os.environ["HUB_PASSWORD"],
    note="example",
    expires_in=3600,
) as hub:
    print("signed in as", hub.whoami().name)
