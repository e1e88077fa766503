"""Tags of functions, under the one address that Function Compute has for the tags of all its resources."""

import json
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.fc import functions
from fujie_emulator.fc.errors import invalid
from fujie_emulator.fc.state import function_arn

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

MOST_TAGS = 20
LONGEST_TAG = 128  # characters
Tags = dict[str, str]


def asked_tags(pairs: Any) -> Tags:
    """Return the tags of a request; raise InvalidArgument."""
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, dict) for pair in pairs):
        raise invalid("Tag", "a list of objects with Key and Value is right")
    tags = {pair.get("Key"): pair.get("Value", "") for pair in pairs}
    if not all(isinstance(text, str) and len(text) <= LONGEST_TAG for pair in tags.items() for text in pair):
        raise invalid("Tag", f"texts of at most {LONGEST_TAG} characters are right")
    return tags


def asked_texts(name: str, text: str) -> list[str]:
    """Return a list that came as JSON in the query; raise InvalidArgument."""
    try:
        value = json.loads(text or "[]")
    except (ValueError, RecursionError) as error:
        raise invalid(name, "a JSON list of texts is right") from error
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(name, "a JSON list of texts is right")
    return value


def asked_functions(cloud: "Cloud", kind: Any, arns: Any) -> list[str]:
    """Return the names of the functions whose ARNs are asked for; raise InvalidArgument."""
    if not isinstance(kind, str) or kind.lower() not in ("function", "alicloud:fc:function"):
        raise invalid("ResourceType", "function is right; the emulator tags nothing else")
    prefix = function_arn(cloud, "")
    if not isinstance(arns, list) or not all(isinstance(arn, str) and arn.startswith(prefix) for arn in arns):
        raise invalid("ResourceId", f"a list of ARNs {prefix}NAME is right")
    return [arn.removeprefix(prefix) for arn in arns]


def put(cloud: "Cloud", names: list[str], tags: Tags) -> None:
    """Tag all of them or none; a key that is there gets the new value."""
    with cloud.store.transaction():
        for name in names:
            _keep(cloud, name, _of(cloud, name) | tags)


def take(cloud: "Cloud", names: list[str], keys: list[str]) -> None:
    """Take tags away."""
    with cloud.store.transaction():
        for name in names:
            _keep(cloud, name, {key: value for key, value in _of(cloud, name).items() if key not in keys})


def rows(cloud: "Cloud", names: list[str]) -> list[dict[str, str]]:
    """Return one row per tag."""
    return [
        {"ResourceType": "function", "ResourceId": function_arn(cloud, name), "TagKey": key, "TagValue": value}
        for name in names
        for key, value in _of(cloud, name).items()
    ]


def _of(cloud: "Cloud", name: str) -> Tags:
    return {tag["key"]: tag["value"] for tag in functions.kept(cloud, name).get("tags", ())}


def _keep(cloud: "Cloud", name: str, tags: Tags) -> None:
    if len(tags) > MOST_TAGS:
        raise invalid("Tag", f"a function has at most {MOST_TAGS} tags")
    shown = [{"key": key, "value": value} for key, value in sorted(tags.items())]
    kept = functions.kept(cloud, name) | {"tags": shown, "lastModifiedTime": iso(cloud.clock.now())}
    cloud.store.put(functions.SERVICE, "function", name, kept)
