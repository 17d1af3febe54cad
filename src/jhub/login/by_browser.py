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
from jhub.login.credentials import Credentials, acting_as, by_token, with_cleanup
from jhub.login.prompts import Visit
from jhub.login.request import SignInRequest, SignInResult
from jhub.login.token import create_token, revoke_token
from jhub.oauth_client import CLIENT_ID, CLIENT_SECRET, NAME, REDIRECT_URI
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TokenOps, listing
from jhub.steps import Ask, Flow


def by_browser(request: SignInRequest) -> Flow[SignInResult]:
    """OAuth authorization code with PKCE; hubs before 6.0 do not look at the latter."""
    query = {
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "state": request.state,
        "code_challenge": _challenge(request.verifier),
        "code_challenge_method": "S256",
    }
    visit = Visit(f"{request.api_url}/oauth2/authorize?{urlencode(query)}", REDIRECT_URI, request.state)
    code: str = yield from Ask(visit)
    try:
        oauth = yield from TokenOps.exchange_code(
            code,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uri=REDIRECT_URI,
            code_verifier=request.verifier,
        )
    except APIError as error:
        error.hint = "the hub did not take the code that the browser came back with: sign in again"
        raise
    credentials = by_token(oauth.access_token)
    made = create_token(credentials, request, "browser")
    return (yield from with_cleanup(made, partial(_revoked, credentials), partial(revoke_token, credentials)))


def _revoked(credentials: Credentials) -> Flow[None]:
    who = yield from acting_as(credentials, HubOps.whoami())
    token_id = who.token_id
    if not token_id:
        # Before JupyterHub 5.0 the hub does not tell which token is in use; any one of the client will do.
        found = yield from acting_as(credentials, listing(who.name))
        ours = (token.id for token in found.api_tokens if (token.oauth_client or "").endswith(f" {NAME}"))
        token_id = next(ours, None)
    if token_id:
        yield from acting_as(credentials, TokenOps.revoke(who.name, token_id))


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
