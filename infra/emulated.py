"""Where an emulated cloud serves what is outside Alibaba Cloud: the issuers of OAuth providers, and their APIs."""

from collections.abc import Iterable
from dataclasses import replace

from fujie.tools.declaration import Tool
from fujie.tools.manifest import ProviderNeed, providers_needed
from infra.inputs import StackInputs


def issuers(cloud_url: str, needs: Iterable[ProviderNeed]) -> dict[str, str]:
    """Return OAuth provider -> the emulated partner of its name, which is its issuer."""
    return {need.name: f"{cloud_url}/partners/{need.name}" for need in needs if need.kind == "oauth"}


def endpoints(cloud_url: str, tools: Iterable[Tool]) -> dict[str, str]:
    """Return host that a tool declares -> the emulated partner that serves it: its credential's provider."""
    return {
        host: f"{cloud_url}/partners/{tool.credential.provider}/api"
        for tool in tools
        if tool.credential is not None and tool.credential.provider != "sts"
        for host in tool.hosts
    }


def with_partners(inputs: StackInputs, tools: Iterable[Tool]) -> StackInputs:
    """Return the inputs of a stack on an emulated cloud with its partners' addresses; what was given stays."""
    if not inputs.cloud_url:
        return inputs
    tools = tuple(tools)
    return replace(
        inputs,
        issuers={**issuers(inputs.cloud_url, providers_needed(tools)), **inputs.issuers},
        endpoints={**endpoints(inputs.cloud_url, tools), **inputs.endpoints},
    )
