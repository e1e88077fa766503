"""A function's settings on the wire."""

from typing import Any

from fujie_emulator.fc import settings
from fujie_emulator.fc.asked import Asked
from fujie_emulator.fc.deploying import deploy


def put_async_invoke_config(asked: Asked) -> dict[str, Any]:
    return _put(asked, settings.ASYNC)


def get_async_invoke_config(asked: Asked) -> dict[str, Any]:
    return _get(asked, settings.ASYNC)


def delete_async_invoke_config(asked: Asked) -> None:
    _delete(asked, settings.ASYNC)


async def put_concurrency_config(asked: Asked) -> dict[str, Any]:
    setting = _put(asked, settings.CONCURRENCY)
    await deploy(asked.cloud, asked.named("function"))
    return setting


def get_concurrency_config(asked: Asked) -> dict[str, Any]:
    return _get(asked, settings.CONCURRENCY)


async def delete_concurrency_config(asked: Asked) -> None:
    _delete(asked, settings.CONCURRENCY)
    await deploy(asked.cloud, asked.named("function"))


def _put(asked: Asked, kind: str) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    return settings.put(asked.cloud, kind, asked.named("function"), asked.body)


def _get(asked: Asked, kind: str) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    return settings.shown(asked.cloud, kind, asked.named("function"))


def _delete(asked: Asked, kind: str) -> None:
    asked.authorize(asked.named("function"))
    settings.delete(asked.cloud, kind, asked.named("function"))
