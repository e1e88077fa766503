"""What anybody may ask of an agent: is it up, and what is it."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import to_builtins

from fujie.agents.serving.asgi import Answer, Endpoint, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.served import Served


def routes(served: Served) -> list[Route]:
    """Return `/health` and `/metadata`."""
    metadata = to_builtins(served.metadata) | {"keeps_runs": served.runs.keeps}
    return [
        Route("GET", "/health", _says({"status": "ok"}), plain_refusal),
        Route("GET", "/metadata", _says(metadata), plain_refusal),
    ]


def _says(value: Mapping[str, Any]) -> Endpoint:
    whole = Answer(200, json.dumps(value, ensure_ascii=False).encode())

    async def say(_request: Request, send: Send) -> None:
        await answer(send, whole)

    return say
