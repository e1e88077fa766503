"""Alibaba Cloud's MCP server: streamable HTTP, stateless, for tokens of the cloud's own sign-in."""

import asyncio
import hashlib
import importlib
import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.types import Receive, Send

from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.partners.errors import PartnerError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

MAX_BODY = 1 << 20
TOOL = "ListInstances"
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"RegionId": {"type": "string", "description": "Region of the instances; all regions when absent."}},
    "additionalProperties": False,
}
_KINDS = (
    ("ecs.g7.large", 2, 8192),
    ("ecs.c7.xlarge", 4, 8192),
    ("ecs.r7.large", 2, 16384),
    ("ecs.u1.xlarge", 4, 16384),
)


def instances_of(user_id: str, name: str, region: str) -> list[dict[str, Any]]:
    """Return the two ECS instances of a user, the same ones every time."""
    return [_instance(user_id, name, region, number) for number in (1, 2)]


def _instance(user_id: str, name: str, region: str, number: int) -> dict[str, Any]:
    seed = hashlib.sha256(f"{user_id}/{number}".encode()).digest()
    kind, cores, memory = _KINDS[seed[0] % len(_KINDS)]
    return {
        "InstanceId": f"i-2ze{seed.hex()[:17]}",
        "InstanceName": f"{name}-{('web', 'worker')[number - 1]}-{number:02}",
        "Status": "Running" if number == 1 or seed[1] % 2 else "Stopped",
        "InstanceType": kind,
        "Cpu": cores,
        "Memory": memory,
        "RegionId": region,
        "PrivateIpAddress": f"172.16.{seed[2]}.{1 + seed[3] % 250}",
    }


async def serve_mcp(request: Request, send: Send, *, user_id: str, name: str, region: str) -> None:
    """Answer one MCP request of a user whose token has been checked."""
    await asyncio.to_thread(importlib.import_module, "mcp.server.lowlevel")  # half a second that nobody else waits for
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings

    body = await read_body(request, MAX_BODY)
    note(action=action_of(body))
    hosts = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
    manager = StreamableHTTPSessionManager(
        _server(user_id, name, region),
        json_response=True,
        stateless=True,
        security_settings=TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=[]),
        max_request_body_size=MAX_BODY,
    )
    async with manager.run():
        await manager.handle_request(request.scope, _replay(body, request.receive), send)


def action_of(body: bytes) -> str:
    """Return the name that the journal gives to a JSON-RPC body: a called tool's own, else the method."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PartnerError(400, "invalid_json", "The body must be a JSON-RPC message.") from error
    if not isinstance(message, dict):
        return "batch"
    params = message.get("params")
    tool = params.get("name") if message.get("method") == "tools/call" and isinstance(params, dict) else None
    return str(tool or message.get("method") or "response")[:128]


def _server(user_id: str, name: str, region: str) -> "Server[Any]":
    from mcp import types
    from mcp.server.lowlevel import Server

    async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
        tool = types.Tool(name=TOOL, description="Lists the ECS instances of the user.", input_schema=_SCHEMA)
        return types.ListToolsResult(tools=[tool])

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name != TOOL:
            return _told(f"There is no tool {params.name[:64]!r}.", failed=True)
        wanted = (params.arguments or {}).get("RegionId") or ""
        found = [each for each in instances_of(user_id, name, region) if wanted in {"", each["RegionId"]}]
        return _told({"Instances": found, "TotalCount": len(found)})

    def _told(value: Any, *, failed: bool = False) -> types.CallToolResult:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)],
            structured_content=None if failed else value,
            is_error=failed,
        )

    return Server("alibaba-cloud-ecs", version="1.0", on_list_tools=list_tools, on_call_tool=call_tool)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Any:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
