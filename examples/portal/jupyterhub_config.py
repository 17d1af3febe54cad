"""Lines for the configuration of the hub: the portal as a client of OAuth, and the people who may use it."""

import os

c.JupyterHub.services.append(  # noqa: F821
    {
        "name": "portal",
        "api_token": os.environ["PORTAL_SECRET"],
        "oauth_client_id": "service-portal",
        "oauth_redirect_uri": f"{os.environ['PORTAL_URL']}/signed-in",
        # What the portal may do for somebody who has signed in: not more than it needs.
        "oauth_client_allowed_scopes": [
            "start:servers!user",
            "read:servers!user",
            "delete:servers!user",
            "tokens!user",  # to revoke the token at the end
        ],
    }
)
c.JupyterHub.extra_user_scopes.add("access:services!service=portal")  # noqa: F821
