"""The environment of each function: exactly what it needs, so that no function holds another's keys."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import to_builtins

from fujie.secret import Secret
from fujie.settings import AgentAbout
from infra.config import DEFAULT_VAULT, StackConfig
from infra.stack_secrets import StackSecrets

Environment = dict[str, str]


@dataclass(frozen=True)
class Resolved:
    """What is known only once the stack's resources exist."""

    config: StackConfig
    secrets: StackSecrets
    sign_in_client_id: str
    workload_identity: str
    database_url: str
    process_url: str
    tool_url: str
    mcp_server: str
    endpoints: Mapping[str, str]
    llm: Mapping[str, str]
    """FUJIE_LLM_* or DASHSCOPE_API_KEY, for `process` alone."""
    agent: str = ""
    agent_about: AgentAbout | None = None
    """What `chat` and `callback` tell people of that agent; they do not load its file."""
    queues: Mapping[str, str] | None = None
    """Queue that a tool reads -> its name in the account, for `tool` alone."""
    agent_elsewhere: Mapping[str, str] | None = None
    """FUJIE_AGENT_ENDPOINT and FUJIE_AGENT_BEARER_TOKEN, for `chat` alone."""
    sign_in_client_secret: Secret | None = None
    """With which the stack's own application asks for a person's tokens; those who ask have it, not `process`."""
    public_clients: Mapping[str, str] | None = None
    """OAuth provider of Alibaba Cloud -> id of this stack's application there, which has no secret; for `tool`."""


def function_environment(function: str, resolved: Resolved) -> Environment:
    """Return the variables of one function; a name that is not one of the four raises KeyError."""
    values = _common(resolved) | _layers(function, resolved.config) | _OWN[function](resolved)
    return {name: value for name, value in values.items() if value}


def _common(resolved: Resolved) -> Environment:
    return {
        "FUJIE_PUBLIC_URL": resolved.config.public_url,
        "FUJIE_DATABASE_URL": resolved.database_url,
        "FUJIE_OIDC_ISSUER": resolved.config.issuer,
        "FUJIE_OIDC_CLIENT_ID": resolved.sign_in_client_id,
        "FUJIE_AGENT": resolved.agent,
    }


def _chat(resolved: Resolved) -> Environment:
    return {
        **_sign_in(resolved),
        "FUJIE_PROCESS_URL": resolved.process_url,
        "FUJIE_TOOL_URL": resolved.tool_url,
        "FUJIE_PROCESS_FUNCTION": resolved.config.function_name("process"),
        "FUJIE_FC_ENDPOINT": resolved.config.cloud_url,
        "FUJIE_INTERNAL_SIGNING_KEY": resolved.secrets.signing["chat"].private.reveal(),
        "FUJIE_SEALING_PUBLIC_KEY": resolved.secrets.sealing.public,
        "FUJIE_AGENT_ABOUT": _about(resolved),
        **(resolved.agent_elsewhere or {}),
    }


def _process(resolved: Resolved) -> Environment:
    return {
        "FUJIE_TOOL_URL": resolved.tool_url,
        "FUJIE_INTERNAL_SIGNING_KEY": resolved.secrets.signing["process"].private.reveal(),
        "FUJIE_INTERNAL_PUBLIC_KEYS": _public_keys(resolved, "chat", "callback"),
        "FUJIE_SEALING_PUBLIC_KEY": resolved.secrets.sealing.public,
        "FUJIE_CARD_KEY": resolved.secrets.card.private.reveal(),
        **resolved.llm,
    }


