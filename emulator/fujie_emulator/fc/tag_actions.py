"""What can be asked of the tags of functions."""

from typing import Any

from fujie_emulator.fc import tags
from fujie_emulator.fc.asked import Asked


def tag_resources(asked: Asked) -> dict[str, Any]:
    names = _functions(asked, asked.body.get("ResourceType"), asked.body.get("ResourceId"))
    tags.put(asked.cloud, names, tags.asked_tags(asked.body.get("Tag")))
    return {}


def untag_resources(asked: Asked) -> dict[str, Any]:
    tags.take(asked.cloud, _queried(asked), tags.asked_texts("TagKey", asked.query("TagKey")))
    return {}


def list_tag_resources(asked: Asked) -> dict[str, Any]:
    return {"TagResources": tags.rows(asked.cloud, _queried(asked))}


def _queried(asked: Asked) -> list[str]:
    return _functions(asked, asked.query("ResourceType"), tags.asked_texts("ResourceId", asked.query("ResourceId")))


def _functions(asked: Asked, kind: Any, arns: Any) -> list[str]:
    names = tags.asked_functions(asked.cloud, kind, arns)
    for name in names:
        asked.authorize(name)
    return names
