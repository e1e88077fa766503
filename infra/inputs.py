"""What `Pulumi.<stack>.yaml` may say: every key with its meaning. A key that is not here is refused.

In any text, `{cloud_url}` stands for that key's value and `{cloud_port}` for its port, so that a stack on an emulator
names its address once.
"""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from fujie.errors import SettingsError
from fujie.secret import Secret
from infra.config import ALIYUN_ISSUER, StackConfig
from infra.scale import Scale

LOCAL = "local"
PROJECT = "fujie"
PYTHON_OF_THE_CLOUD = "3.12"
_STACK = re.compile(r"[a-z][a-z0-9-]{0,19}")
"""Its name is part of names of 64 characters, and of buckets, which have lower case only."""
_ACCOUNT = re.compile(r"\d{16}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_VAULT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WORDS: Mapping[Any, str] = {
    int: "a number",
    bool: "true or false",
    Mapping: "a map of texts, or of numbers where it counts something",
    Sequence: "a list of texts",
}


@dataclass(frozen=True)
class StackInputs:
    """The configuration of one stack as it was given, checked."""

    account_id: str
    """The account's 16 digits: resources are named before any call is made."""
    region: str
    """Such as cn-beijing; Agent Identity must be there."""
    public_url: str
    """The one origin at which users meet the stack: https and a custom domain of the account, except in `local`."""
    certificate: str = ""
    """The domain's certificate chain, PEM; required with https."""
    certificate_key: Secret | None = None
    """Its private key, PEM (secret)."""
    cloud_url: str = ""
    """Where the cloud answers instead of its public endpoints: an emulator. FUJIE_CLOUD_URL precedes it."""
    database_url: Secret | None = None
    """SQLAlchemy's address of the PostgreSQL (secret). Required except in `local`."""
    bucket: str = ""
    """The bucket of users' objects; empty makes one named for stack and account."""
    agent: str = ""
    """The agent file to serve, from the project's folder; empty serves the agent that ships."""
    token_vault: str = ""
    """The vault of the stack's credential providers; empty makes one named for the stack."""
    issuer: str = ALIYUN_ISSUER
    """Whose id_tokens name users."""
    issuers: Mapping[str, str] = field(default_factory=dict)
    """OAuth provider -> issuer that serves it in this stack, instead of the one its tool names."""
    client_ids: Mapping[str, str] = field(default_factory=dict)
    """OAuth provider -> client id that was registered with it."""
    provider_secrets: Mapping[str, Secret] = field(default_factory=dict)
    """Credential provider -> its API key or client secret (secret). Required except in `local`, which makes its own."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """Host that a tool declares -> address that serves it in this stack instead."""
    mcp_server: str = ""
    """The MCP server whose tools the agent has, besides its own."""
    llm_base_url: str = ""
    """An OpenAI-compatible model; empty is DashScope."""
    llm_api_key: Secret | None = None
    """Its key (secret)."""
    llm_model: str = ""
    """The model's name."""
    python: str = PYTHON_OF_THE_CLOUD
    """The Python that runs the packages; an emulator runs the one at hand."""
    key_generation: int = 1
    """Raised to make new keys for sealing and internal tokens; those of the generation before still open and verify."""
    keys_rotated_on: str = ""
    """The day on which `fujie keys rotate` raised it: 2026-01-31."""
    protect_data: bool = False
    """Whether users' data and tokens are kept when the stack is destroyed, and guarded against it."""
    log_retention_days: int = 30
    """How long the functions' logs are kept; 0 keeps none."""
    instance_concurrency: Mapping[str, int] = field(default_factory=dict)
    """chat or process -> requests that one of its instances serves at once, 1 to 200 (100); the others serve one."""
    session_affinity: bool = False
    """Whether the requests of one session reach one instance: of chat by a cookie, of process by the header
    x-agentscope-runtime-session-id. Who sends neither begins a session with each request."""
    max_instances: Mapping[str, int] = field(default_factory=dict)
    """Function -> instances that it may have at once, reserved for it: what bounds the bill and the connections to the
    database. One that is not named shares the account's quota with whatever else runs there."""
    warm_instances: Mapping[str, int] = field(default_factory=dict)
    """Function -> instances that are up, and paid for, before anyone asks; none where nothing is named."""
    layers: Sequence[str] = ()
    """ARNs of layers that process and tool find below /opt: libraries that are no Python packages."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """Queue that a tool reads -> the account's queue that it stands for; the stack makes the others."""
    shared_cache_kms_key: str = ""
    """Id of a key in KMS that wraps the credentials that tool's instances share; empty: a key of the stack."""
    adopt: Sequence[str] = ()
    """Names of existing resources that the stack takes over instead of refusing them."""

    def stack_config(self, stack: str) -> StackConfig:
        """Return what the declaration is made from."""
        prefix = f"fujie-{stack}"
        return StackConfig(
            stack=stack,
            account_id=self.account_id,
            region=self.region,
            public_url=self.public_url,
            bucket=self.bucket or f"{prefix}-{self.account_id}",
            cloud_url=self.cloud_url,
            issuer=self.issuer,
            issuers=self.issuers,
            client_ids=self.client_ids,
            function_prefix=f"{prefix}-",
            token_vault=self.token_vault or prefix,
            queues=self.queues,
            scale=self.scale,
            shared_cache_kms_key=self.shared_cache_kms_key,
        )

    @property
    def scale(self) -> Scale:
        """Return how functions grow."""
        return Scale(
            self.instance_concurrency,
            self.session_affinity,
            self.max_instances,
            self.warm_instances,
            tuple(self.layers),
        )

    @property
    def domain(self) -> str:
        """The custom domain, or "" when the origin is this machine's own."""
        host = urlsplit(self.public_url).hostname or ""
        return "" if host in ("localhost", "127.0.0.1") else host


