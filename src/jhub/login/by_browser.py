"""Signing in by the browser, with the hub as an OAuth provider: works behind any single sign-on.

The OAuth token is used once, for the token that stays, and is revoked: revoking one revokes all of that person's
tokens of the same client, so none of them may be one to keep.
"""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from urllib.parse import urlencode

from jhub.errors import APIError
from jhub.login.credentials import Credentials, acting_as, by_token, then
from jhub.login.prompts import Visit
from jhub.login.request import SignedIn, SignIn
from jhub.login.token import mint, unmade
from jhub.oauth_client import CLIENT_ID, CLIENT_SECRET, NAME, REDIRECT_URI
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TokenOps, read_tokens
from jhub.steps import Ask, Flow


def by_browser(wish: SignIn) -> Flow[SignedIn]:
    """OAuth authorization code with PKCE; hubs before 6.0 do not look at the latter."""
    query = {
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "state": wish.state,
        "code_challenge": _challenge(wish.verifier),
        "code_challenge_method": "S256",
    }
    visit = Visit(f"{wish.api_url}/oauth2/authorize?{urlencode(query)}", REDIRECT_URI, wish.state)
    code: str = yield from Ask(visit)
    try:
        oauth = yield from TokenOps.exchange_code(
            code,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uri=REDIRECT_URI,
            code_verifier=wish.verifier,
        )
    except APIError as error:
        error.hint = "the hub did not take the code that the browser came back with: sign in again"
        raise
    credentials = by_token(oauth.access_token)
    made = mint(credentials, wish, "browser")
    return (yield from then(made, partial(_revoked, credentials), partial(unmade, credentials)))


def _revoked(credentials: Credentials) -> Flow[None]:
    who = yield from acting_as(credentials, HubOps.whoami())
    token_id = who.token_id
    if not token_id:
        # Before JupyterHub 5.0 the hub does not tell which token is in use; any one of the client will do.
        found = yield from acting_as(credentials, read_tokens(who.name))
        ours = (token.id for token in found.api_tokens if (token.oauth_client or "").endswith(f" {NAME}"))
        token_id = next(ours, None)
    if token_id:
        yield from acting_as(credentials, TokenOps.revoke(who.name, token_id))


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
