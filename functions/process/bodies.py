"""Request bodies, read within their limit and in bounded time."""

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Receive

from fujie.errors import InputError, TooLargeError

READ_S = 30.0
DRAIN_LIMIT = 32 * 1024 * 1024
"""What is read and thrown away so that a client that sends too much can read why it was refused."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return the body. Raises TooLargeError beyond `limit` bytes, InputError when it does not come."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_S):
            async for chunk in _chunks(receive):
                size += len(chunk)
                if size <= limit:
                    chunks.append(chunk)
                elif size > DRAIN_LIMIT:
                    break
    except TimeoutError as error:
        raise InputError(f"the body did not come within {READ_S:g} s") from error
    if size > limit:
        raise TooLargeError(f"the body is over {limit} bytes", repair="send less at once")
    return b"".join(chunks)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InputError("the client went away before its body had come")
        yield message.get("body", b"")
        more = message.get("more_body", False)
