"""InvokeFunction without its wire: who may, with what, and what comes back."""

from dataclasses import dataclass
from typing import Literal

from fujie_emulator.core.call import Caller
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.iam import authorize
from fujie_emulator.functionhost.errors import FunctionFailedError
from fujie_emulator.functionhost.host import FunctionHost
from fujie_emulator.functionhost.limits import ASYNC_BODY_LIMIT, body_too_large

InvocationType = Literal["Sync", "Async"]


@dataclass(frozen=True)
class Answer:
    """What the function returned; `error_type` is set when it failed, and the payload says how."""

    payload: bytes
    error_type: str = ""


def function_arn(cloud: Cloud, name: str) -> str:
    """Return the resource that policies name."""
    return f"acs:fc:{cloud.region}:{cloud.account_id}:functions/{name}"


def authorize_invocation(cloud: Cloud, caller: Caller, name: str) -> None:
    """Return when the caller may invoke the function; CloudError NoPermission (403)."""
    authorize(cloud, caller, "fc:InvokeFunction", [function_arn(cloud, name)])


async def invoke(host: FunctionHost, name: str, event: bytes, request_id: str) -> Answer:
    """Invoke and wait. A failure of the function itself is an answer; InvocationError is the platform's."""
    try:
        return Answer(await host.get(name).invoke(event, request_id))
    except FunctionFailedError as error:
        return Answer(error.body(request_id), error.error_type)


def enqueue(host: FunctionHost, name: str, event: bytes, request_id: str, task_id: str = "") -> None:
    """Accept the event for delivery; it is on disk when this returns. InvocationError when it is refused."""
    if len(event) > ASYNC_BODY_LIMIT:
        raise body_too_large(ASYNC_BODY_LIMIT)
    host.get(name)
    host.deliveries.accept(name, event, request_id, task_id)
