"""The official a2a-sdk 1.x, here: the same jobs as `client_0_3` does in its environment, told in the same words."""

from contextlib import aclosing
from uuid import uuid4

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import JSON_RPC_ERROR_CODE_MAP
from a2a.utils.signing import create_signature_verifier
from google.protobuf.json_format import MessageToDict
from jwt import PyJWK


def parts_seen(parts):
    return {
        "texts": [part.text for part in parts if part.HasField("text")],
        "data": [MessageToDict(part.data) for part in parts if part.HasField("data")],
    }


def status_seen(status):
    state = pb.TaskState.Name(status.state).removeprefix("TASK_STATE_").lower().replace("_", "-")
    return {"state": state} | parts_seen(status.message.parts)


def seen(event):
    if event.HasField("task"):
        return task_seen(event.task)
    if event.HasField("artifact_update"):
        update = event.artifact_update
        told = {"append": update.append, "last": update.last_chunk, "artifact": update.artifact.artifact_id}
        return {"kind": "artifact", "task": update.task_id} | told | parts_seen(update.artifact.parts)
    update = event.status_update
    usage = MessageToDict(update.metadata).get("usage")
    return {"kind": "status", "task": update.task_id} | status_seen(update.status) | {"usage": usage}


def task_seen(task):
    artifacts = ["".join(parts_seen(artifact.parts)["texts"]) for artifact in task.artifacts]
    history = [message.message_id for message in task.history]
    told = {"task": task.id, "context": task.context_id, "artifacts": artifacts, "history": history}
    return {"kind": "task"} | told | status_seen(task.status)


async def client_for(http, job, **config):
    card = await A2ACardResolver(http, job["base"]).get_agent_card()
    if version := job.get("version"):
        kept = [interface for interface in card.supported_interfaces if interface.protocol_version == version]
        del card.supported_interfaces[:]
        card.supported_interfaces.extend(kept)
    bindings = [job["transport"]]
    return ClientFactory(ClientConfig(httpx_client=http, supported_protocol_bindings=bindings, **config)).create(card)


def request_of(job):
    message = pb.Message(
        role=pb.ROLE_USER,
        parts=[pb.Part(text=job["text"])],
        message_id=job.get("message_id") or str(uuid4()),
        context_id=job.get("context_id", ""),
        task_id=job.get("task_id", ""),
    )
    push = push_of(job["push"]) if job.get("push") else None
    return pb.SendMessageRequest(
        message=message, configuration=pb.SendMessageConfiguration(task_push_notification_config=push)
    )


def push_of(push, task_id=""):
    who = push.get("authentication")
    authentication = pb.AuthenticationInfo(scheme=who["schemes"][0], credentials=who["credentials"]) if who else None
    told = {key: push.get(key, "") for key in ("id", "url", "token")}
    return pb.TaskPushNotificationConfig(task_id=task_id, authentication=authentication, **told)


async def send(http, job):
    client = await client_for(http, job, streaming=job.get("stream", True), polling=job.get("polling", False))
    told = 0
    async with aclosing(client.send_message(request_of(job))) as events:
        async for event in events:
            yield seen(event)
            told += 1
            if told == job.get("leave_after"):
                return


async def subscribe(http, job):
    client = await client_for(http, job)
    async with aclosing(client.subscribe(pb.SubscribeToTaskRequest(id=job["task_id"]))) as events:
        async for event in events:
            yield seen(event)


async def get(http, job):
    client = await client_for(http, job)
    yield task_seen(await client.get_task(pb.GetTaskRequest(id=job["task_id"], history_length=job.get("history"))))


async def list_(http, job):
    client = await client_for(http, job)
    asked = {"context_id": job.get("context_id", ""), "page_token": job.get("page_token", "")}
    found = await client.list_tasks(pb.ListTasksRequest(page_size=job.get("page_size"), **asked))
    tasks = [task_seen(task) for task in found.tasks]
    yield {"tasks": tasks, "next": found.next_page_token, "total": found.total_size}


async def cancel(http, job):
    client = await client_for(http, job)
    yield task_seen(await client.cancel_task(pb.CancelTaskRequest(id=job["task_id"])))


async def set_push(http, job):
    client = await client_for(http, job)
    made = await client.create_task_push_notification_config(push_of(job["push"], job["task_id"]))
    asked = {"task_id": job["task_id"], "id": made.id}
    kept = await client.get_task_push_notification_config(pb.GetTaskPushNotificationConfigRequest(**asked))
    yield {"id": kept.id, "url": kept.url, "token": kept.token}
    of_task = pb.ListTaskPushNotificationConfigsRequest(task_id=job["task_id"])
    yield {"listed": [one.id for one in (await client.list_task_push_notification_configs(of_task)).configs]}
    if job.get("delete"):
        await client.delete_task_push_notification_config(pb.DeleteTaskPushNotificationConfigRequest(**asked))
        yield {"listed": [one.id for one in (await client.list_task_push_notification_configs(of_task)).configs]}


async def extended_card(http, job):
    client = await client_for(http, job)
    card = await client.get_extended_agent_card(pb.GetExtendedAgentCardRequest())
    yield {"skills": [skill.id for skill in card.skills], "name": card.name}


async def verify(http, job):
    keys = {key["kid"]: key for key in job["keys"]}
    verifier = create_signature_verifier(lambda kid, _jku: PyJWK(keys[kid]), ["ES256"])
    card = await A2ACardResolver(http, job["base"]).get_agent_card(signature_verifier=verifier)
    yield {"name": card.name, "url": card.supported_interfaces[0].url}
    card.name = "Mallory"
    try:
        verifier(card)
    except Exception as error:  # noqa: BLE001 - the name of whatever it raises is the answer
        yield {"changed": type(error).__name__}


OPS = {op.__name__.rstrip("_"): op for op in (send, subscribe, get, list_, cancel, set_push, extended_card, verify)}


async def do(job):
    """Yield what a job sees; an error of the client's is raised as it is."""
    async with (
        httpx.AsyncClient(headers=job.get("headers"), timeout=10, verify=False) as http,
        aclosing(OPS[job["op"]](http, job)) as told,
    ):
        async for what in told:
            yield what


def failure(error):
    if code := JSON_RPC_ERROR_CODE_MAP.get(type(error)):
        return {"code": code}
    return {"error": f"{type(error).__name__}: {error}"}
