"""Conditions and ranges of a read: what is sent, or why nothing is."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from fujie_emulator.oss.errors import OssError
from fujie_emulator.oss.objects import StoredObject
from fujie_emulator.oss.request import ObjectRequest


@dataclass(frozen=True)
class Part:
    """The bytes to send; `partial` when the request asked for less than all."""

    start: int
    length: int
    partial: bool


def check_conditions(request: ObjectRequest, found: StoredObject) -> None:
    """Return when the conditions hold; raise 304 NotModified or 412 PreconditionFailed (OssError)."""
    if (match := request.header("if-match")) and match.strip('"') != found.etag:
        raise _failed("If-Match")
    since = _moment(request.header("if-unmodified-since"))
    if since is not None and found.modified > since:
        raise _failed("If-Unmodified-Since")
    none_match = request.header("if-none-match")
    if none_match:
        if none_match.strip('"') == found.etag:
            raise _not_modified(found)
        return
    since = _moment(request.header("if-modified-since"))
    if since is not None and found.modified <= since:
        raise _not_modified(found)


def check_copy_conditions(request: ObjectRequest, source: StoredObject) -> None:
    """Return when what a copy asks of its source holds; raise 304 NotModified or 412 PreconditionFailed (OssError)."""
    conditions = {
        name: request.headers.get(f"x-oss-copy-source-{name}", "")
        for name in ("if-match", "if-none-match", "if-unmodified-since", "if-modified-since")
    }
    check_conditions(replace(request, headers=conditions), source)


def part_of(request: ObjectRequest, size: int) -> Part:
    """Return the part that Range asks for; a range that cannot be is ignored, unless the standard way is asked for."""
    text = request.header("range")
    if not text:
        return Part(0, size, partial=False)
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", text)
    part = _part(found[1], found[2], size) if found else None
    if part is not None:
        return part
    if request.header("x-oss-range-behavior") == "standard":
        headers = {"content-range": f"bytes */{size}"}
        raise OssError("InvalidRange", 416, "The requested range cannot be satisfied.", headers=headers)
    return Part(0, size, partial=False)


def _part(first: str, last: str, size: int) -> Part | None:
    if not first:
        length = min(int(last or 0), size)
        return Part(size - length, length, partial=True) if length else None
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    return Part(start, end - start + 1, partial=True) if start <= end else None


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, IndexError):
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _failed(name: str) -> OssError:
    words = "At least one of the pre-conditions you specified did not hold."
    return OssError("PreconditionFailed", 412, words, {"Condition": name})


def _not_modified(found: StoredObject) -> OssError:
    return OssError("NotModified", 304, "", headers={"etag": f'"{found.etag}"'})
