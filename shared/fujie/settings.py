"""Every environment variable the product reads, read in this one place.

Names that begin with FUJIE_ are ours; FC_* and ALIBABA_CLOUD_* are what Function Compute defines.
"""

import json
import os
from collections.abc import Mapping

from msgspec import Struct, field

from fujie.errors import SettingsError
from fujie.secret import Secret

DASHSCOPE_BASE_URL = "https://dashscope.aliyuncs.com/compatible-mode/v1"
DASHSCOPE_MODEL = "qwen-plus"


class LlmSettings(Struct, frozen=True):
    """Which OpenAI-compatible model answers."""

    base_url: str
    api_key: Secret
    model: str


class CallerKey(Struct, frozen=True):
    """The credentials with which a function calls the cloud: its role's, from its host; never long-lived."""

    access_key_id: str
    access_key_secret: Secret
    security_token: Secret | None = None


class ListenSettings(Struct, frozen=True):
    """Where a custom runtime listens."""

    host: str
    port: int


class AgentAbout(Struct, frozen=True):
    """What people are told of an agent that is not the one that ships."""

    name: str
    description: str = ""
    abilities: tuple[str, ...] = ()
    """One sentence for each of its tools."""


class Settings(Struct, frozen=True):
    """The settings of one function; a field that the function does not need is empty."""

    function: str = ""
    region: str = "cn-beijing"
    account_id: str = ""
    tenant: str = "default"
    public_url: str = ""
    process_url: str = ""
    tool_url: str = ""
    process_function: str = "process"
    database_url: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: Secret | None = None
    workload_identity: str = ""
    token_vault: str = ""
    """The vault that keeps the stack's credential providers; empty is the account's default one."""
    agentidentitydata_endpoint: str = ""
    fc_endpoint: str = ""
    oss_endpoint: str = ""
    oss_bucket: str = ""
    mcp_server: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """Declared host -> base URL that serves it in this stack; a host that is not listed serves itself over https."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """Queue that a tool reads -> its name in the account, where that is another."""
    internal_signing_key: Secret | None = None
    """JWK (EC P-256, private) with which this function signs its internal tokens."""
    card_key: Secret | None = None
    """JWK (EC P-256, private), or a set with the newest first, that signs the A2A agent card."""
    internal_public_keys: Mapping[str, str] = field(default_factory=dict)
    """Function name -> JWK (public) of its internal tokens."""
    sealing_public_key: str = ""
    """JWK (EC P-256, public) to which delegations are sealed."""
    sealing_private_key: Secret | None = None
    """Its private half: only `tool` and `callback` have it."""
    ledger_key: Secret | None = None
    """With which `tool` seals the ledger of credentials; nobody else has it."""
    public_clients: Mapping[str, str] = field(default_factory=dict)
    """OAuth provider -> JSON of client_id and discovery_url, where this stack's client there has no secret."""
    shared_cache_key: Secret | None = None
    """JWK or JWK set under which `tool`'s instances share credentials through the store; without one they do not."""
    shared_cache_kms_key: str = ""
    """Id (no alias) of a key in KMS that does it instead."""
    kms_endpoint: str = ""
    agent: str = ""
    """Path of the agent file to serve; empty serves the agent that ships."""
    agent_about: AgentAbout | None = None
    """What people are told of that agent, for the functions that do not load it; None for the agent that ships."""
    agent_endpoint: str = ""
    """An agent elsewhere that `chat` talks to (AgentScope protocol) instead of `process`."""
    agent_bearer_token: Secret | None = None
    llm: LlmSettings | None = None


class TelemetrySettings(Struct, frozen=True):
    """What log lines and traces say about where they come from, and where traces go: nowhere if empty."""

    function: str
    otlp_endpoint: str


def telemetry_from_environ(environ: Mapping[str, str] | None = None) -> TelemetrySettings:
    """Return the telemetry settings that the environment holds, in the names of FC and OpenTelemetry."""
    env = os.environ if environ is None else environ
    return TelemetrySettings(env.get("FC_FUNCTION_NAME", ""), env.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))


