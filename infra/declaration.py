"""The stack as data: every resource of the cloud that Fujie needs, in the order in which it can be created.

`declare` is pure. What applies it (an idempotent ensure on a laptop, Pulumi elsewhere) walks the same value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fujie.permission import OAuthFlow
from fujie.tools.declaration import Tool
from fujie.tools.manifest import ProviderNeed, StatementNeed, providers_needed, statements_needed
from infra.config import DEFAULT_VAULT, StackConfig
from infra.events import (
    Asynchronous,
    Queue,
    Trigger,
    asynchronous_events,
    called_by_events,
    queues_of,
    queues_read,
    triggers_of,
)
from infra.scale import Affinity

WORKLOAD_SERVICE = "workload.agentidentity.aliyuncs.com"
FUNCTION_SERVICE = "fc.aliyuncs.com"
OBJECT_SERVICE = "oss.aliyuncs.com"
SIGN_IN_SCOPES = ("openid", "profile", "aliuid")

Runtime = Literal["custom.debian11", "python3.12"]


@dataclass(frozen=True)
class Statement:
    """One Allow statement of a RAM policy."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": list(self.actions), "Resource": list(self.resources)}


@dataclass(frozen=True)
class Role:
    """A RAM role that one service may assume; with `workload_identity_arn`, only for that identity."""

    name: str
    service: str
    statements: tuple[Statement, ...] = ()
    workload_identity_arn: str = ""
    description: str = ""

    def trust_document(self) -> dict[str, Any]:
        actions = ["sts:AssumeRole", "sts:SetContext"] if self.workload_identity_arn else ["sts:AssumeRole"]
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Service": [self.service]},
            "Action": actions,
        }
        if self.workload_identity_arn:
            key = "sts:RequestContext/agentidentity:WorkloadIdentityArn"
            statement["Condition"] = {"StringEquals": {key: self.workload_identity_arn}}
        return {"Version": "1", "Statement": [statement]}

    def policy_document(self) -> dict[str, Any]:
        return {"Version": "1", "Statement": [statement.document() for statement in self.statements]}


@dataclass(frozen=True)
class OAuthApplication:
    """An application of Alibaba Cloud's own sign-in (IMS)."""

    name: str
    app_type: Literal["WebApp", "NativeApp"]
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class IdentityProvider:
    """Whose tokens name a user; the audience is the sign-in application's id."""

    name: str
    discovery_url: str
    application: str


@dataclass(frozen=True)
class WorkloadIdentity:
    """The agent's own identity."""

    name: str
    role: str
    identity_provider: str
    return_urls: tuple[str, ...]


@dataclass(frozen=True)
class TokenVault:
    """What keeps the stack's credential providers apart from those of other stacks."""

    name: str


@dataclass(frozen=True)
class OAuth2Provider:
    """A credential provider for OAuth on the user's behalf.

    `application` names the OAuthApplication that is its client; otherwise `client_id` is the client that was
    registered with the provider, and its secret is the stack's under the provider's name.
    """

    name: str
    vendor: str
    callback_url: str
    issuer: str = ""
    application: str = ""
    client_id: str = ""
    flow: OAuthFlow = "USER_FEDERATION"


@dataclass(frozen=True)
class APIKeyProvider:
    """A credential provider that keeps one API key; the key comes from the stack's secrets."""

    name: str


@dataclass(frozen=True)
class Bucket:
    name: str


@dataclass(frozen=True)
class Function:
    """One function of Function Compute; `environment` holds names that the applier can resolve, never secrets."""

    name: str
    runtime: Runtime
    role: str
    entry: str
    """Module to run (custom runtime) or `module.function` (built-in)."""
    routes: tuple[str, ...]
    instance_concurrency: int = 1
    max_instances: int = 1
    """On this machine; `reserved` counts in the cloud."""
    timeout_s: int = 120
    memory_mb: int = 512
    cpu: float = 0.35
    public: bool = True
    """Whether its own address answers from outside; the one origin's routes do in any case."""
    asynchronous: Asynchronous = field(default_factory=Asynchronous)
    reserved: int | None = None
    """Instances it may have at once; None shares the account's."""
    warm: int = 0
    """Instances that are up before anyone asks."""
    affinity: Affinity | None = None
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stack:
    """All of it."""

    config: StackConfig
    applications: tuple[OAuthApplication, ...]
    identity_providers: tuple[IdentityProvider, ...]
    roles: tuple[Role, ...]
    workload_identities: tuple[WorkloadIdentity, ...]
    token_vaults: tuple[TokenVault, ...]
    api_key_providers: tuple[APIKeyProvider, ...]
    oauth2_providers: tuple[OAuth2Provider, ...]
    buckets: tuple[Bucket, ...]
    functions: tuple[Function, ...]
    routes: tuple[tuple[str, str], ...] = field(default=())
    """(path pattern, function) in the order in which they are tried; the one origin's table."""
    triggers: tuple[Trigger, ...] = ()
    """What calls `tool` beside requests."""
    queues: tuple[Queue, ...] = ()
    queue_names: Mapping[str, str] = field(default_factory=dict)
    """Queue that a tool reads -> its name in the account."""


