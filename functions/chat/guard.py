"""Who is asking, and whether the request came from our own page."""

import hmac
from typing import Annotated

from fastapi import Depends, Path, Request

from fujie.identity.rows import BrowserSession
from fujie.sessions.rows import Run
from functions.chat.errors import ForgedRequestError, NotYoursError, SignedOutError, UnknownError
from functions.chat.parts import Parts

Id = Annotated[str, Path(max_length=128, pattern=r"^[\x21-\x7e]+$")]
"""In a path: what ids are made of; the store is asked for nothing else (PostgreSQL refuses a NUL)."""


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(parts_of)]


async def visitor(request: Request, parts: PartsOf) -> BrowserSession | None:
    """Return the browser's session, or None for a visitor who is not signed in."""
    return await parts.sign_in.session(parts.cookies.session(request.cookies))


Visitor = Annotated[BrowserSession | None, Depends(visitor)]


async def signed_in(session: Visitor) -> BrowserSession:
    if session is None:
        raise SignedOutError("you are not signed in, or your session has ended", repair="sign in")
    return session


SignedIn = Annotated[BrowserSession, Depends(signed_in)]


def same_origin(request: Request, parts: PartsOf) -> None:
    """Refuse what another site made the browser send; a client that is no browser sends neither header."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise ForgedRequestError("the request came from another site")
    if origin is not None and origin != parts.origin:
        raise ForgedRequestError("the request came from another origin")


SameOrigin = Depends(same_origin)


async def own_page(request: Request, session: SignedIn, _same: Annotated[None, SameOrigin]) -> BrowserSession:
    """Return the session of a request that our own page sent: its CSRF token matches the session's."""
    token = request.headers.get("x-csrf-token", "")
    if not hmac.compare_digest(token.encode(), session.csrf_token.encode()):
        raise ForgedRequestError("the header x-csrf-token does not match the session", repair="reload the page")
    return session


OwnPage = Annotated[BrowserSession, Depends(own_page)]


async def own_run(run_id: Id, session: SignedIn, parts: PartsOf) -> Run:
    """Return the run if it is the signed-in user's own."""
    run = await parts.store.run(run_id)
    if run is None:
        raise UnknownError("there is no such run")
    if (run.user.tenant, run.user.id) != (session.user.tenant, session.user.id):
        raise NotYoursError("this run belongs to someone else")
    return run


OwnRun = Annotated[Run, Depends(own_run)]
