"""Versions of functions, which are what was published and stay so, and aliases, which name a version and may move."""

import random
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import CloudError
from fujie_emulator.fc import functions
from fujie_emulator.fc.errors import already_exists, invalid, not_found
from fujie_emulator.functionhost.specification import LATEST

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

VERSION, ALIAS, LAST = "version", "alias", "last-version"
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_OF_VERSION = ("createdTime", "description", "lastModifiedTime", "versionId")


def address(function: str, qualifier: str | None) -> str:
    """Return how the function host is asked for a function, or for one of its versions or aliases."""
    return function if qualifier in (None, "", LATEST) else f"{function}:{qualifier}"


def resolve(cloud: "Cloud", asked: str) -> str:
    """Return the version that an address stands for; of an alias with weights, one or the other by chance."""
    function, _, qualifier = asked.partition(":")
    alias = cloud.store.get(functions.SERVICE, ALIAS, f"{function}/{qualifier}") if qualifier else None
    return address(function, _drawn(alias)) if alias else asked


def _drawn(alias: Mapping[str, Any]) -> str:
    chance = random.random()  # noqa: S311 - not a secret
    for version, weight in alias.get("additionalVersionWeight", {}).items():
        if chance < weight:
            return str(version)
        chance -= weight
    return str(alias["versionId"])


def check(cloud: "Cloud", function: str, qualifier: str) -> None:
    """Raise VersionNotFound or AliasNotFound when the function has none of that name."""
    if qualifier in ("", LATEST):
        return
    if qualifier.isdecimal():
        kept(cloud, function, qualifier)
    else:
        kept_alias(cloud, function, qualifier)


def publish(cloud: "Cloud", function: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the function as it is now under the next number, and return the version."""
    description = asked.get("description") or ""
    if not isinstance(description, str):
        raise invalid("description", "it must be text")
    now = iso(cloud.clock.now())
    with cloud.store.transaction():
        present = functions.kept(cloud, function)
        last = (cloud.store.get(functions.SERVICE, LAST, function) or {"number": 0})["number"]
        version = {"versionId": str(last + 1), "description": description, "createdTime": now, "lastModifiedTime": now}
        cloud.store.put(functions.SERVICE, LAST, function, {"number": last + 1})
        cloud.store.put(functions.SERVICE, VERSION, f"{function}/{last + 1}", {**present, **version})
    return version


def kept(cloud: "Cloud", function: str, version: str) -> dict[str, Any]:
    """Return what was published: a function's document with `versionId`; raise VersionNotFound."""
    functions.kept(cloud, function)
    found = cloud.store.get(functions.SERVICE, VERSION, f"{function}/{version}")
    if found is None:
        raise not_found("Version", version)
    return found


def qualified(cloud: "Cloud", function: str, qualifier: str) -> dict[str, Any]:
    """Return the document that a qualifier stands for."""
    if qualifier in ("", LATEST):
        return functions.kept(cloud, function)
    version = qualifier if qualifier.isdecimal() else kept_alias(cloud, function, qualifier)["versionId"]
    return kept(cloud, function, version)


def listed(cloud: "Cloud", function: str) -> list[dict[str, Any]]:
    """Return the versions, oldest first."""
    functions.kept(cloud, function)
    found = sorted(documents(cloud, function), key=lambda each: int(each["versionId"]))
    return [{name: each[name] for name in _OF_VERSION} for each in found]


def documents(cloud: "Cloud", function: str) -> list[dict[str, Any]]:
    """Return what was published of the function."""
    rows = cloud.store.list(functions.SERVICE, VERSION)
    return [document for key, document in rows if key.partition("/")[0] == function]


def delete(cloud: "Cloud", function: str, version: str) -> None:
    """Forget a version that no alias names; raise InvalidArgument for one that is named."""
    with cloud.store.transaction():
        kept(cloud, function, version)
        for alias in aliases(cloud, function):
            if version in (alias["versionId"], *alias["additionalVersionWeight"]):
                raise CloudError("InvalidArgument", 400, f"The alias {alias['aliasName']!r} names the version.")
        cloud.store.delete(functions.SERVICE, VERSION, f"{function}/{version}")


def create_alias(cloud: "Cloud", function: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keep an alias and return it."""
    name = asked.get("aliasName")
    if not isinstance(name, str) or not _ALIAS.fullmatch(name) or name == LATEST:
        raise invalid("aliasName", "1 to 128 letters, digits, _ and - are right, beginning with a letter or _")
    now = iso(cloud.clock.now())
    alias = {"description": "", "additionalVersionWeight": {}} | _checked(cloud, function, asked)
    if "versionId" not in alias:
        raise invalid("versionId", "it is required")
    alias |= {"aliasName": name, "createdTime": now, "lastModifiedTime": now}
    with cloud.store.transaction():
        if cloud.store.get(functions.SERVICE, ALIAS, f"{function}/{name}") is not None:
            raise already_exists("Alias", name)
        cloud.store.put(functions.SERVICE, ALIAS, f"{function}/{name}", alias)
    return alias


def update_alias(cloud: "Cloud", function: str, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the fields that are given and return the alias; who asks from now on reaches what it names."""
    changes = _checked(cloud, function, asked) | {"lastModifiedTime": iso(cloud.clock.now())}
    with cloud.store.transaction():
        alias = kept_alias(cloud, function, name) | changes
        cloud.store.put(functions.SERVICE, ALIAS, f"{function}/{name}", alias)
    return alias


def kept_alias(cloud: "Cloud", function: str, name: str) -> dict[str, Any]:
    """Return the alias; raise AliasNotFound."""
    functions.kept(cloud, function)
    alias = cloud.store.get(functions.SERVICE, ALIAS, f"{function}/{name}")
    if alias is None:
        raise not_found("Alias", name)
    return alias


def aliases(cloud: "Cloud", function: str) -> list[dict[str, Any]]:
    """Return the function's aliases by name."""
    functions.kept(cloud, function)
    rows = cloud.store.list(functions.SERVICE, ALIAS)
    return [alias for key, alias in rows if key.partition("/")[0] == function]


def delete_alias(cloud: "Cloud", function: str, name: str) -> None:
    """Forget the alias."""
    with cloud.store.transaction():
        kept_alias(cloud, function, name)
        cloud.store.delete(functions.SERVICE, ALIAS, f"{function}/{name}")


def _checked(cloud: "Cloud", function: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: asked[name] for name in ("description", "versionId") if asked.get(name) is not None}
    if not all(isinstance(value, str) for value in fields.values()):
        raise invalid("versionId", "it must be text, and description too")
    weights = asked.get("additionalVersionWeight")
    if weights is not None:
        fields["additionalVersionWeight"] = _weights(weights)
    for version in (*([fields["versionId"]] if "versionId" in fields else []), *(weights or {})):
        kept(cloud, function, version)
    return fields


def _weights(weights: Any) -> dict[str, float]:
    is_right = isinstance(weights, dict) and all(
        isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight <= 1
        for weight in weights.values()
    )
    if not is_right or sum(weights.values()) > 1:
        raise invalid("additionalVersionWeight", "shares from 0 to 1 by version, at most 1 together, are right")
    return dict(weights)