def settings_from_environ(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that the environment holds.

    Raises SettingsError, naming the variable, when one that should be JSON is not.
    """
    env = os.environ if environ is None else environ
    region = env.get("FC_REGION") or "cn-beijing"
    account = env.get("FC_ACCOUNT_ID", "")
    return Settings(
        function=env.get("FC_FUNCTION_NAME", ""),
        region=region,
        account_id=account,
        tenant=env.get("FUJIE_TENANT") or "default",
        public_url=env.get("FUJIE_PUBLIC_URL", "").rstrip("/"),
        process_url=env.get("FUJIE_PROCESS_URL", "").rstrip("/"),
        tool_url=env.get("FUJIE_TOOL_URL", "").rstrip("/"),
        process_function=env.get("FUJIE_PROCESS_FUNCTION") or "process",
        database_url=env.get("FUJIE_DATABASE_URL", ""),
        oidc_issuer=env.get("FUJIE_OIDC_ISSUER", ""),
        oidc_client_id=env.get("FUJIE_OIDC_CLIENT_ID", ""),
        oidc_client_secret=_secret(env, "FUJIE_OIDC_CLIENT_SECRET"),
        workload_identity=env.get("FUJIE_WORKLOAD_IDENTITY", ""),
        token_vault=env.get("FUJIE_TOKEN_VAULT", ""),
        agentidentitydata_endpoint=_endpoint(env, "AGENTIDENTITYDATA", f"agentidentitydata.{region}.aliyuncs.com"),
        fc_endpoint=_endpoint(env, "FC", f"{account}.{region}.fc.aliyuncs.com"),
        oss_endpoint=_endpoint(env, "OSS", f"oss-{region}-internal.aliyuncs.com"),
        oss_bucket=env.get("FUJIE_OSS_BUCKET", ""),
        mcp_server=env.get("FUJIE_MCP_SERVER", ""),
        endpoints=_mapping(env, "FUJIE_ENDPOINTS"),
        queues=_mapping(env, "FUJIE_QUEUES"),
        internal_signing_key=_secret(env, "FUJIE_INTERNAL_SIGNING_KEY"),
        card_key=_secret(env, "FUJIE_CARD_KEY"),
        internal_public_keys=_mapping(env, "FUJIE_INTERNAL_PUBLIC_KEYS"),
        sealing_public_key=env.get("FUJIE_SEALING_PUBLIC_KEY", ""),
        sealing_private_key=_secret(env, "FUJIE_SEALING_PRIVATE_KEY"),
        ledger_key=_secret(env, "FUJIE_LEDGER_KEY"),
        public_clients=_mapping(env, "FUJIE_PUBLIC_CLIENTS"),
        shared_cache_key=_secret(env, "FUJIE_SHARED_CACHE_KEY"),
        shared_cache_kms_key=env.get("FUJIE_SHARED_CACHE_KMS_KEY", ""),
        kms_endpoint=_endpoint(env, "KMS", f"kms-vpc.{region}.aliyuncs.com"),
        agent=env.get("FUJIE_AGENT", ""),
        agent_about=_agent_about(env),
        agent_endpoint=env.get("FUJIE_AGENT_ENDPOINT", "").rstrip("/"),
        agent_bearer_token=_secret(env, "FUJIE_AGENT_BEARER_TOKEN"),
        llm=_llm(env),
    )


def is_inside_function_compute(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether Function Compute runs this process; only then are `x-fc-*` headers its own."""
    env = os.environ if environ is None else environ
    return bool(env.get("FC_FUNCTION_NAME"))


def listen_from_environ(environ: Mapping[str, str] | None = None) -> ListenSettings:
    """Return where a custom runtime listens: on all interfaces in FC, which forbids loopback, else on loopback.

    FUJIE_LISTEN_HOST is for a host that runs functions on one machine and wants them unreachable from outside.
    Raises SettingsError when the port is not a number.
    """
    env = os.environ if environ is None else environ
    port = env.get("FC_CUSTOM_LISTEN_PORT") or "9000"
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise SettingsError("FC_CUSTOM_LISTEN_PORT must be a port number")
    everywhere = "0.0.0.0" if is_inside_function_compute(env) else "127.0.0.1"  # noqa: S104  fc.md 1.3
    return ListenSettings(env.get("FUJIE_LISTEN_HOST") or everywhere, int(port))


def caller_key_from_environ(environ: Mapping[str, str] | None = None) -> CallerKey:
    """Return the role credentials that Function Compute put into the environment.

    Read it at every use: the host renews them. Raises SettingsError when there are none.
    """
    env = os.environ if environ is None else environ
    key_id, secret = env.get("ALIBABA_CLOUD_ACCESS_KEY_ID"), env.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    if not key_id or not secret:
        raise SettingsError(
            "the function has no role credentials in its environment",
            repair="give the function a role, and start it through Function Compute or `fujie dev`",
        )
    token = env.get("ALIBABA_CLOUD_SECURITY_TOKEN")
    return CallerKey(key_id, Secret(secret), Secret(token) if token else None)


def _secret(env: Mapping[str, str], name: str) -> Secret | None:
    return Secret(env[name]) if env.get(name) else None


def _endpoint(env: Mapping[str, str], product: str, default_host: str) -> str:
    return (env.get(f"FUJIE_{product}_ENDPOINT") or f"https://{default_host}").rstrip("/")


def _mapping(env: Mapping[str, str], name: str) -> dict[str, str]:
    """Return a JSON object of strings; nested objects (a JWK) come back as their JSON text."""
    if not env.get(name):
        return {}
    try:
        value = json.loads(env[name])
    except ValueError as error:
        raise SettingsError(f"{name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{name} must be a JSON object")
    return {key: item if isinstance(item, str) else json.dumps(item) for key, item in value.items()}


def _agent_about(env: Mapping[str, str]) -> AgentAbout | None:
    if not env.get("FUJIE_AGENT_ABOUT"):
        return None
    try:
        value = json.loads(env["FUJIE_AGENT_ABOUT"])
        return AgentAbout(str(value["name"]), str(value["description"]), tuple(map(str, value["abilities"])))
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError("FUJIE_AGENT_ABOUT must be JSON with name, description and abilities") from error


def _llm(env: Mapping[str, str]) -> LlmSettings | None:
    if env.get("FUJIE_LLM_BASE_URL"):
        key = env.get("FUJIE_LLM_API_KEY") or "unset"
        return LlmSettings(env["FUJIE_LLM_BASE_URL"].rstrip("/"), Secret(key), env.get("FUJIE_LLM_MODEL") or "scripted")
    if env.get("DASHSCOPE_API_KEY"):
        model = env.get("FUJIE_LLM_MODEL") or DASHSCOPE_MODEL
        return LlmSettings(DASHSCOPE_BASE_URL, Secret(env["DASHSCOPE_API_KEY"]), model)
    return None
