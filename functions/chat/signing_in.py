"""Sign-in and sign-out of the browser, and who is signed in."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, Field

from fujie import clock
from fujie.errors import FujieError
from fujie.identity.signin import SignedIn as Finished
from fujie.secret import Secret
from fujie.settings import Settings
from functions.chat.guard import OwnPage, PartsOf, SameOrigin, Visitor
from functions.chat.parts import Parts
from functions.chat.statics import STATIC

SHIPPED = {"name": "Fujie", "description": "An agent that acts for you, with your own consent.", "abilities": None}
"""Of this one the page has its own words and examples; of another it knows only what it says of itself."""
LANGUAGES = ["zh", "en"]

routes = APIRouter()


class OAuthReturn(BaseModel):
    """What the sample's frontend hands over after the redirect."""

    code: Annotated[str, Field(min_length=1, max_length=4096)]
    state: Annotated[str, Field(min_length=1, max_length=1024)]
    iss: Annotated[str, Field(max_length=2048)] = ""
    """RFC 9207: who answered; an issuer that promises to say so is not believed without it."""


@routes.get("/api/me")
async def me(session: Visitor, parts: PartsOf) -> dict[str, Any]:
    """Who is signed in, and what the UI needs to begin."""
    user = {"id": session.user.id, "name": session.user.name} if session else None
    token = session.csrf_token if session else ""
    return {"user": user, "csrf_token": token, "agent": _agent(parts.settings), "languages": LANGUAGES}


@routes.get("/auth/login")
async def login(parts: PartsOf, return_to: str = "/") -> Response:
    """Go to the sign-in page."""
    begun = await parts.sign_in.begin(return_to)
    response = RedirectResponse(begun.url, 303)
    parts.cookies.set_login(response, begun.login_cookie)
    return response


@routes.get("/auth/callback")
async def login_return(request: Request, parts: PartsOf) -> Response:
    """Come back from the sign-in page; a person sees a page also when it went wrong, a program a typed error."""
    query = request.query_params
    try:
        finished = await _finish(request, parts, query.get("code", ""), query.get("state", ""), query.get("iss", ""))
    except FujieError as error:
        if "text/html" in request.headers.get("accept", ""):
            return FileResponse(STATIC / "sign-in-failed.html", error.status)
        raise
    response = RedirectResponse(finished.return_to, 303)
    _keep(response, parts, finished)
    return response


@routes.post("/auth/logout")
async def logout(session: OwnPage, parts: PartsOf) -> Response:
    """End the session here and at the store, withdraw the delegation, and have its refresh token revoked."""
    await parts.sign_in.sign_out(session)
    if parts.signed_out is not None:
        await parts.signed_out.tell(session)
    response = Response(status_code=204)
    parts.cookies.clear_session(response)
    return response


@routes.get("/auth")
async def sample_login(parts: PartsOf) -> Response:
    """The sample's own route: where to sign in."""
    begun = await parts.sign_in.begin("/")
    response = JSONResponse({"auth_url": begun.url})
    parts.cookies.set_login(response, begun.login_cookie)
    return response


@routes.post("/callback_for_oauth", dependencies=[SameOrigin])
async def sample_login_return(body: OAuthReturn, request: Request, parts: PartsOf) -> Response:
    """The sample's own route: the session itself travels only in the cookie."""
    finished = await _finish(request, parts, body.code, body.state, body.iss)
    session = finished.session
    response = JSONResponse({"user_id": session.user.id, "csrf_token": session.csrf_token})
    _keep(response, parts, finished)
    return response


def _agent(settings: Settings) -> dict[str, Any]:
    if settings.agent_endpoint:
        return {"name": urlsplit(settings.agent_endpoint).hostname or "", "description": "", "abilities": []}
    about = settings.agent_about
    if about is None:
        return SHIPPED
    return {"name": about.name, "description": about.description, "abilities": list(about.abilities)}


async def _finish(request: Request, parts: Parts, code: str, state: str, issuer: str = "") -> Finished:
    login_cookie = parts.cookies.login(request.cookies)
    return await parts.sign_in.finish(code=Secret(code), state=state, login_cookie=login_cookie, issuer=issuer)


def _keep(response: Response, parts: Parts, finished: Finished) -> None:
    left = finished.session.expires_at - clock.now()
    parts.cookies.set_session(response, finished.session_cookie, max(0, int(left.total_seconds())))
