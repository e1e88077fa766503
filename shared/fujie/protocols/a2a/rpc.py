"""JSON-RPC 2.0, as far as A2A uses it: one call per body."""

from dataclasses import dataclass

from fujie.protocols.a2a.errors import NoRpcError, ParamsError
from fujie.protocols.a2a.fields import Fields
from fujie.protocols.a2a.nouns import Json

CallId = str | int | None


@dataclass(frozen=True, slots=True)
class Call:
    id: CallId
    method: str
    params: Fields


def call_of(value: object) -> Call:
    """Return the call that a JSON value from outside is. Raises NoRpcError, ParamsError."""
    if not isinstance(value, dict):
        raise NoRpcError("the body must be one JSON-RPC call; batches are not supported")
    if value.get("jsonrpc") != "2.0":
        raise NoRpcError('`jsonrpc` must be "2.0"')
    if value.get("id") is not None and call_id(value) is None:
        raise NoRpcError("`id` must be a string or an integer")
    if not isinstance(value.get("method"), str) or not value["method"]:
        raise NoRpcError("`method` must be a string")
    params = value.get("params")
    if params is not None and not isinstance(params, dict):
        raise ParamsError("params", "must be an object")
    return Call(call_id(value), value["method"], Fields(params or {}))


def call_id(value: object) -> CallId:
    """Return the id of whatever came, for an answer to it."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def result(call: CallId, value: object) -> Json:
    """Return the answer to a call."""
    return {"jsonrpc": "2.0", "id": call, "result": value}