def _callback(resolved: Resolved) -> Environment:
    return {
        **_sign_in(resolved),
        "FUJIE_PROCESS_FUNCTION": resolved.config.function_name("process"),
        "FUJIE_AGENTIDENTITYDATA_ENDPOINT": resolved.config.cloud_url,
        "FUJIE_FC_ENDPOINT": resolved.config.cloud_url,
        "FUJIE_INTERNAL_SIGNING_KEY": resolved.secrets.signing["callback"].private.reveal(),
        "FUJIE_INTERNAL_PUBLIC_KEYS": _public_keys(resolved, "chat"),
        "FUJIE_SEALING_PUBLIC_KEY": resolved.secrets.sealing.public,
        "FUJIE_SEALING_PRIVATE_KEY": resolved.secrets.sealing.private.reveal(),
        "FUJIE_WORKLOAD_IDENTITY": resolved.workload_identity,
        "FUJIE_AGENT_ABOUT": _about(resolved),
    }


def _tool(resolved: Resolved) -> Environment:
    return {
        **_sign_in(resolved),
        "FUJIE_AGENTIDENTITYDATA_ENDPOINT": resolved.config.cloud_url,
        "FUJIE_INTERNAL_PUBLIC_KEYS": _public_keys(resolved, "process", "chat"),
        "FUJIE_PUBLIC_CLIENTS": _public_clients(resolved),
        "FUJIE_SEALING_PUBLIC_KEY": resolved.secrets.sealing.public,
        "FUJIE_SEALING_PRIVATE_KEY": resolved.secrets.sealing.private.reveal(),
        "FUJIE_LEDGER_KEY": resolved.secrets.ledger.reveal(),
        "FUJIE_WORKLOAD_IDENTITY": resolved.workload_identity,
        "FUJIE_TOKEN_VAULT": "" if resolved.config.token_vault == DEFAULT_VAULT else resolved.config.token_vault,
        "FUJIE_OSS_ENDPOINT": resolved.config.cloud_url,
        "FUJIE_OSS_BUCKET": resolved.config.bucket,
        "FUJIE_ENDPOINTS": json.dumps(dict(resolved.endpoints)) if resolved.endpoints else "",
        "FUJIE_MCP_SERVER": resolved.mcp_server,
        "FUJIE_QUEUES": json.dumps(dict(resolved.queues)) if resolved.queues else "",
        **_shared_cache(resolved),
    }


_OWN: Mapping[str, Callable[[Resolved], Environment]] = {
    "chat": _chat,
    "process": _process,
    "callback": _callback,
    "tool": _tool,
}


def _shared_cache(resolved: Resolved) -> Environment:
    """Return under which key instances share credentials through the store: one in KMS, or the stack's own."""
    if resolved.config.shared_cache_kms_key:
        return {"FUJIE_SHARED_CACHE_KMS_KEY": resolved.config.shared_cache_kms_key}
    return {"FUJIE_SHARED_CACHE_KEY": resolved.secrets.shared_cache.reveal()}


def _layers(function: str, config: StackConfig) -> Environment:
    """Return where programs find what layers bring; custom runtimes look there only when told (fc.md 3)."""
    if not config.scale.layers or function not in ("process", "tool"):
        return {}
    libraries = {"LD_LIBRARY_PATH": "/code:/code/lib:/usr/local/lib:/opt/lib"}
    return libraries | ({"PYTHONPATH": "/opt/python"} if function == "process" else {})


def _sign_in(resolved: Resolved) -> Environment:
    secret = resolved.sign_in_client_secret
    return {"FUJIE_OIDC_CLIENT_SECRET": secret.reveal() if secret else ""}


def _about(resolved: Resolved) -> str:
    return json.dumps(to_builtins(resolved.agent_about), ensure_ascii=False) if resolved.agent_about else ""


def _public_clients(resolved: Resolved) -> str:
    discovery = f"{resolved.config.issuer}/.well-known/openid-configuration"
    clients = (resolved.public_clients or {}).items()
    return (
        json.dumps({name: {"client_id": id_, "discovery_url": discovery} for name, id_ in clients}) if clients else ""
    )


def _public_keys(resolved: Resolved, *minters: str) -> str:
    return json.dumps({name: json.loads(resolved.secrets.signing[name].public) for name in minters})
