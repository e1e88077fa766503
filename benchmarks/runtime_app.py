"""Ours: an agent without endpoints of its own that answers at once. Usage: runtime_app.py PORT [waits] [DATABASE_URL]."""

import sys
from collections.abc import AsyncIterator
from typing import Any

import fujie.fc.loading
from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig

CHUNKS = 200
port, *rest = sys.argv[1:]
url = next((word for word in rest if "://" in word), "")
app = AgentApp("bench", config=AgentConfig(port=int(port), open_access=True, database_url=url))


async def echo(self: Any, msgs: Any, request: Any, **kwargs: Any) -> AsyncIterator[str]:
    text = msgs[-1].content[-1].text
    if text == "stream":
        for index in range(CHUNKS):
            yield f"tok{index:04d} "
    else:
        yield text


async def waiting(self: Any, msgs: Any, request: Any, **kwargs: Any) -> AsyncIterator[str]:
    from asyncio import sleep

    async for piece in echo(self, msgs, request):
        await sleep(0)
        yield piece


app.query(framework="text")(waiting if "waits" in rest else echo)
fujie.fc.loading.done()
app.run()
