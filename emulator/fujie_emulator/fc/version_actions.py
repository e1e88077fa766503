"""Versions and aliases on the wire."""

from typing import Any

from fujie_emulator.core.errors import CloudError
from fujie_emulator.fc import versions
from fujie_emulator.fc.asked import Asked
from fujie_emulator.fc.deploying import deploy_limits, deploy_version, withdraw_version


async def publish_function_version(asked: Asked) -> dict[str, Any]:
    function = asked.named("function")
    asked.authorize(function)
    made = versions.publish(asked.cloud, function, asked.body)
    try:
        await deploy_version(asked.cloud, function, made["versionId"])
    except CloudError:
        versions.delete(asked.cloud, function, made["versionId"])
        raise
    return made


def list_function_versions(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    return {"versions": versions.listed(asked.cloud, asked.named("function")), "direction": "BACKWARD"}


async def delete_function_version(asked: Asked) -> None:
    function, version = asked.named("function"), asked.named("version")
    asked.authorize(function)
    versions.delete(asked.cloud, function, version)
    await withdraw_version(asked.cloud, function, version)


def create_alias(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    return versions.create_alias(asked.cloud, asked.named("function"), asked.body)


def get_alias(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    return versions.kept_alias(asked.cloud, asked.named("function"), asked.named("alias"))


async def update_alias(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    moved = versions.update_alias(asked.cloud, asked.named("function"), asked.named("alias"), asked.body)
    await deploy_limits(asked.cloud, asked.named("function"))  # provisioned instances move with it
    return moved


def delete_alias(asked: Asked) -> None:
    asked.authorize(asked.named("function"))
    versions.delete_alias(asked.cloud, asked.named("function"), asked.named("alias"))


def list_aliases(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    return asked.page("aliases", versions.aliases(asked.cloud, asked.named("function")), "aliasName")