ROUTES: tuple[tuple[str, str], ...] = (
    ("/connect/*", "callback"),
    ("/callback_for_oauth", "chat"),
    ("/callback*", "callback"),
    ("/api/*", "chat"),
    ("/auth*", "chat"),
    ("/chat*", "chat"),
    ("/gateway/*", "chat"),
    ("/sessions/*", "chat"),
    ("/static/*", "chat"),
    ("/mcp/tools", "tool"),
    ("/tools*", "tool"),
    ("/code/*", "tool"),
    ("/process*", "process"),
    ("/openai/*", "process"),
    ("/v1/*", "process"),
    ("/compatible-mode/*", "process"),
    ("/a2a*", "process"),
    ("/.well-known/agent-card.json", "process"),
    ("/ag-ui*", "process"),
    ("/invocations", "process"),
    ("/ping", "process"),
    ("/ws", "process"),
    ("/mcp", "process"),
    ("/.well-known/oauth-protected-resource/mcp", "process"),
    ("/workflows/*", "process"),
    ("/runtime/*", "process"),
    ("/models/*", "process"),
    ("/health", "process"),
    ("/metadata", "process"),
    ("/", "chat"),
)


def declare(config: StackConfig, tools: Sequence[Tool]) -> Stack:
    """Return the stack that serves these tools."""
    needs = providers_needed(tools)
    names = _Names(config)
    triggers = triggers_of(config, tools, object_role=names.object_role, dead_letters=names.dead_letters)
    return Stack(
        config=config,
        applications=_applications(config, names, needs),
        identity_providers=(
            IdentityProvider(names.of("sign-in"), f"{config.issuer}/.well-known/openid-configuration", names.sign_in),
        ),
        roles=(
            *_roles(config, names, needs, statements_needed(tools), called_by_events(tools)),
            *_object_roles(config, triggers),
        ),
        workload_identities=(
            WorkloadIdentity(
                names.workload, names.workload_role, names.of("sign-in"), (f"{config.public_url}/callback",)
            ),
        ),
        token_vaults=() if config.token_vault == DEFAULT_VAULT else (TokenVault(config.token_vault),),
        api_key_providers=tuple(APIKeyProvider(need.name) for need in needs if need.kind == "api_key"),
        oauth2_providers=tuple(_oauth2_provider(config, names, need) for need in needs if need.kind == "oauth"),
        buckets=(Bucket(config.bucket),),
        functions=_functions(names, asynchronous_events(names.dead_letters) if triggers else Asynchronous()),
        routes=ROUTES,
        triggers=triggers,
        queues=queues_of(config, tools, names.dead_letters),
        queue_names={queue: config.queue_name(queue) for queue in queues_read(tools)},
    )


@dataclass(frozen=True)
class _Names:
    """The one place where resources get their names: `fujie-{stack}-{what}`."""

    config: StackConfig

    def of(self, what: str) -> str:
        return f"fujie-{self.config.stack}-{what}"

    @property
    def workload(self) -> str:
        return self.of("agent")

    @property
    def workload_role(self) -> str:
        return self.of("agent-role")

    @property
    def sign_in(self) -> str:
        return self.of("web")

    def outbound(self, provider: str) -> str:
        return self.of(f"out-{provider}")

    @property
    def object_role(self) -> str:
        return self.of("objects-role")

    @property
    def dead_letters(self) -> str:
        return self.of("dead-letters")

    def function_role(self, function: str) -> str:
        return self.of(f"{function}-role")


def _applications(config: StackConfig, names: _Names, needs: Sequence[ProviderNeed]) -> tuple[OAuthApplication, ...]:
    redirect_uris = (f"{config.public_url}/auth/callback", config.public_url)
    sign_in = OAuthApplication(names.sign_in, "WebApp", redirect_uris, SIGN_IN_SCOPES)
    outbound = (
        OAuthApplication(
            names.outbound(need.name),
            "NativeApp",
            (config.provider_callback_url(need.name),),
            ("openid", *(scope for scope in need.scopes if scope != "openid")),
        )
        for need in needs
        if need.vendor == "AliyunOAuth2"
    )
    return (sign_in, *outbound)


def _oauth2_provider(config: StackConfig, names: _Names, need: ProviderNeed) -> OAuth2Provider:
    own_application = names.outbound(need.name) if need.vendor == "AliyunOAuth2" else ""
    issuer = config.issuers.get(need.name, need.issuer)
    client_id = "" if own_application else config.provider_client_id(need.name)
    callback_url = config.provider_callback_url(need.name)
    return OAuth2Provider(need.name, need.vendor, callback_url, issuer, own_application, client_id, need.flow)


