"""Discovery of a hub's API root from any URL of the hub: `https://hub.example.org/user/ana/lab` to `…/hub/api`."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from jhub.errors import APIError, InvalidInput, NotAHub, NotAuthorized, Redirected
from jhub.models import Version
from jhub.steps import Flow, call

API_PATH = "/hub/api"
"""Path of the REST API below the hub's base URL."""
MAX_REDIRECTS = 3
"""Maximum number of redirects to derive the hub's address from."""
MAX_CANDIDATES_TRIED = 20
"""Maximum number of addresses to try for one hub, because a redirect can have a path of any length."""
HOST = re.compile(r"[^\s\[\]<>\"'`{}|\\^%/?#@]+")
"""Pattern of a host name or address, without a port."""
SOCKET_SCHEME = "http+unix"
"""Scheme of a hub on a unix socket (JupyterHub 6.0): `http+unix://%2Fsrv%2Fhub.sock/hub/api`. `unix+http` before."""
USER_PATH = re.compile(r"/user(?=/|$)")
"""Pattern of the beginning of the path of a user's server."""
SAFE_IN_PATHS = "/%:@~+,;=$&!*'()"
"""Characters that stay as they are in the path of a URL."""
LOOPBACK = re.compile(r"localhost|.*\.localhost|127(\.\d{1,3}){3}|::1")
"""Pattern of a host that is this machine."""


def is_loopback(url: str) -> bool:
    """Return whether a URL's host is this machine."""
    return bool(socket_path(url)) or bool(LOOPBACK.fullmatch(urlsplit(url).hostname or ""))


def socket_path(url: str) -> str:
    """Return the path of the unix socket in a URL; "" for a URL with a host."""
    parts = urlsplit(url)
    return unquote(parts.netloc) if parts.scheme == SOCKET_SCHEME else ""


def join(base: str, path: str) -> str:
    """Return the URL of a path, or of another URL, relative to a base: `urljoin`, for unix sockets too."""
    if not base.startswith(f"{SOCKET_SCHEME}://"):
        return urljoin(base, path)
    if path.startswith(f"{SOCKET_SCHEME}://"):
        return path
    joined = urljoin(base.replace(SOCKET_SCHEME, "http", 1), path)
    parts = urlsplit(base)
    prefix = f"http://{parts.netloc}"
    return f"{SOCKET_SCHEME}://{parts.netloc}{joined.removeprefix(prefix)}" if joined.startswith(prefix) else joined


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port. A token is sent only where these three are the hub's."""
    parts = urlsplit(url)
    if parts.scheme == SOCKET_SCHEME:
        return parts.scheme, parts.netloc, None
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def normalize_url(url: str) -> str:
    """Return a URL with scheme and host or unix socket, a quoted path, and without query and fragment.

    The default scheme is https, and http on this machine.

    Raises
    ------
    InvalidInput
        It is not an http, https or http+unix URL, or it contains a username or password.
    """
    text = url.strip()
    try:
        if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text):
            text = f"{'http' if is_loopback(f'http://{text}') else 'https'}://{text}"
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise InvalidInput("the hub's URL is invalid", hint="use a URL such as https://hub.example.org") from None
    if parts.scheme in (SOCKET_SCHEME, "unix+http"):
        return _normalize_socket(parts)
    if "@" in parts.netloc:
        raise InvalidInput("the hub's URL contains a username or password", hint="remove it; sign in with: jhub login")
    if parts.scheme not in ("http", "https") or not HOST.fullmatch(parts.hostname or ""):
        shown = re.split(r"[?#]", url)[0]  # the query or fragment may have a token
        raise InvalidInput(f"invalid hub URL {shown!r}", hint="use a URL such as https://hub.example.org")
    return urlunsplit((parts.scheme, parts.netloc, quote(parts.path, safe=SAFE_IN_PATHS), "", ""))


def _normalize_socket(parts: SplitResult) -> str:
    """Return the URL of a path on a unix socket. The path of the socket is quoted, so that it has no slash."""
    path = unquote(parts.netloc)
    if not path.startswith("/"):
        raise InvalidInput(
            "the URL of the unix socket is invalid",
            hint="quote the path of the socket: http+unix://%2Fsrv%2Fhub.sock/hub/api",
        )
    return f"{SOCKET_SCHEME}://{quote(path, safe='')}{quote(parts.path, safe=SAFE_IN_PATHS)}"


def https_origin(url: str) -> tuple[str, str | None, int | None]:
    """Return the https origin that an http origin on port 80 usually redirects to; any other origin unchanged."""
    scheme, host, port = origin(url)
    return ("https", host, 443) if (scheme, port) == ("http", 80) else (scheme, host, port)


def as_api_root(url: str) -> str | None:
    """Return the URL without its closing slash if it is an API root, as JUPYTERHUB_API_URL is; otherwise None."""
    root = url.rstrip("/")
    return root if root.endswith(API_PATH) and not USER_PATH.search(root) else None


def candidates(url: str) -> list[str]:
    """Return the possible API roots for a URL, the most likely first."""
    parts = urlsplit(url)
    # The user controls all answers below /user/NAME, so no request and no token goes there.
    path = USER_PATH.split(parts.path)[0].rstrip("/")
    bases = [path[: match.start()] for match in re.finditer(r"/(hub|services)(?=/|$)", path)][::-1]
    bases += [path, ""]
    return [urlunsplit((parts.scheme, parts.netloc, base + API_PATH, "", "")) for base in dict.fromkeys(bases)]


def find_root(url: str) -> Flow[str]:
    """Return the API root: the first of the candidates that answers with a JupyterHub's version. No token is sent.

    A hub with a base path redirects all other paths to one that does not exist (`/jupyter/hub/hub/api`). So a redirect
    is not followed; further candidates are derived from its target.

    Raises
    ------
    NotAHub
        No candidate is a JupyterHub, or one of them redirects to another host.
    Unavailable
        No answer from the hub.
    """
    queue: list[str] = candidates(url)
    tried: list[str] = []
    redirects = 0
    while queue and len(tried) < MAX_CANDIDATES_TRIED:
        root = queue.pop(0)
        tried.append(root)
        try:
            # One attempt only, so that a mistyped URL fails at once.
            yield from call("GET", f"{root}/", Version, anonymous=True).once()
        except Redirected as error:
            try:
                target = normalize_url(join(f"{root}/", error.location))
            except (InvalidInput, ValueError):
                continue  # the target is not a valid URL
            same_host = urlsplit(target).hostname == urlsplit(url).hostname
            if same_host and root.startswith("https://") and target.startswith("http://"):
                continue  # the token would be sent unencrypted
            if origin(target) not in (origin(url), https_origin(url)):
                # Another port of the same machine may belong to another person.
                raise NotAHub(
                    f"{url} redirects to another host, {urlsplit(target).netloc}",
                    hint="if that host is the hub, use its URL",
                ) from None
            redirects += 1
            if redirects <= MAX_REDIRECTS:
                new = [candidate for candidate in candidates(target) if candidate not in tried]
                queue = list(dict.fromkeys(new + queue))
        except (APIError, NotAHub) as error:
            if isinstance(error, NotAuthorized) and error.by_proxy:
                raise
            continue
        else:
            return root
    raise NotAHub(f"no JupyterHub found at {url}", hint="use the URL that a browser shows on the hub's home page")
