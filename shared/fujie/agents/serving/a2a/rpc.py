"""JSON-RPC at `/a2a`: both versions at one address, told apart by `A2A-Version`."""

from dataclasses import dataclass

from fujie.agents.serving.a2a.desk import Desk
from fujie.agents.serving.a2a.dialects import RPC, Dialect
from fujie.agents.serving.a2a.service import GONE, outcome
from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import error_headers
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import SSE, stream_events
from fujie.errors import FujieError
from fujie.protocols.a2a.card import PATH
from fujie.protocols.a2a.errors import VersionError, rpc_error, rpc_status
from fujie.protocols.a2a.fields import json_of
from fujie.protocols.a2a.operations import Operation, streams
from fujie.protocols.a2a.rpc import Call, CallId, call_id, call_of, result
from fujie.protocols.a2a.v0_3 import decode as v0_3
from fujie.protocols.a2a.v1_0 import decode as v1_0
from fujie.protocols.a2a.versions import HEADER, PARAMETER, version_asked
from fujie.protocols.agentscope.words import compact
from fujie.telemetry import bind

_STREAMS_0_3 = frozenset({"message/stream", "tasks/resubscribe"})
"""0.3's client reads nothing but a stream where it asked for one, errors too."""


def rpc_routes(served: Served, desk: Desk) -> list[Route]:
    """Return the one route."""
    return [Route("POST", PATH, RpcDoor(served, desk), _refused)]


@dataclass(frozen=True)
class RpcDoor:
    """One call, answered whole or as a stream; what is wrong with it is an answer, too."""

    served: Served
    desk: Desk

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request."""
        exchange = _Exchange()
        try:
            await self._answer(request, send, exchange)
        except FujieError as error:
            await answer(send, exchange.refusal(error))

    async def _answer(self, request: Request, send: Send, exchange: "_Exchange") -> None:
        exchange.dialect = RPC[version_asked(request.headers.get(HEADER), request.query.get(PARAMETER))]
        principal = await self.served.inbound.admit(request.headers)
        call = exchange.read(await request.body(self.served.config.max_body_bytes))
        asked = _operation(exchange.dialect, call)
        if streams(asked):
            told = await self.desk.stream(asked, principal, exchange.dialect.shape, lambda said: result(call.id, said))
            with bind(run_id=told.run.id, user_id=told.run.user.id):
                await stream_events(request, send, told.events, told.wire)
            return
        found = await outcome(self.desk, asked, principal, request)
        if found is not GONE:
            said = result(call.id, exchange.dialect.written(asked, found))
            await answer(send, Answer(200, compact(said).encode()))


class _Exchange:
    """What is known of a call so far, for when it must be refused."""

    def __init__(self) -> None:
        self.dialect = RPC["1.0"]
        self.id: CallId = None
        self.streams = False

    def read(self, unverified_body: bytes) -> Call:
        value = json_of(unverified_body)
        self.id = call_id(value)
        call = call_of(value)
        self.streams = self.dialect.version == "0.3" and call.method in _STREAMS_0_3
        return call

    def refusal(self, error: FujieError) -> Answer:
        status, said = rpc_status(error), compact(rpc_error(error, self.dialect.version, self.id))
        if self.streams and status == 200:
            return Answer(200, f"data: {said}\n\n".encode(), SSE)
        return Answer(status, said.encode(), headers=error_headers(error))


def _operation(dialect: Dialect, call: Call) -> Operation:
    """Return what a call asks for; a method of the other version only is told to be that."""
    is_new = dialect.version == "1.0"
    if call.method not in (v1_0 if is_new else v0_3).METHODS and call.method in (v0_3 if is_new else v1_0).METHODS:
        raise VersionError(f"{dialect.version} {call.method}", "0.3" if is_new else "1.0")
    return (v1_0.operation if is_new else v0_3.operation)(call.method, call.params)


def _refused(error: FujieError) -> Answer:
    return _Exchange().refusal(error)
