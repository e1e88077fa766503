"""A call to a tool of the stack's MCP server, through the context's client (which carries the credential)."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fujie.tools.context import ToolContext
from fujie.tools.errors import ProviderRefusedError, ToolMisconfiguredError

if TYPE_CHECKING:
    from mcp.types import CallToolResult


async def call_mcp_tool(context: ToolContext, name: str, arguments: Mapping[str, Any]) -> Any:
    """Return what the MCP tool answered: its structured content, else its text.

    Raises ToolMisconfiguredError without a server, ProviderRefusedError when the tool says it failed.
    """
    if not context.mcp_server:
        raise ToolMisconfiguredError("the stack has no MCP server", repair="set FUJIE_MCP_SERVER to its address")
    from mcp.client.client import Client
    from mcp.client.streamable_http import streamable_http_client

    async with Client(streamable_http_client(context.mcp_server, http_client=context.http)) as client:
        result = await client.call_tool(name, dict(arguments))
    return _content(result)


def _content(result: "CallToolResult") -> Any:
    texts = [block.text for block in result.content if block.type == "text"]
    if result.is_error:
        raise ProviderRefusedError("\n".join(texts)[:500] or "the MCP tool failed without a word")
    if result.structured_content is not None:
        return result.structured_content
    text = "\n".join(texts)
    try:
        return json.loads(text)
    except ValueError:
        return text
