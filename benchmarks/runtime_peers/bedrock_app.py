"""The peer bedrock-agentcore: echoes, and streams 200 chunks. Usage: PORT."""

import sys
from collections.abc import AsyncIterator
from typing import Any

from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


async def pieces() -> AsyncIterator[str]:
    for index in range(200):
        yield f"tok{index:04d} "


@app.entrypoint
async def answer(payload: dict[str, Any]) -> Any:
    return pieces() if payload["prompt"] == "stream" else {"result": payload["prompt"]}


app.run(host="127.0.0.1", port=int(sys.argv[1]))
