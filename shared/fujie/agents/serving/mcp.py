"""MCP's door: the agent as a tool at `/mcp`, in the current revision and in earlier ones that begin with `initialize`.

Nothing is kept between two messages. A call of the current revision is canceled by going away; one of an earlier
revision goes on, is canceled by a notification, and read on with `Last-Event-ID`, all of that at any instance: the
run's id is made of user, session and request, and a session's id says what its client can.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from fujie.agents.errors import RunNotFoundError
from fujie.agents.port import Principal
from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import MethodError, error_headers
from fujie.agents.serving.following import Events, followed, patiently
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import fold_events, stream_events
from fujie.errors import FujieError
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.agentscope.words import compact
from fujie.protocols.mcp.call import (
    OPENS_URLS,
    Call,
    call_in,
    cancelled_request,
    given_up,
    new_session_id,
    run_id_of,
)
from fujie.protocols.mcp.encode import Answer as FoldedAnswer
from fujie.protocols.mcp.encode import Asked, Encoder, read_on
from fujie.protocols.mcp.errors import InvalidParamsError, McpError, MethodNotFoundError, error_body
from fujie.protocols.mcp.message import Json, Message, checked_message, message_in
from fujie.protocols.mcp.resource import METADATA_PATH, challenge, check_origin, resource_metadata
from fujie.protocols.mcp.result import refused
from fujie.protocols.mcp.tool import discovered, initialized, listed, modern
from fujie.sessions.rows import Run
from fujie.telemetry import bind

SESSION_HEADER = "mcp-session-id"
_FOR_A_USER = frozenset({"tools/call", "notifications/cancelled", ""})
"""Methods that act for who asks; the empty one is a response's."""


def routes(served: Served) -> list[Route]:
    """Return the routes of this protocol."""
    door = Door(served)
    own = [Route("POST", "/mcp", door.post, _refused), Route("GET", "/mcp", door.read_on, _refused)]
    return own + ([Route("GET", METADATA_PATH, door.metadata, _refused)] if door.issuers else [])


def _refused(error: FujieError) -> Answer:
    """Say an error that came before a message was read."""
    return Answer(error.status, error_body(error, None), headers=error_headers(error))


@dataclass(frozen=True)
class Door:
    """One message is one request; a request is answered with a result, or a stream that ends in one."""

    served: Served

    @property
    def issuers(self) -> list[str]:
        """Whose tokens are taken."""
        return [*self.served.issuers, *(issuer.issuer for issuer in self.served.config.issuers)]

    async def post(self, request: Request, send: Send) -> None:
        """Answer one message."""
        await self._guarded(request, send, self._post)

    async def read_on(self, request: Request, send: Send) -> None:
        """Go on with a stream of an earlier revision that broke."""
        await self._guarded(request, send, self._read_on)

    async def metadata(self, request: Request, send: Send) -> None:
        """Say where tokens come from."""
        said = resource_metadata(self._base_url(request), self.served.name, self.issuers)
        await answer(send, Answer(200, compact(said).encode()))

    async def _guarded(self, request: Request, send: Send, work: Callable[[Request, Send], Awaitable[None]]) -> None:
        """Refuse pages of other origins, and lead those without a token to where they get one."""
        try:
            config = self.served.config
            check_origin(request.headers.get("origin"), self.served.public_url, config.cors_origins)
            await work(request, send)
        except FujieError as error:
            if error.status != 401:
                raise
            led = challenge(self._base_url(request), self.issuers)
            await answer(send, Answer(401, error_body(error, None), headers=[(b"www-authenticate", led.encode())]))

    async def _post(self, request: Request, send: Send) -> None:
        await self.served.inbound.only_verify(request.headers)
        id_, body = message_in(await request.body(self.served.config.max_body_bytes))
        principal = await self._admitted(request, body)
        try:
            message = checked_message(id_, body, request.headers)
            await self._answer(message, principal, request, send)
        except FujieError as error:
            # In the earlier revisions a 404 says that the session has ended; an error there is an answer like others.
            status = error.status if error.status != 404 or request.headers.get("mcp-method") else 200
            await answer(send, Answer(status, error_body(error, id_), headers=error_headers(error)))

    async def _admitted(self, request: Request, body: Json) -> Principal | None:
        is_for_a_user = str(body.get("method", "")) in _FOR_A_USER
        return await self.served.inbound.admit(request.headers) if is_for_a_user else None

    async def _answer(self, message: Message, principal: Principal | None, request: Request, send: Send) -> None:
        if message.kind == "request" and message.method == "tools/call":
            assert principal is not None
            await _CallAnswer(self.served, message, principal, request, send).say()
        elif message.kind == "request":
            headers, result = self._result(message)
            said = {"jsonrpc": "2.0", "id": message.id, "result": result}
            await answer(send, Answer(200, compact(said).encode(), headers=headers))
        else:
            await self._take_back(message, principal, request)
            await answer(send, Answer(202, b""))

    def _result(self, message: Message) -> tuple[list[tuple[bytes, bytes]], Json]:
        about = self.served.metadata
        if message.method == "initialize" and not message.is_modern:
            session = (SESSION_HEADER.encode(), new_session_id(message.params).encode())
            requested = message.params.get("protocolVersion")
            return [session], initialized(requested, about.name, about.version, about.description)
        if message.method == "server/discover" and message.is_modern:
            return [], discovered(about.name, about.version, about.description)
        if message.method == "tools/list":
            tools = listed(about.name, about.description)
            return [], modern(tools, about.name, about.version, cached=True) if message.is_modern else tools
        if message.method == "ping" and not message.is_modern:
            return [], {}
        raise MethodNotFoundError("Method not found")

    async def _take_back(self, message: Message, principal: Principal | None, request: Request) -> None:
        """Cancel the run whose request was canceled, or whose user declined; what is not there needs nothing."""
        run_id = given_up(message) if message.kind == "response" else ""
        session = request.headers.get(SESSION_HEADER, "")
        if (cancelled := cancelled_request(message)) is not None and session and principal is not None:
            run_id = run_id_of(principal.key, session, cancelled)
        if run_id and principal is not None:
            try:
                await self.served.runs.cancel(run_id, principal.user)
            except RunNotFoundError:
                return

    async def _read_on(self, request: Request, send: Send) -> None:
        last = request.headers.get("last-event-id")
        if last is None:
            raise MethodError(["POST"])
        principal = await self.served.inbound.admit(request.headers)
        run_id, seen, id_, token = read_on(last)
        run = await self.served.runs.find(run_id, principal.user)
        about = self.served.metadata
        urls = request.headers.get(SESSION_HEADER, "").startswith(OPENS_URLS)
        asked = Asked(id_, about.name, about.version, False, "request" if urls else "text", token, True, seen)
        with bind(run_id=run.id, user_id=run.user.id):
            await stream_events(request, send, _watched(self.served, run, principal, asked), Encoder(asked))

    def _base_url(self, request: Request) -> str:
        return self.served.public_url or f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"


