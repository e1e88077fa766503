"""Mns-open's actions, and the queues' own protocol: XML at `/queues/NAME/messages`, signed `MNS key:signature`."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fujie_emulator.core.call import Caller, RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.iam import authorize
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.signing import unverified_request
from fujie_emulator.mns import queues
from fujie_emulator.mns.errors import invalid
from fujie_emulator.mns.signing import verified_caller
from fujie_emulator.oss.xml import document
from fujie_emulator.ram.tags import asked_tags

VERSION = "2022-01-19"
MAX_BODY = 2 * queues.LARGEST_MESSAGE
XML = "text/xml;charset=utf-8"
Answer = dict[str, Any]


def queue_arn(cloud: Cloud, name: str) -> str:
    """Return the resource that policies name."""
    return f"acs:mns:{cloud.region}:{cloud.account_id}:/queues/{name}"


def create_queue(cloud: Cloud, call: RpcCall) -> Answer:
    name = _authorized(cloud, call)
    queues.create(cloud, name, _attributes(call), _extra(call) | {"Tags": asked_tags(call)})
    return _done()


def set_queue_attributes(cloud: Cloud, call: RpcCall) -> Answer:
    queues.change(cloud, _authorized(cloud, call), _attributes(call), _extra(call))
    return _done()


def get_queue_attributes(cloud: Cloud, call: RpcCall) -> Answer:
    name = _authorized(cloud, call)
    return _done() | {"Data": {"QueueName": name} | queues.kept(cloud, name) | queues.counted(cloud, name)}


def delete_queue(cloud: Cloud, call: RpcCall) -> Answer:
    queues.delete(cloud, _authorized(cloud, call))
    return _done()


def list_queue(cloud: Cloud, call: RpcCall) -> Answer:
    authorize(cloud, call.caller, "mns:ListQueue", [queue_arn(cloud, "*")])
    prefix = call.text("QueueName", required=False)
    found = [{"QueueName": name} | queues.kept(cloud, name) for name in queues.names(cloud) if name.startswith(prefix)]
    return _done() | {"Data": {"PageData": found, "Total": len(found), "PageNum": 1, "PageSize": len(found)}}


ACTIONS: dict[str, Callable[[Cloud, RpcCall], Answer]] = {
    "CreateQueue": create_queue,
    "SetQueueAttributes": set_queue_attributes,
    "GetQueueAttributes": get_queue_attributes,
    "DeleteQueue": delete_queue,
    "ListQueue": list_queue,
}


def http_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the routes of the queues' own protocol."""
    return [Route("/queues/{queue}/messages", _endpoint(cloud), methods=["POST", "GET", "DELETE"])]


def inventory(cloud: Cloud) -> dict[str, Any]:
    """Return the number of messages of each queue."""
    return {name: sum(queues.counted(cloud, name).values()) for name in queues.names(cloud)}


def _endpoint(cloud: Cloud) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        request_id = uuid.uuid4().hex[:24].upper()
        note(service="mns", action="")
        try:
            response = await _answer(cloud, request)
        except CloudError as error:
            note(code=error.code)
            told = [("Code", error.code), ("Message", error.message), ("RequestId", request_id), ("HostId", "")]
            response = Response(document("Error", told), error.status, media_type=XML)
        response.headers["x-mns-request-id"] = request_id
        return response

    return endpoint


async def _answer(cloud: Cloud, request: Request) -> Response:
    body = await read_body(request, MAX_BODY)
    caller = verified_caller(cloud, unverified_request(request, body))
    note(caller=caller)
    queue, query = str(request.path_params["queue"]), request.query_params
    if "numOfMessages" in query or (request.method == "DELETE" and body):
        raise CloudError("UnsupportedOperation", 400, "The emulator handles messages one by one.")
    if request.method == "POST":
        return _sent(cloud, caller, queue, body)
    if request.method == "DELETE":
        _authorize(cloud, caller, "DeleteMessage", queue)
        queues.acknowledge(cloud, queue, query.get("ReceiptHandle", ""))
        return Response(status_code=204)
    peeked = query.get("peekonly") == "true"
    _authorize(cloud, caller, "PeekMessage" if peeked else "ReceiveMessage", queue)
    found = queues.peek(cloud, queue) if peeked else queues.receive(cloud, queue)
    return Response(document("Message", _elements(found)), media_type=XML)


def _sent(cloud: Cloud, caller: Caller, queue: str, body: bytes) -> Response:
    _authorize(cloud, caller, "SendMessage", queue)
    message = queues.send(cloud, queue, *_message(body))
    told = [("MessageId", message.id), ("MessageBodyMD5", message.md5)]
    return Response(document("Message", told), 201, media_type=XML)


def _authorize(cloud: Cloud, caller: Caller, action: str, queue: str) -> None:
    note(action=action)
    authorize(cloud, caller, f"mns:{action}", [f"{queue_arn(cloud, queue)}/messages"])


def _message(body: bytes) -> tuple[str, int]:
    """Return the text and the delay of a message that is sent."""
    wrong = invalid("the body is a Message with MessageBody as XML")
    if b"<!" in body:  # no document type: entities could expand without bound
        raise wrong
    try:
        root = ET.fromstring(body)  # noqa: S314 - a document type was refused above
        fields = {element.tag.rpartition("}")[2]: element.text or "" for element in root}
        return fields["MessageBody"], int(fields.get("DelaySeconds", "0"))
    except (ET.ParseError, KeyError, ValueError, LookupError) as error:
        raise wrong from error


def _elements(message: queues.Message) -> list[tuple[str, Any]]:
    shown: list[tuple[str, Any]] = [
        ("MessageId", message.id),
        ("MessageBodyMD5", message.md5),
        ("MessageBody", message.body),
        ("EnqueueTime", int(message.sent_at * 1000)),
        ("FirstDequeueTime", int(message.received_at * 1000)),
        ("DequeueCount", message.times_received),
        ("Priority", 8),
    ]
    if message.handle:
        shown += [("ReceiptHandle", message.handle), ("NextVisibleTime", int(message.visible_at * 1000))]
    return shown


def _authorized(cloud: Cloud, call: RpcCall) -> str:
    name = call.text("QueueName")
    authorize(cloud, call.caller, f"mns:{call.action}", [queue_arn(cloud, name)])
    return name


def _attributes(call: RpcCall) -> dict[str, int]:
    return {
        name: call.integer(name, default) for name, (default, _, _) in queues.ATTRIBUTES.items() if name in call.params
    }


def _extra(call: RpcCall) -> dict[str, Any]:
    """Return what is kept as it came."""
    given: dict[str, Any] = {}
    if "DlqPolicy" in call.params:
        given["DlqPolicy"] = call.document("DlqPolicy")
    if "EnableLogging" in call.params:
        given["LoggingEnabled"] = call.flag("EnableLogging")
    if "QueueType" in call.params:
        given["QueueType"] = call.text("QueueType")
    return given


def _done() -> Answer:
    return {"Code": 200, "Message": "", "Status": "Success", "Success": True}