def inputs_from_config(values: Mapping[str, str], stack: str, environ: Mapping[str, str]) -> StackInputs:
    """Return the inputs from the keys of Pulumi's configuration (`fujie:region`, ...), whose values are texts or JSON.

    Raises SettingsError, one sentence for everything that is wrong.
    """
    own = {key.removeprefix(f"{PROJECT}:"): text for key, text in values.items() if key.startswith(f"{PROJECT}:")}
    if environ.get("FUJIE_CLOUD_URL"):
        own["cloud_url"] = environ["FUJIE_CLOUD_URL"]
    own = {key: _filled(text, own.get("cloud_url", "").rstrip("/")) for key, text in own.items()}
    hints, fields = get_type_hints(StackInputs), {each.name: each for each in dataclasses.fields(StackInputs)}
    problems = [f"unknown key {key!r}" for key in sorted(own.keys() - fields.keys())]
    problems += [
        f"{name} is missing"
        for name, each in fields.items()
        if name not in own and each.default is each.default_factory is dataclasses.MISSING
    ]
    _refuse(stack, problems)
    given = StackInputs(**{name: _read(stack, name, text, hints[name]) for name, text in own.items()})
    _refuse(stack, _problems(given, stack))
    return given


def _filled(text: str, cloud_url: str) -> str:
    if not cloud_url:
        return text
    return text.replace("{cloud_url}", cloud_url).replace("{cloud_port}", str(urlsplit(cloud_url).port or ""))


def _read(stack: str, name: str, text: str, kind: Any) -> Any:
    """Return a value of the field's type."""
    try:
        return _typed(text, kind)
    except (ValueError, AttributeError, TypeError):
        raise SettingsError(f"stack {stack}: {name} is not {_WORDS.get(get_origin(kind) or kind, 'a text')}") from None


def _typed(text: str, kind: Any) -> Any:
    if kind is str:
        return text
    if kind in (int, bool):
        value = json.loads(text)
        if type(value) is not kind:
            _refuse_type()
        return value
    if get_origin(kind) is Mapping:
        item = get_args(kind)[1]
        return {key: _of(value, item) for key, value in json.loads(text).items()}
    if get_origin(kind) is Sequence:
        return tuple(_text(value, str) for value in json.loads(text))
    return Secret(text)


def _of(value: Any, kind: Any) -> Any:
    if kind is not int:
        return _text(value, kind)
    if type(value) is not int:
        _refuse_type()
    return value


def _text(value: Any, kind: Any) -> Any:
    if not isinstance(value, str):
        _refuse_type()
    return Secret(value) if kind is Secret else value


def _refuse_type() -> NoReturn:
    raise TypeError("another type is right")


def _problems(given: StackInputs, stack: str) -> list[str]:
    checks: dict[str, object] = {
        "the stack's name is 1 to 20 lower-case letters, digits and hyphens": _STACK.fullmatch(stack),
        "account_id has 16 digits": _ACCOUNT.fullmatch(given.account_id),
        "public_url is an origin without path": _is_origin(given.public_url),
        "bucket is 3 to 63 lower-case letters, digits and hyphens": not given.bucket or _BUCKET.fullmatch(given.bucket),
        "token_vault is 1 to 64 letters, digits, '.', '_' and '-'": not given.token_vault
        or _VAULT.fullmatch(given.token_vault),
        "key_generation is 1 or more": given.key_generation >= 1,
        "log_retention_days is 0 to 3650": 0 <= given.log_retention_days <= 3650,
    }
    if stack != LOCAL and not given.cloud_url:
        checks |= {
            "public_url is https": given.public_url.startswith("https://"),
            "public_url names a domain of the account": given.domain,
            "certificate and certificate_key (secret) are needed for https": given.certificate
            and given.certificate_key,
        }
    checks |= given.scale.checks()
    if stack != LOCAL:
        checks["database_url (secret) is needed"] = given.database_url
    return [sentence for sentence, holds in checks.items() if not holds]


def _is_origin(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("https", "http") and bool(parts.hostname) and not (parts.path or parts.query)


def _refuse(stack: str, problems: Sequence[str]) -> None:
    if problems:
        raise SettingsError(f"stack {stack}: {'; '.join(problems)}", repair=f"correct Pulumi.{stack}.yaml")
