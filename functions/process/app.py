"""process: the agent protocols' doors, the runs they started, and the event that wakes a paused one."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fujie.errors import FujieError, InputError
from fujie.fc.context import require_control_path
from fujie.protocols.agentscope.request import MAX_BODY_BYTES, RequestInvalidError, request_from_body
from fujie.secret import Secret
from fujie.telemetry import bind
from functions.process.bodies import read_body
from functions.process.openai_chat import openai_routes
from functions.process.parts import Parts
from functions.process.streaming import EventStream, whole_answer

MAX_EVENT_BYTES = 16 * 1024


@dataclass(frozen=True)
class ProcessEndpoint:
    """`POST /process`, below the framework: no copy and no queue between the run and the socket."""

    parts: Parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        principal = await self.parts.door.anyone(Headers(scope=scope))
        request = request_from_body(await read_body(receive, MAX_BODY_BYTES))
        run = await self.parts.runs.start(principal, request)
        with bind(run_id=run.id, user_id=run.user.id):
            events = self.parts.runs.execute(run, principal.act)
            if request.stream:
                await EventStream(events).answer(receive, send)
                return
            body = await whole_answer(events, receive)
            await Response(body, media_type="application/json")(scope, receive, send)


def create_app(parts: Parts) -> FastAPI:
    """Return the app around its collaborators, which it opens and closes."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await parts.store.open()
        yield
        await parts.http.aclose()
        await parts.store.close()

    app = FastAPI(title="fujie process", lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    app.router.routes.append(Route("/process", ProcessEndpoint(parts), methods=["POST"]))
    app.router.routes.extend(openai_routes(parts))

    @app.get("/health")
    async def health() -> Mapping[str, str]:
        return {"status": "ok"}

    @app.post("/runtime/runs/{run_id}/cancel", status_code=202)
    async def cancel(run_id: str, request: Request) -> Mapping[str, str]:
        principal = await parts.door.chat(request.headers)
        return {"status": await parts.runs.cancel(run_id, principal.user)}

    @app.post("/invoke")
    async def invoke(request: Request) -> Mapping[str, str]:
        require_control_path(request.scope, "/invoke")
        run_id, token = _wake_up(await read_body(request.receive, MAX_EVENT_BYTES))
        principal = await parts.door.waker(token, run_id)
        with bind(run_id=run_id, user_id=principal.user.id):
            async with aclosing(parts.runs.resume(run_id, principal.act)) as events:
                async for _ in events:
                    pass
        return {"status": "done"}

    app.add_exception_handler(FujieError, _typed)
    return app


def _wake_up(unverified_body: bytes) -> tuple[str, Secret]:
    """Return run id and unverified token of a `resume_run` event; raises InputError."""
    try:
        event = json.loads(unverified_body)
        if event["type"] == "resume_run" and isinstance(event["run_id"], str) and isinstance(event["token"], str):
            return event["run_id"], Secret(event["token"])
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise InputError('the event must be {"type": "resume_run", "run_id": ..., "token": ...}')


async def _typed(_request: Request, error: Exception) -> Response:
    """Answer in AgentScope's form what is wrong with a request's body, else `{"error": {code, message, repair?}}`."""
    if isinstance(error, RequestInvalidError):
        return Response(json.dumps({"detail": error.detail}), 422, media_type="application/json")
    if not isinstance(error, FujieError):
        raise error
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse({"error": error.as_dict()}, error.status, headers)
