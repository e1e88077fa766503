"""The agent's event stream, passed on byte for byte, with a heartbeat while it is silent."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import httpx2

HEARTBEAT_S = 15.0
"""Gateways close a connection that says nothing for a minute."""
HEARTBEAT = b": still here\n\n"

log = logging.getLogger(__name__)


async def relayed(upstream: httpx2.Response, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[bytes]:
    """Yield the answer's bytes as they come and close it at the end, also when the reader goes away first.

    A stream that breaks ends quietly: the reader knows the last sequence number and asks for the rest.
    """
    chunks = upstream.aiter_raw()
    between_events, pending = True, None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(chunks, None))
            done, _ = await asyncio.wait({pending}, timeout=heartbeat_s)
            if not done:
                if between_events:
                    yield HEARTBEAT
                continue
            arrived, pending = pending, None
            chunk = arrived.result()
            if chunk is None:
                return
            between_events = chunk.endswith(b"\n\n")
            yield chunk
    except httpx2.HTTPError as error:
        log.warning("the agent's stream broke: %s", type(error).__name__)
    finally:
        await _close(upstream, pending)


async def _close(upstream: httpx2.Response, pending: asyncio.Future[bytes | None] | None) -> None:
    if pending is not None:
        pending.cancel()
        with contextlib.suppress(asyncio.CancelledError, httpx2.HTTPError):
            await pending
    await upstream.aclose()
