"""Functions of the control plane as the function host runs them: from their package, with their role's key."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.errors import CloudError
from fujie_emulator.fc import functions, packages, settings, versions
from fujie_emulator.fc.affinity import affinity_of
from fujie_emulator.functionhost.routes import host_of
from fujie_emulator.functionhost.specification import CUSTOM_RUNTIMES, LATEST, FunctionSpec

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

MOST_INSTANCES = 4
"""Without a reserved concurrency; the cloud's own default is some hundred, this is one machine."""
CODE = "/code"


async def deploy(cloud: "Cloud", name: str) -> None:
    """Have the host run what the control plane keeps of the function; CloudError when its package is none."""
    await _run(cloud, name, functions.kept(cloud, name))


async def deploy_version(cloud: "Cloud", name: str, version: str) -> None:
    """Have the host run a published version beside the function itself."""
    await _run(cloud, name, versions.kept(cloud, name, version), version)


async def deploy_limits(cloud: "Cloud", name: str) -> None:
    """Have the host keep to limits that changed, which hold for all versions together."""
    await deploy(cloud, name)
    for version in versions.documents(cloud, name):
        await deploy_version(cloud, name, version["versionId"])


async def withdraw(cloud: "Cloud", name: str, published: Sequence[str]) -> None:
    """Have the host forget the function and its published versions."""
    await host_of(cloud).withdraw(name)
    for version in published:
        await withdraw_version(cloud, name, version)
    await asyncio.to_thread(packages.forget, cloud, name)


async def withdraw_version(cloud: "Cloud", name: str, version: str) -> None:
    """Have the host forget one version."""
    await host_of(cloud).withdraw(versions.address(name, version))


async def deploy_all(cloud: "Cloud") -> None:
    """Run again, after a start, what was deployed before; what has lost its package stays down."""
    for name, _ in cloud.store.list(functions.SERVICE, "function"):
        with suppress(CloudError):
            await deploy(cloud, name)
        for version in versions.documents(cloud, name):
            with suppress(CloudError):
                await deploy_version(cloud, name, version["versionId"])


async def _run(cloud: "Cloud", name: str, function: Mapping[str, Any], version: str = LATEST) -> None:
    published = [each["code"]["digest"] for each in versions.documents(cloud, name)]
    code_dir = await asyncio.to_thread(packages.unpacked, cloud, name, function["code"], published)
    opt = await asyncio.to_thread(packages.merged, cloud, name, function.get("layerCode", ()))
    await host_of(cloud).declare(_spec(cloud, function, code_dir, opt, version))


def _spec(cloud: "Cloud", function: Mapping[str, Any], code_dir: Path, opt: Path | None, version: str) -> FunctionSpec:
    is_custom = function["runtime"] in CUSTOM_RUNTIMES
    name = function["functionName"]
    reserved = cloud.store.get(functions.SERVICE, "concurrency", name)
    return FunctionSpec(
        name=name,
        runtime=function["runtime"],
        code_dir=code_dir,
        command=_command(function, code_dir) if is_custom else (),
        handler="" if is_custom else function["handler"],
        env=function.get("environmentVariables", {}),
        role=function.get("role", "").rpartition("/")[2],
        port=function.get("customRuntimeConfig", {}).get("port") or 9000,
        timeout_s=float(function["timeout"]),
        memory_mb=function["memorySize"],
        instance_concurrency=function["instanceConcurrency"],
        max_instances=min(reserved["reservedConcurrency"], MOST_INSTANCES) if reserved else MOST_INSTANCES,
        sealed=True,
        version=version,
        reserved=bool(reserved),
        provisioned=min(settings.provisioned(cloud, name, version), MOST_INSTANCES),
        affinity=affinity_of(function),
        log_store=_log_store(function.get("logConfig") or {}),
        layers=opt,
    )


def _log_store(config: Mapping[str, Any]) -> str:
    return f"{config['project']}/{config['logstore']}" if config.get("project") and config.get("logstore") else ""


def _command(function: Mapping[str, Any], code_dir: Path) -> tuple[str, ...]:
    """Return the command with `/code`, which is the platform's name of the package, as the directory it is here."""
    config = function.get("customRuntimeConfig", {})
    words = [*(config.get("command") or [f"{CODE}/bootstrap"]), *(config.get("args") or [])]
    return tuple(f"{code_dir}{word[len(CODE) :]}" if word.startswith(f"{CODE}/") else word for word in words)
