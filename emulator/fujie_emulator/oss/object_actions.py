"""What can be asked of one object."""

import re
from dataclasses import replace
from email.utils import format_datetime
from urllib.parse import unquote

from starlette.responses import Response, StreamingResponse

from fujie_emulator.oss import objects
from fujie_emulator.oss.asked import (
    MOST_TAGS,
    SERVED_HEADERS,
    Asked,
    asked_acl,
    header_tags,
    identity,
    owner,
    tagging,
    tags_of_xml,
    written_of,
    xml,
)
from fujie_emulator.oss.conditions import check_conditions, check_copy_conditions, part_of
from fujie_emulator.oss.errors import invalid_argument
from fujie_emulator.oss.objects import StoredObject, Written
from fujie_emulator.oss.request import ObjectRequest
from fujie_emulator.oss.state import bucket
from fujie_emulator.oss.xml import moment, parsed


async def put_object(asked: Asked) -> Response:
    request = asked.request
    asked.authorize_object("oss:PutObject")
    objects.check_key(request.key)
    bucket(asked.cloud, request.bucket)
    if request.header("x-oss-copy-source"):
        return _copied(asked)
    written = written_of(asked)
    incoming = await asked.received()
    try:
        objects.check_overwrite(asked.cloud, request.bucket, request.key, forbid=forbids(request))
        made = objects.object_of_blob(asked.cloud, request.bucket, request.key, incoming[0], written)
        objects.put_object(asked.cloud, made, incoming)
    finally:
        objects.blobs(asked.cloud).discard(incoming[1])
    return Response(headers=identity(made) | {"content-md5": incoming[0].content_md5})


async def append_object(asked: Asked) -> Response:
    request = asked.request
    asked.authorize_object("oss:PutObject")
    objects.check_key(request.key)
    position = request.query.get("position", "")
    if not re.fullmatch(r"\d{1,15}", position, re.ASCII):
        raise invalid_argument("position", position, "position must be the length of the object.")
    written = written_of(asked)
    incoming = await asked.received()
    try:
        grown = objects.append(asked.cloud, request.bucket, request.key, int(position), incoming, written)
    finally:
        objects.blobs(asked.cloud).discard(incoming[1])
    return Response(headers=identity(grown) | {"x-oss-next-append-position": str(grown.size)})


async def get_object(asked: Asked) -> Response:
    asked.authorize_object("oss:GetObject")
    found = _found(asked)
    check_conditions(asked.request, found)
    part = part_of(asked.request, found.size)
    headers = _headers(found) | _overridden(asked.request) | {"content-length": str(part.length)}
    if part.partial:
        headers["content-range"] = f"bytes {part.start}-{part.start + part.length - 1}/{found.size}"
    chunks = objects.blobs(asked.cloud).read(found.pieces, part.start, part.length)
    return StreamingResponse(chunks, 206 if part.partial else 200, headers)


async def head_object(asked: Asked) -> Response:
    asked.authorize_object("oss:GetObject")
    found = _found(asked)
    check_conditions(asked.request, found)
    return Response(headers=_headers(found) | {"content-length": str(found.size)})


async def delete_object(asked: Asked) -> Response:
    asked.authorize_object("oss:DeleteObject")
    objects.delete_object(asked.cloud, asked.request.bucket, asked.request.key)
    return Response(status_code=204)


async def get_object_acl(asked: Asked) -> Response:
    asked.authorize_object("oss:GetObjectAcl")
    grant = [("Grant", _found(asked).written.acl)]
    return xml("AccessControlPolicy", [("Owner", owner(asked)), ("AccessControlList", grant)])


async def put_object_acl(asked: Asked) -> Response:
    acl = asked_acl(asked)
    _rewrite(asked, acl=acl)
    return Response()


async def get_object_tagging(asked: Asked) -> Response:
    asked.authorize_object("oss:GetObjectTagging")
    return tagging(_found(asked).written.tags)


async def put_object_tagging(asked: Asked) -> Response:
    asked.authorize_object("oss:PutObjectTagging")
    _rewrite(asked, tags=tags_of_xml(parsed(await asked.body()), MOST_TAGS))
    return Response()


async def delete_object_tagging(asked: Asked) -> Response:
    asked.authorize_object("oss:DeleteObjectTagging")
    _rewrite(asked, tags=())
    return Response(status_code=204)


def forbids(request: ObjectRequest) -> bool:
    """Tell whether the request would rather fail than overwrite."""
    return request.header("x-oss-forbid-overwrite").lower() == "true"


def source_of(asked: Asked) -> StoredObject:
    """Return the object that is to be copied, when the caller may read it and the request's conditions hold."""
    name, _, key = unquote(asked.request.header("x-oss-copy-source")).removeprefix("/").partition("/")
    if "?" in asked.request.header("x-oss-copy-source"):
        raise invalid_argument("x-oss-copy-source", "", "There are no versions of objects here.")
    asked.authorize("oss:GetObject", f"{name}/{key}")
    source = objects.get_object(asked.cloud, name, key)
    check_copy_conditions(asked.request, source)
    return source


def _copied(asked: Asked) -> Response:
    request, source = asked.request, source_of(asked)
    written = replace(source.written, acl="default")
    if _directive(request, "x-oss-metadata-directive"):
        written = replace(written, headers=written_of(asked).headers)
    if _directive(request, "x-oss-tagging-directive"):
        written = replace(written, tags=header_tags(asked))
    if request.header("x-oss-object-acl"):
        written = replace(written, acl=asked_acl(asked))
    objects.check_overwrite(asked.cloud, request.bucket, request.key, forbid=forbids(request))
    made = objects.copy_of(asked.cloud, source, request.bucket, request.key, written)
    objects.put_object(asked.cloud, made)
    body = [("LastModified", moment(made.modified)), ("ETag", f'"{made.etag}"')]
    return xml("CopyObjectResult", body, identity(made))


def _directive(request: ObjectRequest, name: str) -> bool:
    """Tell whether the copy gets its own values instead of the source's."""
    value = request.header(name).upper() or "COPY"
    if value not in {"COPY", "REPLACE"}:
        raise invalid_argument(name, value, "COPY and REPLACE are right.")
    return value == "REPLACE"


def _found(asked: Asked) -> StoredObject:
    return objects.get_object(asked.cloud, asked.request.bucket, asked.request.key)


def _rewrite(asked: Asked, *, acl: str | None = None, tags: objects.Tags | None = None) -> None:
    found = _found(asked)
    old = found.written
    changed = Written(old.headers, old.tags if tags is None else tags, old.acl if acl is None else acl)
    objects.rewrite(asked.cloud, found, changed)


def _overridden(request: ObjectRequest) -> dict[str, str]:
    """Return the headers that the query replaces, where they can be headers at all."""
    asked = {name: request.query.get(f"response-{name}", "") for name in SERVED_HEADERS}
    for name, value in asked.items():
        if value and not (value.isascii() and value.isprintable()):
            raise invalid_argument(f"response-{name}", value, "The value cannot be a header.")
    return {name: value for name, value in asked.items() if value}


def _headers(found: StoredObject) -> dict[str, str]:
    return {
        **found.written.headers,
        **identity(found),
        "last-modified": format_datetime(found.modified, usegmt=True),
        "accept-ranges": "bytes",
        "x-oss-object-type": found.kind,
        "x-oss-storage-class": "Standard",
        **({"x-oss-tagging-count": str(len(found.written.tags))} if found.written.tags else {}),
        **({"x-oss-next-append-position": str(found.size)} if found.kind == "Appendable" else {}),
    }
