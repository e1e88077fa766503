"""The wire of the object store: any path, its own signatures, answers and errors in XML."""

import base64
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.journal import note
from fujie_emulator.oss import objects, state
from fujie_emulator.oss.actions import action_of
from fujie_emulator.oss.asked import XML, Asked
from fujie_emulator.oss.blobs import LARGEST_OBJECT, too_large
from fujie_emulator.oss.errors import OssError, in_oss_words
from fujie_emulator.oss.notices import announce
from fujie_emulator.oss.request import ObjectRequest, object_request
from fujie_emulator.oss.signing import verified_caller
from fujie_emulator.oss.xml import error_document

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud


def http_routes(cloud: "Cloud") -> list[BaseRoute]:
    """Return the one route of the store; the edge leads signed object requests here."""
    return [Route("/{rest:path}", _Store(cloud))]


def inventory(cloud: "Cloud") -> dict[str, Any]:
    """Return the keys of each bucket, for the admin route."""
    return {name: [each.key for each in objects.keys_of(cloud, name)] for name in state.buckets(cloud)}


@asynccontextmanager
async def lifespan(cloud: "Cloud") -> AsyncIterator[None]:
    """Begin without what a killed process left behind."""
    objects.sweep(cloud)
    yield


async def import_resource(cloud: "Cloud", document: dict[str, Any]) -> None:
    """Put the object that an import names, or make the bucket when it names no key."""
    bucket, key, text = (document.get(name, "") for name in ("bucket", "key", "text"))
    if not isinstance(bucket, str) or not isinstance(key, str) or not isinstance(text, str):
        raise CloudError("InvalidParameter", 400, "bucket, key and text must be text.")
    try:
        state.create_bucket(cloud, bucket)
        if key:
            await _put_text(cloud, bucket, key, text)
    except OssError as error:
        raise CloudError(error.code, error.status, error.message) from error


async def _put_text(cloud: "Cloud", bucket: str, key: str, text: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    objects.check_key(key)
    keeper = objects.blobs(cloud)
    incoming = await keeper.receive(chunks())
    try:
        written = objects.Written({"content-type": "text/plain; charset=utf-8"})
        objects.put_object(cloud, objects.object_of_blob(cloud, bucket, key, incoming[0], written), incoming)
    finally:
        keeper.discard(incoming[1])


class _Store:
    """An ASGI endpoint for every method and path."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = uuid.uuid4().hex[:24].upper()
        wire = Request(scope, receive)
        note(service="oss", action="")
        try:
            response = await self._answer(wire, request_id)
        except (OssError, CloudError) as error:
            told = in_oss_words(error) if isinstance(error, CloudError) else error
            note(code=told.code)
            response = self._refusal(wire, told, request_id)
        response.headers["x-oss-request-id"] = request_id
        response.headers["server"] = "AliyunOSS"
        await response(scope, receive, send)

    async def _answer(self, wire: Request, request_id: str) -> Response:
        request = object_request(wire)
        caller = verified_caller(self._cloud, request)
        note(caller=caller)
        name, action = action_of(request)
        note(action=name)
        await self._cloud.faults.apply("oss", name)
        _check_length(request)
        asked = Asked(self._cloud, caller, request, wire)
        response = await action(asked)
        announce(asked, name, request_id)
        return response

    def _refusal(self, wire: Request, error: OssError, request_id: str) -> Response:
        host = wire.headers.get("host", "")[:256]
        body = error_document(error.code, error.message, request_id, host, error.extra)
        if error.status == 304:
            return Response(status_code=304, headers=error.headers)
        if wire.method == "HEAD":  # a HEAD has no body, so the store repeats it in a header
            return Response(
                status_code=error.status, headers=error.headers | {"x-oss-err": base64.b64encode(body).decode()}
            )
        return Response(body, error.status, error.headers, media_type=XML)


def _check_length(request: ObjectRequest) -> None:
    """Refuse a body that says it is too long before any of it is read."""
    length = request.header("content-length")
    if length.isdecimal() and int(length[:20]) > LARGEST_OBJECT:
        raise too_large()
