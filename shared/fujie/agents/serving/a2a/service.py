"""An operation to its outcome, whatever it is: what both doors do once they have read a request."""

from collections.abc import Sequence
from typing import Any

from fujie.agents.port import Principal
from fujie.agents.pushes.service import Pushes
from fujie.agents.serving.a2a.card import card
from fujie.agents.serving.a2a.desk import Desk, pushes_of
from fujie.agents.serving.asgi import Request
from fujie.agents.serving.served import Served
from fujie.protocols.a2a.card import Skill
from fujie.protocols.a2a.errors import NoSuchTaskError, UnsupportedError
from fujie.protocols.a2a.operations import (
    CancelTask,
    DeletePush,
    GetCard,
    GetPush,
    GetTask,
    ListPush,
    ListTasks,
    Operation,
    Send,
    SetPush,
)
from fujie.protocols.a2a.push_config import PushConfig

GONE = object()
"""The outcome for a client that went away."""


async def outcome(desk: Desk, asked: Operation, principal: Principal, request: Request) -> Any:
    """Return what an operation that is no stream gives."""
    match asked:
        case Send():
            found = await desk.send(asked, principal, request)
            return GONE if found is None else found
        case GetTask():
            return await desk.get(asked, principal)
        case ListTasks():
            return await desk.list(asked, principal)
        case CancelTask():
            return await desk.cancel(asked, principal)
        case GetCard():
            return card(desk.served, request, await _tools(desk.served))
        case SetPush() | GetPush() | ListPush() | DeletePush():
            pushes = pushes_of(desk.served)
            await desk.run(asked.task_id, principal)
            return await _push(pushes, asked)
    raise UnsupportedError("this is answered as a stream")


async def _push(pushes: Pushes, asked: SetPush | GetPush | ListPush | DeletePush) -> Any:
    """Carry out what concerns the notifications of a task that is the caller's."""
    match asked:
        case SetPush():
            return await pushes.set(asked.task_id, asked.config)
        case GetPush():
            return _one(await pushes.of(asked.task_id), asked.config_id)
        case ListPush():
            return await pushes.of(asked.task_id)
        case DeletePush():
            return await pushes.drop(asked.task_id, asked.config_id)


def _one(configs: Sequence[PushConfig], config_id: str) -> PushConfig:
    for config in configs:
        if config_id in ("", config.id):
            return config
    raise NoSuchTaskError("there is no such push notification configuration")


async def _tools(served: Served) -> Sequence[Skill]:
    """Return what the agent can do, as skills that only callers who are let in see."""
    tools = await served.tools.manifest() if served.tools else served.app.tools if served.app else ()
    return [Skill(tool.name, tool.name, tool.description or tool.name, ("tool",)) for tool in tools]
