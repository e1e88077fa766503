"""HTTP+JSON: 1.0 below `/a2a`, 0.3 below `/a2a/v1`, where who asks for 1.0 by its header gets it as well."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fujie.agents.serving.a2a.desk import Desk
from fujie.agents.serving.a2a.dialects import REST, Dialect
from fujie.agents.serving.a2a.service import GONE, outcome
from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import error_headers
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import stream_events
from fujie.errors import FujieError
from fujie.protocols.a2a.card import PATH
from fujie.protocols.a2a.errors import NoSuchMethodError, ParamsError, Version, VersionError, rest_error
from fujie.protocols.a2a.fields import Fields, json_of
from fujie.protocols.a2a.operations import Operation, streams
from fujie.protocols.a2a.v0_3 import decode as v0_3
from fujie.protocols.a2a.v1_0 import decode as v1_0
from fujie.protocols.a2a.versions import HEADER, PARAMETER, version_asked
from fujie.protocols.agentscope.words import compact
from fujie.telemetry import bind


class Resource(NamedTuple):
    """One route, and the method that it is in each version; empty where a version has none."""

    http: str
    path: str
    method_1_0: str
    method_0_3: str


_TASK = "/tasks/{task}"
_PUSHES = f"{_TASK}/pushNotificationConfigs"
_PUSH, _PUSH_0_3 = f"{_PUSHES}/{{config}}", "tasks/pushNotificationConfig"
RESOURCES = (
    Resource("POST", "/message:send", "SendMessage", "message/send"),
    Resource("POST", "/message:stream", "SendStreamingMessage", "message/stream"),
    Resource("GET", "/tasks", "ListTasks", ""),
    Resource("POST", f"{_TASK}:cancel", "CancelTask", "tasks/cancel"),
    Resource("GET", f"{_TASK}:subscribe", "SubscribeToTask", "tasks/resubscribe"),
    Resource("POST", f"{_TASK}:subscribe", "SubscribeToTask", "tasks/resubscribe"),
    Resource("POST", _PUSHES, "CreateTaskPushNotificationConfig", f"{_PUSH_0_3}/set"),
    Resource("GET", _PUSHES, "ListTaskPushNotificationConfigs", f"{_PUSH_0_3}/list"),
    Resource("GET", _PUSH, "GetTaskPushNotificationConfig", f"{_PUSH_0_3}/get"),
    Resource("DELETE", _PUSH, "DeleteTaskPushNotificationConfig", f"{_PUSH_0_3}/delete"),
    Resource("GET", _TASK, "GetTask", "tasks/get"),
    Resource("GET", "/extendedAgentCard", "GetExtendedAgentCard", ""),
    Resource("GET", "/card", "", "agent/getAuthenticatedExtendedCard"),
)
"""A path that ends in `:word` comes before the one that would take it for an id."""


def rest_routes(served: Served, desk: Desk) -> list[Route]:
    """Return every resource below both prefixes."""
    spoken: dict[str, tuple[Version, ...]] = {PATH: ("1.0",), f"{PATH}/v1": ("0.3", "1.0")}
    return [
        Route(resource.http, prefix + resource.path, RestDoor(served, desk, resource, versions), _refused)
        for prefix, versions in spoken.items()
        for resource in RESOURCES
    ]


@dataclass(frozen=True)
class RestDoor:
    """One resource, answered whole or as a stream; what is wrong is answered in the version's own form."""

    served: Served
    desk: Desk
    resource: Resource
    spoken: Collection[Version]

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request."""
        dialect = REST["0.3" if "0.3" in self.spoken else "1.0"]
        try:
            dialect = self._dialect(request)
            await self._answer(request, send, dialect)
        except FujieError as error:
            await answer(send, refusal(error, dialect))

    async def _answer(self, request: Request, send: Send, dialect: Dialect) -> None:
        principal = await self.served.inbound.admit(request.headers)
        asked = await self._operation(request, dialect)
        if streams(asked):
            told = await self.desk.stream(asked, principal, dialect.shape, lambda said: said)
            with bind(run_id=told.run.id, user_id=told.run.user.id):
                await stream_events(request, send, told.events, told.wire)
            return
        found = await outcome(self.desk, asked, principal, request)
        if found is not GONE:
            said = compact(dialect.written(asked, found)).encode()
            await answer(send, Answer(200, said, dialect.content_type))

    def _dialect(self, request: Request) -> Dialect:
        version = version_asked(request.headers.get(HEADER), request.query.get(PARAMETER))
        if version not in self.spoken:
            raise VersionError(version, ", ".join(self.spoken))
        return REST[version]

    async def _operation(self, request: Request, dialect: Dialect) -> Operation:
        method = self.resource.method_1_0 if dialect.version == "1.0" else self.resource.method_0_3
        if not method:
            raise NoSuchMethodError(f"A2A {dialect.version} has nothing here")
        given = await self._given(request)
        params = Fields({**given, **_from_path(self.resource, request.params, dialect.version)})
        return (v1_0.operation if dialect.version == "1.0" else v0_3.operation)(method, params)

    async def _given(self, request: Request) -> Mapping[str, Any]:
        """Return a body's fields, or the query's where HTTP has no body; a `POST` that says nothing needs none."""
        if request.method != "POST":
            return request.query
        body = await request.body(self.served.config.max_body_bytes)
        value = json_of(body) if body.strip() else {}
        if not isinstance(value, dict):
            raise ParamsError("", "the body must be an object")
        return value


def refusal(error: FujieError, dialect: Dialect) -> Answer:
    """Return an error as a version says it."""
    status, said = rest_error(error, dialect.version)
    return Answer(status, compact(said).encode(), dialect.content_type, error_headers(error))


def _refused(error: FujieError) -> Answer:
    return refusal(error, REST["1.0"])


def _from_path(resource: Resource, params: Mapping[str, str], version: Version) -> Mapping[str, str]:
    """Return what the path says under the names that a version's parameters have."""
    task, config = params.get("task"), params.get("config")
    if task is None:
        return {}
    if not resource.path.startswith(_PUSHES):
        return {"id": task}
    if version == "1.0":
        return {"taskId": task} | ({"id": config} if config else {})
    return {"id": task, "taskId": task} | ({"pushNotificationConfigId": config} if config else {})
