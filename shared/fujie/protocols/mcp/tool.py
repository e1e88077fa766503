"""What the server says of itself: its revisions, and the agent as its one tool."""

import re
from typing import Any

from fujie.protocols.mcp import LEGACY, MODERN
from fujie.protocols.mcp.errors import InvalidParamsError

Json = dict[str, Any]
_TTL_MS = 300_000
_SAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_INPUT: Json = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "minLength": 1, "description": "What the agent is asked, in plain words."},
        "session_id": {
            "type": "string",
            "description": "The conversation to go on with, from an earlier result; leave it out to begin one.",
        },
    },
    "required": ["message"],
    "additionalProperties": False,
}
_OUTPUT: Json = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["completed", "failed", "canceled", "authorization_required"]},
        "answer": {"type": "string"},
        "data": {"description": "The value that the agent gave, where it gave one beside or instead of words."},
        "session_id": {"type": "string"},
        "run_id": {"type": "string"},
        "usage": {"type": "object"},
        "error": {"type": "object"},
        "authorizations": {
            "type": "array",
            "description": "What waits for the user's permission, each with the address at which it is given.",
            "items": {"type": "object"},
        },
    },
    "required": ["status", "answer"],
}


def tool_name(agent: str) -> str:
    """Return the agent's name as MCP lets tools be called."""
    return _SAFE.sub("_", agent)[:128] or "agent"


def discovered(agent: str, version: str, description: str) -> Json:
    """Return the result of `server/discover`."""
    told = {"supportedVersions": [*MODERN, *LEGACY], "capabilities": {"tools": {}}}
    return modern(told | {"instructions": description} if description else told, agent, version, cached=True)


def initialized(requested: Any, agent: str, version: str, description: str) -> Json:
    """Return the result of an earlier revision's `initialize`: the revision asked for, or our newest."""
    if not isinstance(requested, str):
        raise InvalidParamsError("protocolVersion must be a string")
    told: Json = {
        "protocolVersion": requested if requested in LEGACY else LEGACY[0],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": agent, "version": version},
    }
    return told | {"instructions": description} if description else told


def listed(agent: str, description: str) -> Json:
    """Return the result of `tools/list`."""
    tool = {
        "name": tool_name(agent),
        "title": agent,
        "description": description or f"Asks the agent {agent}, which answers in words.",
        "inputSchema": _INPUT,
        "outputSchema": _OUTPUT,
    }
    return {"tools": [tool]}


def modern(result: Json, agent: str, version: str, *, cached: bool = False) -> Json:
    """Return a result as the current revision has it: its type, who answers, and how long it may be kept."""
    kept = {"ttlMs": _TTL_MS, "cacheScope": "public"} if cached else {}
    meta = {"io.modelcontextprotocol/serverInfo": {"name": agent, "version": version}}
    return {"resultType": "complete"} | result | kept | {"_meta": meta}
