"""Function Compute's API: InvokeFunction here, the control plane in `control`."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fujie_emulator.core.cloud import ORIGINS, Cloud
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.signing import verify_roa
from fujie_emulator.fc import certificates, domains, tasks, triggers, versions
from fujie_emulator.fc.addresses import Origins
from fujie_emulator.fc.control import BASE, control_routes
from fujie_emulator.fc.deploying import deploy_all
from fujie_emulator.fc.destinations import Destinations
from fujie_emulator.fc.errors import from_host, wrong_type
from fujie_emulator.fc.events import Timers, message_sent, object_changed
from fujie_emulator.fc.functions import SERVICE
from fujie_emulator.fc.state import authorize_invocation, enqueue, invoke
from fujie_emulator.functionhost.errors import InvocationError
from fujie_emulator.functionhost.function import new_request_id
from fujie_emulator.functionhost.limits import BODY_LIMIT
from fujie_emulator.functionhost.routes import host_of
from fujie_emulator.functionhost.specification import FunctionSpec
from fujie_emulator.mns import queues
from fujie_emulator.oss import notices
from fujie_emulator.sls import state as logs


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
        address = versions.address(name, request.query_params.get("qualifier"))
        try:
            return await _invoked(cloud, address, request, body)
        except InvocationError as error:
            raise from_host(error) from error

    invocations = Route(f"{BASE}/functions/{{name}}/invocations", invoke_function, methods=["POST"])
    return [invocations, *control_routes(cloud)]


@asynccontextmanager
async def lifespan(cloud: Cloud) -> AsyncIterator[None]:
    """Run what was deployed before, beginning behind the cloud's first answer, and listen for what triggers name."""
    host = host_of(cloud)
    destinations = Destinations(cloud, host)
    host.resolve, host.tell_log = partial(versions.resolve, cloud), partial(_log, cloud)
    host.deliveries.rules_of, host.deliveries.when_moved = destinations.rules_of, partial(tasks.moved, cloud)
    host.deliveries.when_ended = destinations.ended
    parts = {
        ORIGINS: Origins(cloud),
        notices.LISTENER: partial(object_changed, cloud),
        queues.LISTENER: partial(message_sent, cloud),
    }
    cloud.parts.update(parts)
    certificates.listen_if_needed(cloud)
    running = [asyncio.create_task(deploy_all(cloud)), asyncio.create_task(Timers(cloud).run())]
    try:
        yield
    finally:
        await certificates.close(cloud)
        for name in parts:
            del cloud.parts[name]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def inventory(cloud: Cloud) -> dict[str, Any]:
    """Return the names of the functions the control plane keeps, each with its triggers, and of the custom domains."""
    names = [name for name, _ in cloud.store.list(SERVICE, "function")]
    found = {name: [trigger["triggerName"] for trigger in triggers.listed(cloud, name, "")] for name in names}
    if address := certificates.address(cloud):
        found |= {"custom-domains-by-tls": [address]}
    return found | ({"custom-domains": held} if (held := [d["domainName"] for d in domains.listed(cloud, "")]) else {})


def _log(cloud: Cloud, spec: FunctionSpec, line: str) -> None:
    project, _, store = spec.log_store.partition("/")
    logs.write(cloud, project, store, {"functionName": spec.name, "qualifier": spec.version, "message": line})


async def _invoked(cloud: Cloud, name: str, request: Request, body: bytes) -> Response:
    host = host_of(cloud)
    kind = _choice(request, "x-fc-invocation-type", "Sync", "Async")
    log_type = _choice(request, "x-fc-log-type", "None", "Tail")
    request_id = new_request_id()
    headers = {"x-fc-request-id": request_id}
    if kind == "Async":
        task = tasks.task_id(cloud, name, request.headers.get("x-fc-async-task-id"), request_id)
        enqueue(host, name, body, request_id, task)
        return Response(status_code=202, headers=headers | ({"x-fc-async-task-id": task} if task else {}))
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
