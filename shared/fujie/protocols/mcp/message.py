"""One message that a client sent: which revision it is of, and what it asks. Checked once, at the door."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from fujie.protocols.mcp import LEGACY, MODERN
from fujie.protocols.mcp.errors import (
    HeaderMismatchError,
    InvalidParamsError,
    InvalidRequestError,
    MessageId,
    NotJsonError,
    UnsupportedVersionError,
)

VERSION_HEADER = "mcp-protocol-version"
METHOD_HEADER = "mcp-method"
NAME_HEADER = "mcp-name"
_META = "io.modelcontextprotocol/"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose subject is repeated in a header."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """What came in; `version` is empty where an earlier revision's client did not say."""

    kind: Literal["request", "notification", "response"]
    id: MessageId
    method: str = ""
    params: Json = field(default_factory=dict)
    result: Any = None
    version: str = ""
    takes_urls: bool = False
    """Does the client open an address for its user? In the earlier revisions its `initialize` says so."""

    @property
    def is_modern(self) -> bool:
        return self.version in MODERN

    @property
    def progress_token(self) -> str | int | None:
        token = _meta(self.params).get("progressToken")
        return token if isinstance(token, str) or type(token) is int else None


def message_in(unverified_body: bytes) -> tuple[MessageId, Json]:
    """Return the id and the object in a body, of no revision yet; raises NotJsonError, InvalidRequestError."""
    try:
        body = msgspec.json.decode(unverified_body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NotJsonError("the body is not readable as JSON") from error
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0":
        raise InvalidRequestError("the body must be a single JSON-RPC 2.0 message")
    id_ = body.get("id")
    if "id" in body and not (isinstance(id_, str) or type(id_) is int):
        raise InvalidRequestError("id must be a string or an integer")
    if isinstance(id_, str) and len(id_) > 256:
        raise InvalidRequestError("id must be at most 256 characters")
    return id_, body


def checked_message(id_: MessageId, body: Json, headers: Mapping[str, str]) -> Message:
    """Return the message. Raises McpError: a response in disguise, headers that say otherwise, an unknown revision."""
    if "method" not in body:
        return _response(id_, body, headers)
    method, params = body["method"], body.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise InvalidRequestError("method must be a string, and params an object")
    kind: Literal["request", "notification"] = "request" if "id" in body else "notification"
    version = headers.get(VERSION_HEADER, "")
    if method == "initialize" or _is_legacy(version, params):
        return Message(kind, id_, method, params, version=version)
    if kind == "notification":
        _check_version(version)
        return Message(kind, id_, method, params, version=version)
    return _modern(id_, method, params, headers)


def _is_legacy(version: str, params: Json) -> bool:
    return version in LEGACY or (not version and f"{_META}protocolVersion" not in _meta(params))


def _response(id_: MessageId, body: Json, headers: Mapping[str, str]) -> Message:
    version = headers.get(VERSION_HEADER, "")
    if version and version not in LEGACY:
        raise InvalidRequestError("in this revision a client sends requests and notifications alone")
    if id_ is None or ("result" in body) == ("error" in body):
        raise InvalidRequestError("the body is neither a request nor a response")
    return Message("response", id_, result=body.get("result"), version=version)


def _modern(id_: MessageId, method: str, params: Json, headers: Mapping[str, str]) -> Message:
    """Check in the order that the specification's server validation has: the envelope, the headers, the version."""
    meta = _meta(params)
    version, capabilities = meta.get(f"{_META}protocolVersion"), meta.get(f"{_META}clientCapabilities")
    if not isinstance(version, str) or not isinstance(capabilities, dict):
        raise InvalidParamsError(f"params._meta must hold {_META}protocolVersion and {_META}clientCapabilities")
    _check_headers(method, params, version, headers)
    _check_version(version)
    elicitation = capabilities.get("elicitation")
    urls = isinstance(elicitation, dict) and isinstance(elicitation.get("url"), dict)
    return Message("request", id_, method, params, version=version, takes_urls=urls)


def _check_headers(method: str, params: Json, version: str, headers: Mapping[str, str]) -> None:
    told = {VERSION_HEADER: version, METHOD_HEADER: method}
    if method in _NAMED and params.get(_NAMED[method]) is not None:
        told[NAME_HEADER] = params[_NAMED[method]]
    for header, value in told.items():
        got = headers.get(header)
        if (_decoded(got) if header == NAME_HEADER else got) != value:
            raise HeaderMismatchError(f"Header mismatch: {header} is not what the body says")


def _check_version(version: str) -> None:
    if version not in MODERN:
        raise UnsupportedVersionError(version[:64])


def _decoded(value: str | None) -> str | None:
    """Return a header's value, which may be wrapped as `=?base64?...?=`; nothing where the wrapping is broken."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _meta(params: Json) -> Json:
    meta = params.get("_meta")
    return meta if isinstance(meta, dict) else {}
