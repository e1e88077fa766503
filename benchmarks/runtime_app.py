"""Ours: an agent without endpoints of its own, which answers at once or waits. Usage: PORT [waits] [DATABASE_URL]."""

import fujie.fc.loading  # noqa: F401, I001 - begins a start, and comes before whatever it spares

import sys
from asyncio import sleep
from collections.abc import AsyncIterator
from typing import Any

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig

port, *rest = sys.argv[1:]
url = next((word for word in rest if "://" in word), "")
app = AgentApp("bench", config=AgentConfig(port=int(port), open_access=True, database_url=url))


async def echo(msgs: Any) -> AsyncIterator[str]:
    text = msgs[-1].content[-1].text
    if text != "stream":
        yield text
        return
    for index in range(200):
        yield f"tok{index:04d} "


async def waiting(msgs: Any) -> AsyncIterator[str]:
    async for piece in echo(msgs):
        await sleep(0)
        yield piece


app.query(framework="text")(waiting if "waits" in rest else echo)
app.run()
