"""The peer agentrun-sdk, over OpenAI's protocol: echoes, and streams 200 chunks. Usage: PORT."""

import sys
from collections.abc import AsyncIterator
from typing import Any

from agentrun.server import AgentRunServer


async def pieces() -> AsyncIterator[str]:
    for index in range(200):
        yield f"tok{index:04d} "


async def answer(request: Any) -> Any:
    text = request.messages[-1].content
    return pieces() if text == "stream" else text


AgentRunServer(invoke_agent=answer).start(host="127.0.0.1", port=int(sys.argv[1]))
