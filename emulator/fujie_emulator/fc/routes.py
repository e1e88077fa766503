"""`POST /2023-03-30/functions/{name}/invocations`: the wire of InvokeFunction."""

import base64

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.signing import verify_roa
from fujie_emulator.fc.errors import from_host, unsupported, wrong_type
from fujie_emulator.fc.state import authorize_invocation, enqueue, invoke
from fujie_emulator.functionhost.errors import InvocationError
from fujie_emulator.functionhost.function import new_request_id
from fujie_emulator.functionhost.host import FunctionHost
from fujie_emulator.functionhost.limits import BODY_LIMIT
from fujie_emulator.functionhost.routes import host_of

VERSION_PATH = "/2023-03-30"


def http_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the routes of FC's API."""

    async def invoke_function(request: Request) -> Response:
        note(service="fc", action="InvokeFunction")
        body = await read_body(request, BODY_LIMIT)
        caller = verify_roa(cloud, request, body)
        note(caller=caller)
        await cloud.faults.apply("fc", "InvokeFunction")
        name = request.path_params["name"]
        authorize_invocation(cloud, caller, name)
        try:
            return await _invoked(host_of(cloud), name, request, body)
        except InvocationError as error:
            raise from_host(error) from error

    async def refuse(request: Request) -> Response:
        note(service="fc", action="")
        raise unsupported(request.method, request.url.path)

    return [
        Route(f"{VERSION_PATH}/functions/{{name}}/invocations", invoke_function, methods=["POST"]),
        Route(f"{VERSION_PATH}/{{rest:path}}", refuse, methods=["GET", "POST", "PUT", "DELETE"]),
    ]


async def _invoked(host: FunctionHost, name: str, request: Request, body: bytes) -> Response:
    kind = _choice(request, "x-fc-invocation-type", "Sync", "Async")
    log_type = _choice(request, "x-fc-log-type", "None", "Tail")
    request_id = new_request_id()
    headers = {"x-fc-request-id": request_id}
    if kind == "Async":
        enqueue(host, name, body, request_id)
        return Response(status_code=202, headers=headers)
    answer = await invoke(host, name, body, request_id)
    if answer.error_type:
        headers["x-fc-error-type"] = answer.error_type
        note(code=answer.error_type)
    if log_type == "Tail":
        headers["x-fc-log-result"] = base64.b64encode(host.get(name).log_tail().encode()).decode()
    return Response(answer.payload, headers=headers, media_type="application/octet-stream")


def _choice(request: Request, header: str, *choices: str) -> str:
    value = request.headers.get(header) or choices[0]
    if value not in choices:
        raise wrong_type(header, value, " or ".join(choices))
    return value
