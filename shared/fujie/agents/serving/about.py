"""What anybody may ask of an agent: is it up, and what is it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fujie.agents.serving.asgi import Answer, Endpoint, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.served import Served


def routes(served: Served) -> list[Route]:
    """Return `/health` and `/metadata`."""
    return [
        Route("GET", "/health", _says({"status": "ok"}), plain_refusal),
        Route("GET", "/metadata", _says(asdict(served.metadata) | {"keeps_runs": served.runs.keeps}), plain_refusal),
    ]


def _says(value: Mapping[str, Any]) -> Endpoint:
    whole = Answer(200, json.dumps(value, ensure_ascii=False).encode())

    async def say(_request: Request, send: Send) -> None:
        await answer(send, whole)

    return say
