"""The official a2a-sdk 0.3.x, in its own environment: does what lines on stdin say, and tells on stdout what it saw.

`{"id", "op", "transport", "base", "headers", ...}` comes in; `{"id", "seen": {...}}` for everything the client hands
out, and at the end `{"id", "done": ...}` or `{"id", "failed": {...}}` go out.
"""

import asyncio
import json
import sys
from contextlib import aclosing
from uuid import uuid4

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientHTTPError, A2AClientJSONRPCError
from a2a.types import (
    AgentCard,
    GetTaskPushNotificationConfigParams,
    Message,
    Part,
    PushNotificationConfig,
    Role,
    Task,
    TaskArtifactUpdateEvent,
    TaskIdParams,
    TaskPushNotificationConfig,
    TaskQueryParams,
    TextPart,
    TransportProtocol,
)
from a2a.utils.signing import create_signature_verifier
from jwt import PyJWK


def parts_seen(parts):
    return {
        "texts": [part.root.text for part in parts if part.root.kind == "text"],
        "data": [part.root.data for part in parts if part.root.kind == "data"],
    }


def seen(event):
    if isinstance(event, TaskArtifactUpdateEvent):
        artifact = event.artifact
        told = {"append": bool(event.append), "last": bool(event.last_chunk), "artifact": artifact.artifact_id}
        return {"kind": "artifact", "task": event.task_id} | told | parts_seen(artifact.parts)
    message = event.status.message
    status = {"state": event.status.state.value} | parts_seen(message.parts if message else [])
    if isinstance(event, Task):
        artifacts = ["".join(parts_seen(artifact.parts)["texts"]) for artifact in event.artifacts or []]
        history = [message.message_id for message in event.history or []]
        told = {"task": event.id, "context": event.context_id, "artifacts": artifacts, "history": history}
        return {"kind": "task"} | told | status
    usage = (event.metadata or {}).get("usage")
    return {"kind": "status", "task": event.task_id, "final": event.final} | status | {"usage": usage}


async def client_for(http, job, **config):
    card = await A2ACardResolver(http, job["base"]).get_agent_card()
    transport = TransportProtocol(job["transport"])
    return ClientFactory(ClientConfig(httpx_client=http, supported_transports=[transport], **config)).create(card)


def message_of(job):
    ids = {key: job[key] for key in ("context_id", "task_id") if job.get(key)}
    parts = [Part(TextPart(text=job["text"]))]
    return Message(role=Role.user, parts=parts, message_id=job.get("message_id") or str(uuid4()), **ids)


async def send(http, job, tell):
    how = {"streaming": job.get("stream", True), "polling": job.get("polling", False)}
    pushes = [PushNotificationConfig(**job["push"])] if job.get("push") else []
    client = await client_for(http, job, push_notification_configs=pushes, **how)
    told = 0
    async with aclosing(client.send_message(message_of(job))) as events:
        async for task, update in events:
            tell(seen(update or task))
            told += 1
            if told == job.get("leave_after"):
                return


async def subscribe(http, job, tell):
    client = await client_for(http, job)
    async with aclosing(client.resubscribe(TaskIdParams(id=job["task_id"]))) as events:
        async for task, update in events:
            tell(seen(update or task))


async def get(http, job, tell):
    client = await client_for(http, job)
    tell(seen(await client.get_task(TaskQueryParams(id=job["task_id"], history_length=job.get("history")))))


async def cancel(http, job, tell):
    client = await client_for(http, job)
    tell(seen(await client.cancel_task(TaskIdParams(id=job["task_id"]))))


async def set_push(http, job, tell):
    client = await client_for(http, job)
    config = PushNotificationConfig(**job["push"])
    task_id = job["task_id"]
    await client.set_task_callback(TaskPushNotificationConfig(task_id=task_id, push_notification_config=config))
    params = GetTaskPushNotificationConfigParams(id=task_id, push_notification_config_id=config.id)
    kept = (await client.get_task_callback(params)).push_notification_config
    tell({"id": kept.id, "url": kept.url, "token": kept.token or ""})


async def extended_card(http, job, tell):
    client = await client_for(http, job)
    card = await client.get_card()
    tell({"skills": [skill.id for skill in card.skills], "name": card.name})


async def verify(http, job, tell):
    keys = {key["kid"]: key for key in job["keys"]}
    verifier = create_signature_verifier(lambda kid, _jku: PyJWK(keys[kid]), ["ES256"])
    card = await A2ACardResolver(http, job["base"]).get_agent_card(signature_verifier=verifier)
    tell({"name": card.name, "url": card.url})
    changed = AgentCard.model_validate(card.model_dump() | {"name": "Mallory"})
    try:
        verifier(changed)
    except Exception as error:  # noqa: BLE001 - the name of whatever it raises is the answer
        tell({"changed": type(error).__name__})


OPS = {op.__name__: op for op in (send, subscribe, get, cancel, set_push, extended_card, verify)}


def failure(error):
    if isinstance(error, A2AClientJSONRPCError):
        return {"code": error.error.code}
    if isinstance(error, A2AClientHTTPError):
        return {"status": error.status_code}
    return {"error": f"{type(error).__name__}: {error}"}


async def do(job):
    def tell(what):
        print(json.dumps({"id": job["id"], "seen": what}), flush=True)

    try:
        async with httpx.AsyncClient(headers=job.get("headers"), timeout=10, verify=False) as http:
            await OPS[job["op"]](http, job, tell)
        print(json.dumps({"id": job["id"], "done": True}), flush=True)
    except Exception as error:  # noqa: BLE001 - the test reads what it was
        print(json.dumps({"id": job["id"], "failed": failure(error)}), flush=True)


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    jobs = set()
    while line := await reader.readline():
        jobs.add(asyncio.create_task(do(json.loads(line))))


if __name__ == "__main__":
    asyncio.run(main())
