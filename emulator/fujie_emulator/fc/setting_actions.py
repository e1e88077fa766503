"""A function's settings on the wire."""

from typing import Any

from fujie_emulator.core.iam import authorize
from fujie_emulator.fc import settings, tasks, versions
from fujie_emulator.fc.asked import Asked
from fujie_emulator.fc.deploying import deploy_limits
from fujie_emulator.functionhost.routes import host_of


def put_async_invoke_config(asked: Asked) -> dict[str, Any]:
    return _put(asked, settings.ASYNC)


def get_async_invoke_config(asked: Asked) -> dict[str, Any]:
    return _get(asked, settings.ASYNC)


def delete_async_invoke_config(asked: Asked) -> None:
    _delete(asked, settings.ASYNC)


async def put_concurrency_config(asked: Asked) -> dict[str, Any]:
    setting = _put(asked, settings.CONCURRENCY)
    await deploy_limits(asked.cloud, asked.named("function"))
    return setting


def get_concurrency_config(asked: Asked) -> dict[str, Any]:
    return _get(asked, settings.CONCURRENCY)


async def delete_concurrency_config(asked: Asked) -> None:
    _delete(asked, settings.CONCURRENCY)
    await deploy_limits(asked.cloud, asked.named("function"))


def get_async_task(asked: Asked) -> dict[str, Any]:
    authorize(asked.cloud, asked.caller, "fc:GetAsyncTask", ["*"])  # the cloud knows no narrower resource for it
    return tasks.shown(asked.cloud, asked.named("function"), asked.named("task"))


async def put_provision_config(asked: Asked) -> dict[str, Any]:
    _put(asked, settings.PROVISION)
    await deploy_limits(asked.cloud, asked.named("function"))
    return get_provision_config(asked)


def get_provision_config(asked: Asked) -> dict[str, Any]:
    address = versions.address(asked.named("function"), asked.query("qualifier"))
    running = host_of(asked.cloud).find(address)
    return _get(asked, settings.PROVISION) | {"current": running.pool.size if running else 0, "currentError": ""}


async def delete_provision_config(asked: Asked) -> None:
    _delete(asked, settings.PROVISION)
    await deploy_limits(asked.cloud, asked.named("function"))


def _put(asked: Asked, kind: str) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    return settings.put(asked.cloud, kind, asked.named("function"), asked.body, _qualifier(asked, kind))


def _get(asked: Asked, kind: str) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    return settings.shown(asked.cloud, kind, asked.named("function"), _qualifier(asked, kind))


def _delete(asked: Asked, kind: str) -> None:
    asked.authorize(asked.named("function"))
    settings.delete(asked.cloud, kind, asked.named("function"), _qualifier(asked, kind))


def _qualifier(asked: Asked, kind: str) -> str:
    return "" if kind == settings.CONCURRENCY else asked.query("qualifier")