@dataclass(frozen=True)
class _CallAnswer:
    """One call of the agent."""

    served: Served
    message: Message
    principal: Principal
    request: Request
    send: Send

    async def say(self) -> None:
        """Run what is asked and answer; raises McpError before the answer begins."""
        call = call_in(self.message, self.served.name)
        asked = self._asked()
        try:
            run, events = await self._run(call, asked)
        except FujieError as error:
            if isinstance(error, McpError) or error.status >= 500:
                raise
            await self._whole(asked, refused(error))
            return
        with bind(run_id=run.id, user_id=run.user.id):
            await self._tell(asked, events)

    def _asked(self) -> Asked:
        about, message = self.served.metadata, self.message
        session = self.request.headers.get(SESSION_HEADER, "")
        asked = Asked(message.id, about.name, about.version, message.is_modern, "text", message.progress_token)
        if message.is_modern:
            return replace(asked, asks="retry") if message.takes_urls else asked
        resumable = replace(asked, is_resumable=True)
        return replace(resumable, asks="request") if session.startswith(OPENS_URLS) else resumable

    async def _run(self, call: Call, asked: Asked) -> tuple[Run, Events]:
        runs, principal = self.served.runs, self.principal
        if not self.message.is_modern:
            session = self.request.headers.get(SESSION_HEADER, "")
            run_id = run_id_of(principal.key, session, self.message.id) if session else ""
            run = await runs.start(principal, call.run(run_id))
            runs.background(run, principal.act)
            return run, _watched(self.served, run, principal, asked)
        if call.state:
            return await self._again(call)
        run = await runs.start(principal, call.run())
        return run, runs.execute(run, principal.act)

    async def _again(self, call: Call) -> tuple[Run, Events]:
        """Go on with a run whose user was asked; a state is worth nothing to others, nor with another question."""
        try:
            run = await self.served.runs.find(call.state, self.principal.user)
        except RunNotFoundError as error:
            raise InvalidParamsError("requestState is none of ours") from error
        if not call.asks_as(AgentRequest.from_json(run.request)):
            raise InvalidParamsError("requestState belongs to another call")
        if call.refuses:
            await self.served.runs.cancel(run.id, self.principal.user)
        return run, followed(self.served.runs, run, self.principal, self.served.config.timeout_s)

    async def _tell(self, asked: Asked, events: Events) -> None:
        if "text/event-stream" in self.request.headers.get("accept", ""):
            await stream_events(self.request, self.send, events, Encoder(asked))
            return
        folded = FoldedAnswer(asked)
        if await fold_events(self.request, events, folded.feed):
            await answer(self.send, Answer(200, compact(folded.end()).encode()))

    async def _whole(self, asked: Asked, result: Json) -> None:
        result = modern(result, asked.agent, asked.agent_version) if asked.is_modern else result
        said = {"jsonrpc": "2.0", "id": asked.id, "result": result}
        await answer(self.send, Answer(200, compact(said).encode()))


def _watched(served: Served, run: Run, principal: Principal, asked: Asked) -> Events:
    """Watch a run that nobody's going away ends, over its pauses where the client was asked on this very stream."""
    follows = asked.asks == "request"
    return patiently(served.runs.watch(run.id, principal.user, follow=follows), served.config.timeout_s)
