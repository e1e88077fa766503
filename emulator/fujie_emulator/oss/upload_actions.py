"""Uploads in parts on the wire."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from starlette.responses import Response

from fujie_emulator.oss import uploads
from fujie_emulator.oss.asked import Asked, encoded, encoding, identity, owner, sealed, written_of, xml
from fujie_emulator.oss.errors import OssError, invalid_argument, malformed_xml
from fujie_emulator.oss.listing import most_asked
from fujie_emulator.oss.object_actions import forbids, source_of
from fujie_emulator.oss.objects import blobs, check_key
from fujie_emulator.oss.uploads import HIGHEST_PART, Upload
from fujie_emulator.oss.xml import Element, moment, parsed

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET


async def initiate(asked: Asked) -> Response:
    asked.authorize_object("oss:PutObject")
    check_key(asked.request.key)
    upload = uploads.begin(asked.cloud, asked.request.bucket, asked.request.key, written_of(asked))
    elements: list[Element] = [*encoding(asked), ("Bucket", upload.bucket), ("Key", encoded(asked, upload.key))]
    elements += [("UploadId", upload.upload_id)]
    return xml("InitiateMultipartUploadResult", elements, sealed(upload.written.headers))


async def upload_part(asked: Asked) -> Response:
    asked.authorize_object("oss:PutObject")
    upload, number = _upload(asked), _number(asked)
    if asked.request.header("x-oss-copy-source"):
        return await _copied_part(asked, upload, number)
    incoming = await asked.received()
    try:
        part = uploads.put_part(asked.cloud, upload, number, incoming)
    finally:
        blobs(asked.cloud).discard(incoming[1])
    headers = {"etag": f'"{part.etag}"', "x-oss-hash-crc64ecma": part.crc64, "content-md5": incoming[0].content_md5}
    return Response(headers=headers | sealed(upload.written.headers))


async def list_parts(asked: Asked) -> Response:
    asked.authorize_object("oss:ListParts")
    upload, query = _upload(asked), asked.request.query
    most, marker = most_asked(query, "max-parts", 1000), query.get("part-number-marker", "0")
    if not re.fullmatch(r"\d{1,9}", marker, re.ASCII):
        raise invalid_argument("part-number-marker", marker, "The marker must be a number.")
    found = [part for part in uploads.parts_of(asked.cloud, upload) if part.number > int(marker)]
    page = found[:most]
    elements: list[Element] = [*encoding(asked), ("Bucket", upload.bucket), ("Key", encoded(asked, upload.key))]
    elements += [("UploadId", upload.upload_id), ("StorageClass", "Standard"), ("PartNumberMarker", marker)]
    elements += [("NextPartNumberMarker", page[-1].number if page else marker), ("MaxParts", most)]
    elements += [("IsTruncated", len(found) > most)]
    for part in page:
        row = [("PartNumber", part.number), ("LastModified", moment(part.modified)), ("ETag", f'"{part.etag}"')]
        elements.append(("Part", [*row, ("HashCrc64ecma", part.crc64), ("Size", part.size)]))
    return xml("ListPartsResult", elements)


async def complete(asked: Asked) -> Response:
    asked.authorize_object("oss:PutObject")
    upload = _upload(asked)
    every = asked.request.header("x-oss-complete-all").lower() == "yes"
    body = await asked.body()
    if every and body:
        raise invalid_argument("x-oss-complete-all", "yes", "The list of parts must then be left out.")
    wanted = None if every else _listed_parts(parsed(body))
    made = uploads.complete(asked.cloud, upload, wanted, forbid=forbids(asked.request))
    elements: list[Element] = [*encoding(asked), ("Location", f"{asked.cloud.base_url}/{made.bucket}")]
    elements += [("Bucket", made.bucket), ("Key", encoded(asked, made.key)), ("ETag", f'"{made.etag}"')]
    return xml("CompleteMultipartUploadResult", elements, identity(made))


async def abort(asked: Asked) -> Response:
    asked.authorize_object("oss:AbortMultipartUpload")
    uploads.abort(asked.cloud, _upload(asked))
    return Response(status_code=204)


async def list_uploads(asked: Asked) -> Response:
    asked.authorize_bucket("ListMultipartUploads")
    query = asked.request.query
    if query.get("delimiter"):
        raise invalid_argument("delimiter", query["delimiter"], "The emulator lists uploads without a delimiter only.")
    prefix, most = query.get("prefix", ""), most_asked(query, "max-uploads", 1000)
    marker = (query.get("key-marker", "").encode(), query.get("upload-id-marker", "\U0010ffff"))
    found = [
        each
        for each in uploads.uploads_of(asked.cloud, asked.request.bucket)
        if each.key.startswith(prefix) and (each.key.encode(), each.upload_id) > marker
    ]
    page = found[:most]
    elements: list[Element] = [*encoding(asked), ("Bucket", asked.request.bucket), ("Prefix", encoded(asked, prefix))]
    elements += [("MaxUploads", most), ("IsTruncated", len(found) > most)]
    last = page[-1] if len(found) > most else None
    elements += [("NextKeyMarker", encoded(asked, last.key) if last else "")]
    elements += [("NextUploadIdMarker", last.upload_id if last else "")]
    for each in page:
        row = [("Key", encoded(asked, each.key)), ("UploadId", each.upload_id), ("Initiated", moment(each.started))]
        elements.append(("Upload", [*row, ("StorageClass", "Standard"), ("Owner", owner(asked))]))
    return xml("ListMultipartUploadsResult", elements)


async def _copied_part(asked: Asked, upload: Upload, number: int) -> Response:
    source, keeper = source_of(asked), blobs(asked.cloud)
    start, length = _copied_range(asked, source.size)
    incoming = await keeper.receive(_in_turn(keeper.read(source.pieces, start, length)))
    try:
        part = uploads.put_part(asked.cloud, upload, number, incoming)
    finally:
        keeper.discard(incoming[1])
    body = [("LastModified", moment(part.modified)), ("ETag", f'"{part.etag}"')]
    return xml("CopyPartResult", body, {"etag": f'"{part.etag}"', "x-oss-hash-crc64ecma": part.crc64})


async def _in_turn(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _copied_range(asked: Asked, size: int) -> tuple[int, int]:
    text = asked.request.header("x-oss-copy-source-range")
    if not text:
        return 0, size
    found = re.fullmatch(r"bytes=(\d{1,15})-(\d{1,15})", text, re.ASCII)
    start, end = (int(found[1]), int(found[2])) if found else (1, 0)
    if not start <= end < size:
        raise OssError("InvalidRange", 416, "The requested range cannot be satisfied.")
    return start, end - start + 1


def _upload(asked: Asked) -> Upload:
    request = asked.request
    return uploads.upload_of(asked.cloud, request.bucket, request.key, request.query["uploadId"])


def _number(asked: Asked) -> int:
    text = asked.request.query.get("partNumber", "")
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII) or not 1 <= int(text) <= HIGHEST_PART:
        raise invalid_argument("partNumber", text, f"Part number must be 1 to {HIGHEST_PART}.")
    return int(text)


def _listed_parts(root: "ET.Element") -> list[tuple[int, str]]:
    if root.tag != "CompleteMultipartUpload":
        raise malformed_xml("CompleteMultipartUpload is right")
    parts = []
    for element in root.iterfind("Part"):
        number = element.findtext("PartNumber") or ""
        if not re.fullmatch(r"\d{1,6}", number, re.ASCII):
            raise malformed_xml("each Part needs its PartNumber")
        parts.append((int(number), element.findtext("ETag") or ""))
    if not 1 <= len(parts) <= HIGHEST_PART:
        raise malformed_xml(f"1 to {HIGHEST_PART} parts are right")
    return parts
