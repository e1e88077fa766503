"""Listing a bucket: prefix, delimiter, pages; both versions of the action."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fujie_emulator.oss.errors import invalid_argument
from fujie_emulator.oss.objects import StoredObject
from fujie_emulator.oss.request import ObjectRequest
from fujie_emulator.oss.xml import Element, document, moment

MOST_KEYS = 1000
ONLY_VERSION = "null"


@dataclass(frozen=True)
class Page:
    """One page: objects, common prefixes, and after what the next page begins ("" when this is the last)."""

    objects: Sequence[StoredObject]
    prefixes: Sequence[str]
    next_after: str


def page_of(found: Iterable[StoredObject], prefix: str, delimiter: str, after: str, most: int) -> Page:
    """Return the page of keys that come after `after`, keys with a common prefix rolled into one entry."""
    objects: list[StoredObject] = []
    prefixes: list[str] = []
    last = ""
    for each in found:
        if not each.key.startswith(prefix):
            continue
        common = _common_prefix(each.key, prefix, delimiter)
        entry = common or each.key
        if entry.encode() <= after.encode() or entry == last:
            continue
        if len(objects) + len(prefixes) == most:
            return Page(objects, prefixes, last)
        last = entry
        if common:
            prefixes.append(common)
        else:
            objects.append(each)
    return Page(objects, prefixes, "")


def listing(request: ObjectRequest, found: Iterable[StoredObject], owner: str) -> bytes:
    """Return the answer to ListObjects, or to ListObjectsV2 when list-type=2 asks for it."""
    query = request.query
    most = most_asked(query, "max-keys", 100)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    second = query.get("list-type") == "2"
    after = _after_v2(request) if second else query.get("marker", "")
    page = page_of(found, prefix, delimiter, after, most)
    encode = quote if query.get("encoding-type") == "url" else str
    elements: list[Element] = [("Name", request.bucket), ("Prefix", encode(prefix)), ("MaxKeys", most)]
    elements += [("Delimiter", encode(delimiter)), ("IsTruncated", bool(page.next_after))]
    if query.get("encoding-type") == "url":
        elements.append(("EncodingType", "url"))
    elements += _paging_v2(request, page) if second else _paging_v1(encode(after), encode(page.next_after))
    with_owner = not second or query.get("fetch-owner") == "true"
    elements += [("Contents", _contents(each, encode(each.key), owner if with_owner else "")) for each in page.objects]
    elements += [("CommonPrefixes", [("Prefix", encode(each))]) for each in page.prefixes]
    return document("ListBucketResult", elements)


def versions(request: ObjectRequest, found: Iterable[StoredObject], owner: str) -> bytes:
    """Return the answer to ListObjectVersions of a bucket that never had versions: each object's one, named `null`."""
    query = request.query
    most, prefix, after = most_asked(query, "max-keys", 100), query.get("prefix", ""), query.get("key-marker", "")
    page = page_of(found, prefix, query.get("delimiter", ""), after, most)
    encode = quote if query.get("encoding-type") == "url" else str
    elements: list[Element] = [("Name", request.bucket), ("Prefix", encode(prefix)), ("KeyMarker", encode(after))]
    elements += [("VersionIdMarker", query.get("version-id-marker", "")), ("MaxKeys", most)]
    elements += [("Delimiter", encode(query.get("delimiter", ""))), ("IsTruncated", bool(page.next_after))]
    if query.get("encoding-type") == "url":
        elements.append(("EncodingType", "url"))
    if page.next_after:
        elements += [("NextKeyMarker", encode(page.next_after)), ("NextVersionIdMarker", ONLY_VERSION)]
    only: list[Element] = [("VersionId", ONLY_VERSION), ("IsLatest", True)]
    elements += [("Version", [*_contents(each, encode(each.key), owner), *only]) for each in page.objects]
    elements += [("CommonPrefixes", [("Prefix", encode(each))]) for each in page.prefixes]
    return document("ListVersionsResult", elements)


def _common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Return what the key is rolled up into, or "" when it stands for itself."""
    head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
    return prefix + head + delimiter if found else ""


def _paging_v1(marker: str, next_marker: str) -> list[Element]:
    return [("Marker", marker), *([("NextMarker", next_marker)] if next_marker else [])]


def _paging_v2(request: ObjectRequest, page: Page) -> list[Element]:
    elements: list[Element] = [("KeyCount", len(page.objects) + len(page.prefixes))]
    if "start-after" in request.query:
        elements.append(("StartAfter", request.query["start-after"]))
    if "continuation-token" in request.query:
        elements.append(("ContinuationToken", request.query["continuation-token"]))
    if page.next_after:
        elements.append(("NextContinuationToken", base64.urlsafe_b64encode(page.next_after.encode()).decode()))
    return elements


def _after_v2(request: ObjectRequest) -> str:
    token = request.query.get("continuation-token", "")
    if not token:
        return request.query.get("start-after", "")
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise invalid_argument("continuation-token", token, "The continuation token is not one of ours.") from error


def _contents(each: StoredObject, key: str, owner: str) -> list[Element]:
    elements: list[Element] = [("Key", key), ("LastModified", moment(each.modified)), ("ETag", f'"{each.etag}"')]
    elements += [("Type", each.kind), ("Size", each.size), ("StorageClass", "Standard")]
    return [*elements, ("Owner", [("ID", owner), ("DisplayName", owner)])] if owner else elements


def most_asked(query: Mapping[str, str], name: str, usual: int) -> int:
    """Return how many entries a page may have."""
    text = query.get(name, str(usual))
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_KEYS:
        raise invalid_argument(name, text, f"{name} must be 1 to {MOST_KEYS}.")
    return int(text)