def _roles(
    config: StackConfig,
    names: _Names,
    needs: Sequence[ProviderNeed],
    wanted: Sequence[StatementNeed],
    called: Sequence[Tool],
) -> tuple[Role, ...]:
    identity_arn = config.workload_identity_arn(names.workload)
    data = tuple(Statement(tuple(need.actions), config.oss_resources(need.resources)) for need in wanted)
    functions: Mapping[str, tuple[Statement, ...]] = {
        "chat": (Statement(("fc:InvokeFunction",), (config.function_arn("process"),)),),
        "process": (),
        "callback": (
            Statement(("agentidentitydata:CompleteResourceTokenAuth",), ("*",)),
            Statement(("fc:InvokeFunction",), (config.function_arn("process"),)),
        ),
        "tool": (
            *_tool_statements(config, identity_arn, needs, acts_unattended=any(tool.credential for tool in called)),
            *_dead_letter_statements(config, names, called),
            *_cache_statements(config),
        ),
    }
    workload = Role(names.workload_role, WORKLOAD_SERVICE, data, identity_arn, "What tools may do with STS")
    return (
        workload,
        *(
            Role(names.function_role(name), FUNCTION_SERVICE, statements, description=f"Function {name}")
            for name, statements in functions.items()
        ),
    )


def _object_roles(config: StackConfig, triggers: Sequence[Trigger]) -> tuple[Role, ...]:
    """Return the role with which the object store invokes `tool`, when one of its triggers names it."""
    may_invoke = (Statement(("fc:InvokeFunction",), (config.function_arn("tool"),)),)
    named = dict.fromkeys(trigger.role for trigger in triggers if trigger.role)
    return tuple(Role(name, OBJECT_SERVICE, may_invoke, description="Objects call tools") for name in named)


def _dead_letter_statements(config: StackConfig, names: _Names, called: Sequence[Tool]) -> tuple[Statement, ...]:
    """Return what lets the platform tell, with the function's own role, which events it gave up."""
    messages = f"{config.queue_arn(names.dead_letters)}/messages"
    return (Statement(("mns:SendMessage",), (messages,)),) if called else ()


def _cache_statements(config: StackConfig) -> tuple[Statement, ...]:
    """Return what lets `tool` wrap what its instances share with a key that stays in KMS."""
    key = config.shared_cache_kms_key
    return (Statement(("kms:Encrypt", "kms:Decrypt"), (config.kms_key_arn(key),)),) if key else ()


def _tool_statements(
    config: StackConfig, identity_arn: str, needs: Sequence[ProviderNeed], *, acts_unattended: bool
) -> tuple[Statement, ...]:
    """Return what the credential broker may fetch: workload access tokens, and credentials of the declared providers.

    The cloud knows no narrower resource than `*` for workload access tokens; what they can reach, the rest limits.
    Those without a user are for tools that act as the workload itself, and not allowed where there is none.
    """
    acts_itself = acts_unattended or any(need.flow == "M2M" for need in needs)
    own = ("agentidentitydata:GetWorkloadAccessToken",) if acts_itself else ()
    tokens = Statement(("agentidentitydata:GetWorkloadAccessTokenForJWT", *own), ("*",))
    fetch = {
        "oauth": ("agentidentitydata:GetResourceOAuth2Token", "oauth2credentialprovider"),
        "api_key": ("agentidentitydata:GetResourceAPIKey", "apikeycredentialprovider"),
    }
    statements = [tokens]
    for kind, (action, resource) in fetch.items():
        arns = tuple(config.provider_arn(resource, need.name) for need in needs if need.kind == kind)
        if arns:
            statements.append(Statement((action,), (identity_arn, *arns)))
    return tuple(statements)


def _functions(names: _Names, events: Asynchronous) -> tuple[Function, ...]:
    scale = names.config.scale

    def routes(function: str) -> tuple[str, ...]:
        return tuple(pattern for pattern, owner in ROUTES if owner == function)

    def scaled(function: Function) -> Function:
        name = function.name
        return replace(
            function,
            instance_concurrency=scale.serves(name),
            reserved=scale.max_instances.get(name),
            warm=scale.warm_instances.get(name, 0),
            affinity=scale.affinity(name),
            layers=scale.layers if name in ("process", "tool") else (),
        )

    def custom(name: str) -> Function:
        return Function(
            name,
            "custom.debian11",
            names.function_role(name),
            f"functions.{name}.main",
            routes(name),
            timeout_s=600,
        )

    def built_in(name: str) -> Function:
        return Function(
            name,
            "python3.12",
            names.function_role(name),
            f"functions.{name}.main.handler",
            routes(name),
            max_instances=4,
            timeout_s=60,
        )

    process = replace(custom("process"), memory_mb=1024, cpu=0.5, asynchronous=Asynchronous(tasks=True))
    tool = replace(built_in("tool"), public=False, asynchronous=events)
    return tuple(scaled(function) for function in (custom("chat"), process, built_in("callback"), tool))
