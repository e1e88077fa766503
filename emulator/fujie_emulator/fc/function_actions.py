"""Functions on the wire: made, read, changed and deleted, and then run as they are kept."""

from typing import Any

from fujie_emulator.core.errors import CloudError
from fujie_emulator.fc import functions, versions
from fujie_emulator.fc.asked import Asked
from fujie_emulator.fc.deploying import deploy, withdraw


async def create_function(asked: Asked) -> dict[str, Any]:
    asked.authorize(str(asked.body.get("functionName", "")))
    asked.authorize_role("role")
    made = functions.create(asked.cloud, asked.body)
    try:
        await deploy(asked.cloud, made["functionName"])
    except CloudError:
        functions.delete(asked.cloud, made["functionName"])
        raise
    return made


def get_function(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"))
    found = versions.qualified(asked.cloud, asked.named("function"), asked.query("qualifier"))
    return functions.shown(asked.cloud, found)


async def update_function(asked: Asked) -> dict[str, Any]:
    name = asked.named("function")
    asked.authorize(name)
    asked.authorize_role("role")
    before = functions.kept(asked.cloud, name)
    changed = functions.update(asked.cloud, name, asked.body)
    try:
        await deploy(asked.cloud, name)
    except CloudError:
        functions.put_back(asked.cloud, before)
        raise
    return changed


async def delete_function(asked: Asked) -> None:
    name = asked.named("function")
    asked.authorize(name)
    published = [each["versionId"] for each in versions.documents(asked.cloud, name)]
    functions.delete(asked.cloud, name)
    await withdraw(asked.cloud, name, published)


def list_functions(asked: Asked) -> dict[str, Any]:
    asked.authorize("*")
    return asked.page("functions", functions.listed(asked.cloud, asked.query("prefix")), "functionName")
