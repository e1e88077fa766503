"""An agent that gets credentials by decorator: with ours, or with the official SDK in that one's environment.

Told by lines of JSON: {"tool", "callers", "rounds"}; answers with {"ms", "stall_ms"}, `consent` first with the URL
that its user has to open. The first line it writes says how long its imports took. `ours` imports httpx2 before: that
is what an agent has anyway.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

TICK_S = 0.005
Tools = dict[str, Callable[[], Awaitable[Any]]]


def ours(token: str) -> tuple[Tools, AbstractContextManager[None]]:
    from fujie.identity import on_behalf_of, requires_access_token, requires_api_key, requires_sts_token

    @requires_api_key(provider_name="weather")
    async def api_key(api_key: str) -> str:
        return api_key

    @requires_sts_token(session_duration=900)
    async def sts(sts_credential: Any) -> Any:
        return sts_credential

    @requires_access_token(provider_name="library", scopes=["books.read"])
    async def oauth(access_token: str) -> str:
        return access_token

    return {"api_key": api_key, "sts": sts, "oauth": oauth}, on_behalf_of(user_token=token)


def official(token: str) -> tuple[Tools, AbstractContextManager[None]]:
    from contextlib import nullcontext

    from agent_identity_python_sdk.context import AgentIdentityContext
    from agent_identity_python_sdk.core import requires_access_token, requires_api_key, requires_sts_token

    @requires_api_key(credential_provider_name="weather")
    async def api_key(api_key: str) -> str:
        return api_key

    @requires_sts_token(session_duration=900)
    async def sts(sts_credential: Any) -> Any:
        return sts_credential

    @requires_access_token(
        credential_provider_name="library",
        scopes=["books.read"],
        auth_flow="USER_FEDERATION",
        callback_url="http://localhost:8090/callback",
    )
    async def oauth(access_token: str) -> str:
        return access_token

    @requires_access_token(
        credential_provider_name="library",
        scopes=["books.read"],
        auth_flow="USER_FEDERATION",
        callback_url="http://localhost:8090/callback",
        force_authentication=True,
        on_auth_url=lambda url: say({"url": url}),
    )
    async def consent(access_token: str) -> str:
        return access_token

    AgentIdentityContext.set_user_token(token)
    return {"api_key": api_key, "sts": sts, "oauth": oauth, "consent": consent}, nullcontext()


async def asked(tool: Callable[[], Awaitable[Any]], callers: int, rounds: int) -> dict[str, float]:
    ticker = asyncio.create_task(_longest_stall())
    await asyncio.sleep(TICK_S * 2)
    began = time.perf_counter()
    for _ in range(rounds):
        await asyncio.gather(*[tool() for _ in range(callers)]) if callers > 1 else await tool()
    took = time.perf_counter() - began
    await asyncio.sleep(TICK_S * 2)
    ticker.cancel()
    with suppress(asyncio.CancelledError):
        await ticker
    return {"ms": took * 1000, "stall_ms": _stall[0] * 1000}


_stall = [0.0]


async def _longest_stall() -> None:
    _stall[0], last = 0.0, time.perf_counter()
    while True:
        await asyncio.sleep(TICK_S)
        now = time.perf_counter()
        _stall[0] = max(_stall[0], now - last - TICK_S)
        last = now


async def serve(tools: Tools) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = json.loads(line)
        say(await asked(tools[told["tool"]], told.get("callers", 1), told.get("rounds", 1)))


def say(found: dict[str, Any]) -> None:
    print("FOUND " + json.dumps(found), flush=True)


def run(which: str, token: str) -> None:
    if which == "ours":
        import httpx2  # noqa: F401  part of what an agent has before
    began = time.perf_counter()
    tools, context = (ours if which == "ours" else official)(token)
    say({"import_ms": (time.perf_counter() - began) * 1000})
    with context:
        asyncio.run(serve(tools))


if __name__ == "__main__":
    run(sys.argv[1], sys.stdin.readline().strip())
