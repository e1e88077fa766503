"""tool, the hands: which tools there are, and one call of one of them."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from fujie import clock
from fujie.errors import FujieError
from fujie.identity.acting import acting_for
from fujie.identity.errors import DelegationExpiredError, DelegationRequiredError
from fujie.identity.internal import InternalCaller, spend
from fujie.identity.ledger import actors
from fujie.identity.withdrawing import PATH
from fujie.telemetry import bind
from fujie.tools.outcomes import Failed
from functions.tool.asked import asked_call, asked_withdrawal, speaker
from functions.tool.once import Once
from functions.tool.parts import Parts

log = logging.getLogger(__name__)
routes = APIRouter()
Speaker = Annotated[InternalCaller, Depends(speaker)]


@routes.get("/tools")
async def list_tools(request: Request, _caller: Speaker) -> dict[str, Any]:
    """List the tools of this stack."""
    parts: Parts = request.app.state.parts
    return {"tools": parts.registry.manifest()}


@routes.post(PATH)
async def withdrawn(request: Request) -> dict[str, str]:
    """Revoke at its provider what a withdrawn permission gave; for `chat` alone."""
    parts: Parts = request.app.state.parts
    unverified_token, provider = await asked_withdrawal(request)
    return {"at_provider": await parts.revoker.revoke(unverified_token, provider)}


@routes.post("/tools/{name}/call")
async def call_tool(request: Request, name: str, caller: Speaker) -> dict[str, Any]:
    """Call a tool for the user of the run that the token names."""
    parts: Parts = request.app.state.parts
    asked = await asked_call(request, caller, name)
    tool = parts.registry.get(name)
    if tool.effect != "read":
        await spend(parts.store, caller, clock.now())
    try:
        acting = await acting_for(parts.store, parts.opener, caller, refresh=parts.refresher, now=clock.now())
    except (DelegationExpiredError, DelegationRequiredError) as error:
        # The run and its user do belong together, so the model may say what is to be done.
        return Failed(error.as_dict(), None, 0).as_dict()
    once = Once(parts.store, caller) if tool.effect != "read" else None
    with bind(run_id=acting.run.id, user_id=acting.user.id):
        outcome = await parts.caller.call(
            acting,
            name,
            asked.arguments,
            call_id=asked.call_id,
            language=asked.language,
            actor=actors(caller.act),
            begin=once.begin if once else None,
        )
        return await once.ended(outcome.as_dict()) if once else outcome.as_dict()


def create_app(parts: Parts) -> FastAPI:
    """Return the app around its collaborators, which it opens and closes."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await parts.store.open()
        yield
        await parts.http.aclose()
        await parts.store.close()

    app = FastAPI(title="fujie tool", lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    app.state.parts = parts
    app.include_router(routes)
    app.add_exception_handler(FujieError, _typed)
    app.add_exception_handler(Exception, _broken)
    return app


async def _typed(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, FujieError):
        raise error
    log.warning("refused: %s", error.code)
    return JSONResponse({"error": error.as_dict()}, error.status)


async def _broken(_request: Request, error: Exception) -> JSONResponse:
    """The log has the error's kind and place, the caller nothing of it."""
    log.error("unexpected %s", type(error).__name__)
    return JSONResponse({"error": {"code": "internal", "message": "the tool function failed"}}, 500)
