"""Layers on the wire."""

from typing import Any

from fujie_emulator.core.iam import authorize
from fujie_emulator.fc import layers
from fujie_emulator.fc.asked import Asked


def create_layer_version(asked: Asked) -> dict[str, Any]:
    _authorize(asked, "*")
    return layers.create(asked.cloud, asked.named("layer"), asked.body)


def get_layer_version(asked: Asked) -> dict[str, Any]:
    _authorize(asked, asked.named("version"))
    return layers.shown(layers.kept(asked.cloud, asked.named("layer"), asked.named("version")))


def delete_layer_version(asked: Asked) -> None:
    _authorize(asked, asked.named("version"))
    layers.delete(asked.cloud, asked.named("layer"), asked.named("version"))


def list_layer_versions(asked: Asked) -> dict[str, Any]:
    _authorize(asked, "*")
    return {"layers": layers.versions(asked.cloud, asked.named("layer"))}


def list_layers(asked: Asked) -> dict[str, Any]:
    authorize(asked.cloud, asked.caller, f"fc:{asked.action}", [layers.arn(asked.cloud, "*", "*")])
    return asked.page("layers", layers.newest(asked.cloud, asked.query("prefix")), "layerName")


def put_layer_acl(asked: Asked) -> dict[str, Any]:
    _authorize(asked, "*")
    layers.share(asked.cloud, asked.named("layer"), asked.query("acl") or asked.query("public"))
    return {}


def _authorize(asked: Asked, version: str) -> None:
    arn = layers.arn(asked.cloud, asked.named("layer"), version)
    authorize(asked.cloud, asked.caller, f"fc:{asked.action}", [arn])
