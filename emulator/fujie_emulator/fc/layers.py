"""Layers: packages that several functions have below `/opt`, each version of them kept as it was made."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.fc import packages
from fujie_emulator.fc.errors import invalid, not_found, unsupported

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE, KIND, LAST = "fc", "layer", "last-layer"
MOST = 5
"""Of one function."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def arn(cloud: "Cloud", layer: str, version: int | str) -> str:
    """Return the name by which functions ask for a layer's version."""
    return f"acs:fc:{cloud.region}:{cloud.account_id}:layers/{layer}/versions/{version}"


def create(cloud: "Cloud", layer: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the next version of a layer and return it."""
    if not _NAME.fullmatch(layer):
        raise invalid("layerName", "1 to 64 letters, digits, _ and - are right, beginning with a letter or _")
    runtimes = asked.get("compatibleRuntime") or []
    if not isinstance(runtimes, list) or not all(isinstance(each, str) for each in runtimes):
        raise invalid("compatibleRuntime", "a list of runtimes is right")
    texts = {name: asked.get(name) or "" for name in ("description", "license")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise invalid("description", "it must be text, and license too")
    kept_code, size, crc64 = packages.located(cloud, asked.get("code"))
    with cloud.store.transaction():
        number = (cloud.store.get(SERVICE, LAST, layer) or {"number": 0})["number"] + 1
        cloud.store.put(SERVICE, LAST, layer, {"number": number})
        document = texts | {
            "layerName": layer,
            "version": number,
            "layerVersionArn": arn(cloud, layer, number),
            "compatibleRuntime": runtimes,
            "acl": "0",
            "code": kept_code,
            "codeSize": size,
            "codeChecksum": crc64,
            "createTime": iso(cloud.clock.now()),
        }
        cloud.store.put(SERVICE, KIND, f"{layer}/{number}", document)
    return shown(document)


def kept(cloud: "Cloud", layer: str, version: str) -> dict[str, Any]:
    """Return what is kept of a version; raise LayerVersionNotFound."""
    found = cloud.store.get(SERVICE, KIND, f"{layer}/{version}")
    if found is None:
        raise not_found("LayerVersion", f"{layer}/{version}")
    return found


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a version on the wire; where its code lies is told by no address of this cloud."""
    return {**document, "code": {}}


def versions(cloud: "Cloud", layer: str) -> list[dict[str, Any]]:
    """Return a layer's versions, newest first."""
    found = [doc for key, doc in cloud.store.list(SERVICE, KIND) if key.partition("/")[0] == layer]
    return [shown(each) for each in sorted(found, key=lambda each: -each["version"])]


def newest(cloud: "Cloud", prefix: str) -> list[dict[str, Any]]:
    """Return the newest version of each layer, by name."""
    names = sorted({key.partition("/")[0] for key, _ in cloud.store.list(SERVICE, KIND)})
    return [versions(cloud, name)[0] for name in names if name.startswith(prefix)]


def share(cloud: "Cloud", layer: str, asked: str) -> None:
    """Say whether other accounts may use the layer, "1" or "0"; of all its versions."""
    if asked not in ("0", "1"):
        raise invalid("acl", "0 or 1 is right")
    for key, document in cloud.store.list(SERVICE, KIND):
        if key.partition("/")[0] == layer:
            cloud.store.put(SERVICE, KIND, key, document | {"acl": asked})


def delete(cloud: "Cloud", layer: str, version: str) -> None:
    """Forget a version; functions that have it keep what they have."""
    with cloud.store.transaction():
        kept(cloud, layer, version)
        cloud.store.delete(SERVICE, KIND, f"{layer}/{version}")


def codes(cloud: "Cloud", arns: Any) -> list[dict[str, Any]]:
    """Return where the layers' packages lie, in the order in which they are laid down; raise InvalidArgument."""
    if not isinstance(arns, Sequence) or len(arns) > MOST or not all(isinstance(each, str) for each in arns):
        raise invalid("layers", f"at most {MOST} ARNs are right")
    return [_code(cloud, each) for each in arns]


def _code(cloud: "Cloud", asked: str) -> dict[str, Any]:
    if asked.startswith(f"acs:fc:{cloud.region}:official:"):
        raise unsupported(f"the cloud's own layers: {asked[:128]}")
    prefix = f"acs:fc:{cloud.region}:{cloud.account_id}:layers/"
    layer, _, version = asked.removeprefix(prefix).partition("/versions/")
    document = cloud.store.get(SERVICE, KIND, f"{layer}/{version}")
    if document is None:
        raise invalid("layers", f"there is no layer {asked[:128]!r}")
    code: dict[str, Any] = document["code"]
    return code
