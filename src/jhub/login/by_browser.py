"""Sign-in with the browser, with the hub as an OAuth provider. It works behind any single sign-on.

The OAuth token is used once, to create the token that is kept, and is then revoked. Revoking one OAuth token revokes
all of that user's tokens of the same client, so an OAuth token is never the one to keep.
"""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from urllib.parse import urlencode

from jhub.errors import APIError
from jhub.login.credentials import Credentials, acting_as, by_token, with_cleanup
from jhub.login.questions import Visit
from jhub.login.request import SignInRequest, SignInResult
from jhub.login.token import create_token, revoke_token
from jhub.oauth_client import CLIENT_ID, CLIENT_SECRET, NAME, REDIRECT_URI
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TokenOps, read_tokens
from jhub.steps import Ask, Flow


def by_browser(request: SignInRequest) -> Flow[SignInResult]:
    """Sign in with an OAuth authorization code and PKCE; hubs before 6.0 ignore PKCE."""
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
        error.hint = "the hub rejected the authorization code from the browser; sign in again"
        raise
    credentials = by_token(oauth.access_token)
    operation = create_token(credentials, request, "browser")
    return (yield from with_cleanup(operation, partial(_revoke_oauth, credentials), partial(revoke_token, credentials)))


def _revoke_oauth(credentials: Credentials) -> Flow[None]:
    who = yield from acting_as(credentials, HubOps.whoami())
    token_id = who.token_id
    if not token_id:
        # A hub before 5.0 does not report the id of the token in use; any OAuth token of this client will do.
        tokens = yield from acting_as(credentials, read_tokens(who.name))
        ids = (token.id for token in tokens.api_tokens if (token.oauth_client or "").endswith(f" {NAME}"))
        token_id = next(ids, None)
    if token_id:
        yield from acting_as(credentials, TokenOps.revoke(who.name, token_id))


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
