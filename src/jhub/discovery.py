"""From what a person pastes to the API root: `https://hub.example.org/user/ana/lab` to `…/hub/api`. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from jhub.errors import APIError, InvalidInput, NotAHub, Redirected
from jhub.models import Version
from jhub.steps import Flow, call

API_PATH = "/hub/api"
MAX_REDIRECTS = 3
MAX_CANDIDATES_TRIED = 20
"""Addresses that are asked for one hub: a redirect can name a path of any length."""
HOST = re.compile(r"[^\s\[\]<>\"'`{}|\\^%/?#@]+")
USER_PATH = re.compile(r"/user(?=/|$)")
LOOPBACK = re.compile(r"localhost|.*\.localhost|127(\.\d{1,3}){3}|::1")


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine."""
    return bool(LOOPBACK.fullmatch(urlsplit(url).hostname or ""))


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: a token goes only where these three are the hub's."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def normalize_url(url: str) -> str:
    """A URL with scheme and host, without query and fragment, its path quoted.

    Without a scheme it is https, or http on this machine. `InvalidInput` for what is no address of a hub.
    """
    text = url.strip()
    try:
        if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text):
            text = f"{'http' if is_loopback(f'http://{text}') else 'https'}://{text}"
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise InvalidInput("the hub's URL cannot be read", hint="give it as https://hub.example.org") from None
    if "@" in parts.netloc:
        raise InvalidInput("the hub's URL holds a username or password", hint="leave it out; sign in with: jhub login")
    if parts.scheme not in ("http", "https") or not HOST.fullmatch(parts.hostname or ""):
        shown = re.split(r"[?#]", url)[0]  # behind it may stand a token
        raise InvalidInput(f"{shown!r} is not the URL of a hub", hint="give it as https://hub.example.org")
    return urlunsplit((parts.scheme, parts.netloc, quote(parts.path, safe="/%:@~+,;=$&!*'()"), "", ""))


def _https_origin(url: str) -> tuple[str, str | None, int | None]:
    """The origin that a plain http one on the usual port moves to when it becomes https."""
    scheme, host, port = origin(url)
    return ("https", host, 443) if (scheme, port) == ("http", 80) else (scheme, host, port)


def as_api_root(url: str) -> str | None:
    """The API root, where the URL already is one, as JUPYTERHUB_API_URL is."""
    root = url.rstrip("/")
    return root if root.endswith(API_PATH) and not USER_PATH.search(root) else None


def candidates(url: str) -> list[str]:
    """Where the API root may be, the likeliest first."""
    parts = urlsplit(url)
    # What is below /user/ANA answers as ana likes: it is never asked, and gets no token.
    path = USER_PATH.split(parts.path)[0].rstrip("/")
    bases = [path[: match.start()] for match in re.finditer(r"/(hub|services)(?=/|$)", path)][::-1]
    bases += [path, ""]
    return [urlunsplit((parts.scheme, parts.netloc, base + API_PATH, "", "")) for base in dict.fromkeys(bases)]


def find_root(url: str) -> Flow[str]:
    """Ask each candidate for its version, without a token, until one answers as a JupyterHub does.

    A hub below a base path redirects everything else to a path that does not exist (`/jupyter/hub/hub/api`), so a
    redirect is not followed but read for where the hub is.
    """
    queue: list[str] = candidates(url)
    tried: list[str] = []
    redirects = 0
    while queue and len(tried) < MAX_CANDIDATES_TRIED:
        root = queue.pop(0)
        tried.append(root)
        try:
            # A mistyped URL is an error at once.
            yield from call("GET", f"{root}/", Version, anonymous=True).once()
        except Redirected as error:
            try:
                target = normalize_url(urljoin(f"{root}/", error.location))
            except (InvalidInput, ValueError):
                continue  # to nowhere
            same_host = urlsplit(target).hostname == urlsplit(url).hostname
            if same_host and root.startswith("https://") and target.startswith("http://"):
                continue  # where the token would be read on the way
            if origin(target) not in (origin(url), _https_origin(url)):
                # Another port of the same machine may be another person's.
                raise NotAHub(
                    f"{url} redirects to another host, {urlsplit(target).netloc}",
                    hint="if the hub is there, give its URL",
                ) from None
            redirects += 1
            if redirects <= MAX_REDIRECTS:
                new = [candidate for candidate in candidates(target) if candidate not in tried]
                queue = list(dict.fromkeys(new + queue))
        except (APIError, NotAHub):
            continue
        else:
            return root
    raise NotAHub(f"no JupyterHub answers at {url}", hint="give the URL that a browser shows on the hub's home page")
