"""One verified request, and what the actions on buckets and objects share."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response

from fujie_emulator.core import iam
from fujie_emulator.core.call import Caller
from fujie_emulator.core.rpc import read_body
from fujie_emulator.oss.blobs import Blob
from fujie_emulator.oss.errors import OssError, invalid_argument, malformed_xml, not_implemented
from fujie_emulator.oss.objects import StoredObject, Tags, Written, blobs
from fujie_emulator.oss.request import ObjectRequest
from fujie_emulator.oss.xml import Element, document

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

    from fujie_emulator.core.cloud import Cloud

XML = "application/xml"
LARGEST_XML = 2 << 20
MOST_TAGS = 10  # of an object; a bucket has 20
PRIVATE_ACLS = ("", "default", "private")
SERVED_HEADERS = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)


@dataclass(frozen=True)
class Asked:
    """One verified request."""

    cloud: "Cloud"
    caller: Caller
    request: ObjectRequest
    wire: Request

    def authorize(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        """Raise NoPermission (CloudError) unless RAM, and the session policy, allow it."""
        iam.authorize(self.cloud, self.caller, action, [f"acs:oss:*:{self.cloud.account_id}:{resource}"], context)

    def authorize_bucket(self, action: str) -> None:
        self.authorize(f"oss:{action}", self.request.bucket)

    def authorize_object(self, action: str) -> None:
        self.authorize(action, f"{self.request.bucket}/{self.request.key}")

    async def body(self) -> bytes:
        """Return a body of XML or JSON whose Content-MD5, if any, fits."""
        body = await read_body(self.wire, LARGEST_XML)
        check_digests(self.request, Blob.of(body))
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body of an object as it comes."""
        async for chunk in self.wire.stream():
            if chunk:
                yield chunk

    async def received(self) -> tuple[Blob, Path]:
        """Write the body to a file of its own, check its digests; `keep` or `discard` it afterwards."""
        keeper = blobs(self.cloud)
        blob, path = await keeper.receive(self.chunks())
        try:
            check_digests(self.request, blob)
        except OssError:
            keeper.discard(path)
            raise
        return blob, path


Action = Callable[[Asked], Awaitable[Response]]


def check_digests(request: ObjectRequest, blob: Blob) -> None:
    """Raise InvalidDigest or InvalidArgument when the body is not the one that the headers speak of."""
    given = request.header("content-md5")
    if given and given != blob.content_md5:
        raise OssError("InvalidDigest", 400, "The Content-MD5 you specified was invalid.", {"Content-MD5": given[:64]})
    signed = request.header("x-oss-content-sha256")
    if signed not in {"", "UNSIGNED-PAYLOAD", blob.sha256}:
        raise invalid_argument("x-oss-content-sha256", signed, "The hash does not fit the body.")


def written_of(asked: Asked) -> Written:
    """Return how the object of this request is to be served; tags and ACL need their own permission."""
    request = asked.request
    kept = {name: value for name, value in request.headers.items() if name in SERVED_HEADERS}
    meta = {name: value for name, value in request.headers.items() if name.startswith("x-oss-meta-")}
    headers = {"content-type": "application/octet-stream"} | kept | meta | _encryption(request)
    tags = header_tags(asked)
    return Written(headers, tags, asked_acl(asked) if request.header("x-oss-object-acl") else "default")


def header_tags(asked: Asked) -> Tags:
    """Return the tags of the header x-oss-tagging."""
    text = asked.request.header("x-oss-tagging")
    if not text:
        return ()
    asked.authorize_object("oss:PutObjectTagging")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST_TAGS)
    except ValueError as error:
        raise invalid_argument("x-oss-tagging", text, f"At most {MOST_TAGS} key=value pairs are right.") from error
    return checked_tags(pairs, MOST_TAGS)


def asked_acl(asked: Asked) -> str:
    """Return the ACL that the header asks for; public ones are blocked, as on every new account."""
    asked.authorize_object("oss:PutObjectAcl")
    acl = asked.request.header("x-oss-object-acl")
    if acl not in (*PRIVATE_ACLS, "public-read", "public-read-write"):
        raise invalid_argument("x-oss-object-acl", acl, "default and private are right.")
    if acl not in PRIVATE_ACLS:
        raise OssError("AccessDenied", 403, "Put public object acl is not allowed.")
    return acl or "default"


def checked_tags(pairs: list[tuple[str, str]], most: int) -> Tags:
    """Return the tags when there are not too many and none twice."""
    keys = [key for key, _ in pairs]
    wrong = [pair for pair in pairs if not 1 <= len(pair[0]) <= 128 or len(pair[1]) > 256]
    if len(pairs) > most or len(set(keys)) != len(keys) or wrong:
        raise OssError("InvalidTag", 400, f"At most {most} tags of 1 to 128 and 0 to 256 characters, none twice.")
    return tuple(pairs)


def tags_of_xml(root: "ET.Element", most: int) -> Tags:
    """Return the tags of a Tagging document."""
    if root.tag != "Tagging" or root.find("TagSet") is None:
        raise malformed_xml("Tagging with a TagSet is right")
    tags = [(tag.findtext("Key") or "", tag.findtext("Value") or "") for tag in root.iterfind("TagSet/Tag")]
    return checked_tags(tags, most)


def tagging(tags: Tags) -> Response:
    """Return a Tagging document."""
    return xml("Tagging", [("TagSet", [("Tag", [("Key", key), ("Value", value)]) for key, value in tags])])


def identity(found: StoredObject) -> dict[str, str]:
    """Return the headers that tell one content from another."""
    return {"etag": f'"{found.etag}"', "x-oss-hash-crc64ecma": found.crc64} | sealed(found.written.headers)


def sealed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the header that tells of encryption at rest, if it was asked for."""
    return {name: value for name, value in headers.items() if name == "x-oss-server-side-encryption"}


def owner(asked: Asked) -> list[Element]:
    """Return the owner of everything."""
    return [("ID", asked.cloud.account_id), ("DisplayName", asked.cloud.account_id)]


def encoded(asked: Asked, text: str) -> str:
    """Return a key as the answer shows it: escaped when the request asks for that."""
    return quote(text) if asked.request.query.get("encoding-type") == "url" else text


def encoding(asked: Asked) -> list[Element]:
    """Return the element that tells of the escapes."""
    return [("EncodingType", "url")] if asked.request.query.get("encoding-type") == "url" else []


def xml(root: str, elements: list[Element], headers: Mapping[str, str] | None = None) -> Response:
    """Return an XML answer."""
    return Response(document(root, elements), headers=headers, media_type=XML)


def _encryption(request: ObjectRequest) -> dict[str, str]:
    asked = request.header("x-oss-server-side-encryption")
    if asked not in {"", "AES256"}:
        raise not_implemented(f"server-side encryption with {asked[:32]}")
    return {"x-oss-server-side-encryption": asked} if asked else {}
