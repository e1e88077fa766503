"""A request to the object store, taken apart: bucket, key, query, headers."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from fujie_emulator.oss.errors import invalid_argument

MAX_FIELDS = 100


@dataclass(frozen=True)
class ObjectRequest:
    """What is asked of which object; "" as key means the bucket, "" as bucket the whole store. Nothing is verified."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def header(self, name: str) -> str:
        """Return a header's value, stripped, or ""."""
        return self.headers.get(name, "").strip()


def object_request(request: Request) -> ObjectRequest:
    """Take a request apart: the bucket is in the host name, or first in the path."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = request.scope["path"].removeprefix("/")
    bucket = bucket_of_host(headers.get("host", ""))
    key = path
    if not bucket:
        bucket, _, key = path.partition("/")
    return ObjectRequest(request.method, bucket, key, _query(request), headers)


def bucket_of_host(host: str) -> str:
    """Return the bucket that a virtual host names, or "" when the host is the store's own."""
    name = urlsplit(host if "://" in host else f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        first, _, rest = name.partition(".")
        return first if rest and not first.startswith("oss-") else ""
    return ""


def _query(request: Request) -> dict[str, str]:
    raw = request.scope["query_string"].decode("latin-1")  # oss2 sends a space as a plus, which it signs as %20
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise invalid_argument("query", "", "The query is not UTF-8 or too long.") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise invalid_argument("query", "", "A parameter occurs twice.")
    return dict(pairs)
