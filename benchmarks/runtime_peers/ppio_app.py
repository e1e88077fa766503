"""The peer ppio-agent-runtime: echoes, streams 200 chunks, waits before each when told to. Usage: PORT [waits]."""

import sys
from asyncio import sleep
from collections.abc import AsyncIterator
from typing import Any

from ppio_agent_runtime import PPIOAgentRuntimeApp

app = PPIOAgentRuntimeApp()
WAITS = "waits" in sys.argv


async def pieces() -> AsyncIterator[str]:
    for index in range(200):
        if WAITS:
            await sleep(0)
        yield f"tok{index:04d} "


@app.entrypoint
async def answer(request: dict[str, Any]) -> Any:
    return pieces() if request["prompt"] == "stream" else {"result": request["prompt"]}


app.run(host="127.0.0.1", port=int(sys.argv[1]))
