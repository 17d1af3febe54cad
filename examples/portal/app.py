"""A portal: people sign in with the hub, start a server from a profile, and follow its start."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sign_in import COOKIE, SESSION_COOKIE, SIGN_IN_COOKIE, SIGN_IN_SECONDS, Session, Sessions, SignInRefused
from sign_in import begin as begin_sign_in
from sign_in import finish as finish_sign_in
from starlette.exceptions import HTTPException as PageError

from jhub import APIError, HubError, InvalidInput, UnknownToken

HERE = Path(__file__).parent
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
sessions = Sessions()
pages = Jinja2Templates(HERE / "pages")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await sessions.end_all()


app = FastAPI(lifespan=lifespan, openapi_url=None)
app.mount("/static", StaticFiles(directory=HERE / "static"))


@app.middleware("http")
async def add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


def message(request: Request, status: int, text: str, hint: str = "") -> Response:
    return pages.TemplateResponse(request, "message.html", {"text": text, "hint": hint}, status_code=status)


# Who asks


def find_session(request: Request) -> Session | None:
    return sessions.find(request.cookies.get(SESSION_COOKIE, ""))


def require_session(session: Annotated[Session | None, Depends(find_session)]) -> Session:
    if session is None:
        raise HTTPException(401, "You are not signed in.")
    return session


SignedIn = Annotated[Session, Depends(require_session)]


def require_own_form(session: SignedIn, xsrf_token: Annotated[str, Form()] = "") -> Session:
    """Refuse a form that is not from a page of the portal."""
    if not secrets.compare_digest(session.xsrf_token.encode(), xsrf_token.encode()):
        raise HTTPException(403, "This form is not from a page of the portal, or the page is too old.")
    return session


OwnForm = Annotated[Session, Depends(require_own_form)]


# Signing in


@app.get("/sign-in")
async def sign_in() -> Response:
    address, cookie = await begin_sign_in()
    response = RedirectResponse(address, 303)
    response.set_cookie(SIGN_IN_COOKIE, cookie, max_age=SIGN_IN_SECONDS, **COOKIE)
    return response


@app.get("/signed-in")
async def signed_in(request: Request, state: str = "", code: str = "") -> Response:
    token = await finish_sign_in(request.cookies.get(SIGN_IN_COOKIE, ""), state, code)
    await sessions.end(request.cookies.get(SESSION_COOKIE, ""))
    response = RedirectResponse("/", 303)
    response.set_cookie(SESSION_COOKIE, await sessions.create(token), **COOKIE)
    response.delete_cookie(SIGN_IN_COOKIE, **COOKIE)
    return response


@app.post("/sign-out", dependencies=[Depends(require_own_form)])
async def sign_out(request: Request) -> Response:
    await sessions.end(request.cookies[SESSION_COOKIE])
    response = RedirectResponse("/", 303)
    response.delete_cookie(SESSION_COOKIE, **COOKIE)
    return response


# Servers


@app.get("/")
async def home(request: Request, session: Annotated[Session | None, Depends(find_session)]) -> Response:
    if session is None:
        return pages.TemplateResponse(request, "welcome.html")
    profiles = await session.hub.profiles.list(session.user)
    servers = [server for server in await session.hub.servers.list(session.user) if server.name]
    return pages.TemplateResponse(request, "home.html", {"session": session, "profiles": profiles, "servers": servers})


@app.post("/servers")
async def start(session: OwnForm, name: Annotated[str, Form()], profile: Annotated[str, Form()]) -> Response:
    await session.hub.servers.start(session.user, name, profile=profile, wait=False)
    return RedirectResponse(f"/servers/{name}", 303)


@app.get("/servers/{name}")
async def server(request: Request, name: str, session: SignedIn) -> Response:
    return pages.TemplateResponse(request, "server.html", {"session": session, "name": name})


@app.get("/servers/{name}/progress", response_class=EventSourceResponse)
async def progress(name: str, session: SignedIn) -> AsyncIterator[ServerSentEvent]:
    servers = session.hub.servers
    try:
        async for event in servers.progress(session.user, name):
            if event.failed:
                yield ServerSentEvent(event="failed", data={"message": event.message})
                return
            yield ServerSentEvent(data={"message": event.message, "progress": event.progress})
        started = await servers.wait(session.user, name)  # a start that somebody cancels looks ready for a second
        yield ServerSentEvent(event="ready", data={"address": started.address})
    except HubError as error:
        yield ServerSentEvent(event="failed", data={"message": f"{error}. {error.hint}"})


@app.post("/servers/{name}/stop")
async def stop(name: str, session: OwnForm) -> Response:
    await session.hub.servers.stop(session.user, name)
    return RedirectResponse("/", 303)


# Errors


@app.exception_handler(HubError)
async def hub_error(request: Request, error: HubError) -> Response:
    if isinstance(error, UnknownToken):
        await sessions.end(request.cookies.get(SESSION_COOKIE, ""))
        return message(request, 401, "The hub has ended your session.", "Sign in again.")
    status = error.status if isinstance(error, APIError) and error.status else 502
    return message(request, 400 if isinstance(error, InvalidInput) else status, str(error), error.hint)


@app.exception_handler(SignInRefused)
async def sign_in_refused(request: Request, error: SignInRefused) -> Response:
    return message(request, 403, str(error), "Sign in again from the first page.")


@app.exception_handler(PageError)
async def page_error(request: Request, error: PageError) -> Response:
    return message(request, error.status_code, error.detail, "Go to the first page, and try again from there.")


@app.exception_handler(RequestValidationError)
async def invalid_form(request: Request, error: RequestValidationError) -> Response:
    fields = ", ".join(str(each["loc"][-1]) for each in error.errors())
    return message(request, 422, f"Missing or invalid: {fields}.", "Go back, and fill in the form.")
