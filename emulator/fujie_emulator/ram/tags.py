"""Tags of roles, policies and users: what may be tagged, and with what."""

from collections.abc import Sequence
from typing import Any

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.errors import invalid_parameter, missing_parameter
from fujie_emulator.core.store import Store
from fujie_emulator.ram import errors

MOST_TAGS = 20
LONGEST_TAG = 128  # characters
MOST_NAMES = 50  # resources in one call
KINDS = {"role": "Role", "policy": "Policy", "user": "User"}
Tag = dict[str, str]


class Tags:
    """The tags on the account's documents, as [TagKey, TagValue]."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, kind: str, names: Sequence[str], tags: Sequence[Tag]) -> None:
        """Tag all of them or none; a key that is there gets the new value."""
        with self._store.transaction():
            for name in names:
                doc = self._doc(kind, name)
                kept = {tag["TagKey"]: tag for tag in (*_tags(doc), *tags)}
                if len(kept) > MOST_TAGS:
                    raise errors.limit_exceeded("Tag", f"A {kind} has at most {MOST_TAGS} tags.")
                self._store.put("ram", kind, name, doc | {"tags": list(kept.values())})

    def take(self, kind: str, names: Sequence[str], keys: Sequence[str] | None) -> None:
        """Take tags away; None means all of them."""
        with self._store.transaction():
            for name in names:
                doc = self._doc(kind, name)
                left = [tag for tag in _tags(doc) if keys is not None and tag["TagKey"] not in keys]
                self._store.put("ram", kind, name, doc | {"tags": left})

    def found(self, kind: str, names: Sequence[str], wanted: Sequence[Tag]) -> list[dict[str, str]]:
        """Return one row per tag of the named resources (of all without names) that carry all `wanted` tags."""
        docs = {name: self._doc(kind, name) for name in names} if names else dict(self._store.list("ram", kind))
        return [
            {"ResourceType": kind, "ResourceName": name} | tag
            for name, doc in docs.items()
            if all(_carries(doc, tag) for tag in wanted)
            for tag in _tags(doc)
        ]

    def _doc(self, kind: str, name: str) -> dict[str, Any]:
        doc = self._store.get("ram", kind, name)
        if doc is None:
            raise errors.not_exist(KINDS[kind], name)
        return doc


def asked_resources(call: RpcCall, *, required: bool) -> tuple[str, list[str]]:
    """Return kind and names of the resources a tag action asks for."""
    kind = call.text("ResourceType")
    if kind not in KINDS:
        raise invalid_parameter("ResourceType", f"{', '.join(KINDS)} are right.")
    names = call.strings("ResourceNames") or _numbered(call, "ResourceNames")
    if required and not names:
        raise missing_parameter("ResourceNames")
    if len(names) > MOST_NAMES:
        raise invalid_parameter("ResourceNames", f"at most {MOST_NAMES} names are right.")
    return kind, names


def asked_keys(call: RpcCall) -> list[str]:
    """Return the keys an UntagResources names."""
    return call.strings("TagKeys") or _numbered(call, "TagKeys")


def asked_tags(call: RpcCall) -> list[Tag]:
    """Return tags from one JSON list, as the official client sends them, or from Tag.1.Key, Tag.1.Value, ..."""
    listed = call.objects("Tag") or [
        {"Key": call.params[f"Tag.{number}.Key"], "Value": call.params.get(f"Tag.{number}.Value", "")}
        for number in range(1, MOST_TAGS + 1)
        if f"Tag.{number}.Key" in call.params
    ]
    if len(listed) > MOST_TAGS:
        raise invalid_parameter("Tag", f"at most {MOST_TAGS} tags are right.")
    return [{"TagKey": _text(tag.get("Key")), "TagValue": _text(tag.get("Value", ""))} for tag in listed]


def _numbered(call: RpcCall, name: str) -> list[str]:
    numbers = range(1, MOST_NAMES + 1)
    return [call.params[f"{name}.{number}"] for number in numbers if f"{name}.{number}" in call.params]


def _tags(doc: dict[str, Any]) -> list[Tag]:
    return list(doc.get("tags", []))


def _carries(doc: dict[str, Any], wanted: Tag) -> bool:
    return any(tag["TagKey"] == wanted["TagKey"] and wanted["TagValue"] in ("", tag["TagValue"]) for tag in _tags(doc))


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TAG:
        raise invalid_parameter("Tag", f"Key and Value of at most {LONGEST_TAG} characters are right.")
    return value
