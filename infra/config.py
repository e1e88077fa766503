"""The configuration of one stack: every key with its meaning."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from infra.scale import Scale

ALIYUN_ISSUER = "https://oauth.aliyun.com"
DEFAULT_VAULT = "default"
LONGEST_POLICY = 6144
"""Characters that RAM takes (identity.md 2.5)."""
_CALLBACK_NAMESPACE = uuid.UUID("6f1f7f0e-52a8-5b0c-8a53-1f8f7f0a3c11")


@dataclass(frozen=True)
class CloudAddress:
    """Where the cloud answers: its public endpoints, or one address that serves all of them (an emulator)."""

    region: str
    cloud_url: str = ""

    def regional(self, product: str) -> str:
        """Return the endpoint of a product that has one in each region (agentidentity, agentidentitydata)."""
        return self.cloud_url or f"https://{product}.{self.region}.aliyuncs.com"

    def central(self, product: str) -> str:
        """Return the endpoint of a product that has one for all regions (ims, ram, sts)."""
        return self.cloud_url or f"https://{product}.aliyuncs.com"

    def oss(self) -> str:
        return self.cloud_url or f"https://oss-{self.region}.aliyuncs.com"


@dataclass(frozen=True)
class StackConfig:
    """What differs between stacks."""

    stack: str
    """Its name, part of every resource's name: local, dev, prod, pr-12."""
    account_id: str
    region: str
    public_url: str
    """The one origin at which users meet the stack."""
    bucket: str
    cloud_url: str = ""
    """Where the cloud answers instead of its public endpoints: an emulator's address; empty for the cloud itself."""
    issuer: str = ALIYUN_ISSUER
    """Whose id_tokens name users."""
    issuers: Mapping[str, str] = field(default_factory=dict)
    """OAuth provider -> issuer that serves it in this stack, instead of the one its tool names."""
    client_ids: Mapping[str, str] = field(default_factory=dict)
    """OAuth provider -> client id that was registered with it; else one made of the stack's name."""
    function_prefix: str = ""
    """What precedes a function's name in the account, so that stacks do not meet: fujie-dev-."""
    token_vault: str = DEFAULT_VAULT
    """The vault that keeps the stack's credential providers; theirs are the names that tools declare."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """Queue that a tool reads -> the account's queue that it stands for; the stack makes the others."""
    scale: Scale = field(default_factory=Scale)
    shared_cache_kms_key: str = ""
    """Id of the key in KMS that wraps shared credentials; empty where the stack has a key of its own for it."""

    @property
    def mark(self) -> str:
        """The description that resources of this stack bear: what has another is not taken over."""
        return f"Fujie stack {self.stack}"

    @property
    def code_bucket(self) -> str:
        """The bucket of the functions' packages."""
        return f"fujie-{self.stack}-code-{self.account_id}"

    @property
    def log_project(self) -> str:
        """The project of the log service, whose names are the region's."""
        return f"fujie-{self.stack}-{self.account_id}"

    @property
    def address(self) -> CloudAddress:
        return CloudAddress(self.region, self.cloud_url)

    def provider_callback_url(self, provider: str) -> str:
        """Return where the provider sends the browser back: chosen by us, so that it can be registered first."""
        unique = uuid.uuid5(_CALLBACK_NAMESPACE, f"{self.account_id}/{self.region}/{self.stack}/{provider}")
        return f"{self.address.regional('agentidentitydata')}/oauth2/callback/{unique}"

    def provider_client_id(self, provider: str) -> str:
        """Return the client id under which this stack is registered with a provider outside Alibaba Cloud."""
        return self.client_ids.get(provider, f"fujie-{self.stack}-{provider}")

    def workload_identity_arn(self, name: str) -> str:
        directory = f"acs:agentidentity:{self.region}:{self.account_id}:workloadidentitydirectory/default"
        return f"{directory}/workloadidentity/{name}"

    def provider_arn(self, resource: str, name: str) -> str:
        return f"acs:agentidentity:{self.region}:{self.account_id}:tokenvault/{self.token_vault}/{resource}/{name}"

    def role_arn(self, name: str) -> str:
        return f"acs:ram::{self.account_id}:role/{name}"

    def function_name(self, function: str) -> str:
        """Return the name in the account of one of the four functions."""
        return f"{self.function_prefix}{function}"

    def function_arn(self, function: str) -> str:
        return f"acs:fc:{self.region}:{self.account_id}:functions/{self.function_name(function)}"

    def bucket_arn(self, bucket: str) -> str:
        return f"acs:oss:{self.region}:{self.account_id}:{bucket}"

    def queue_name(self, queue: str) -> str:
        """Return the name in the account of a queue that tools read."""
        return self.queues.get(queue, f"fujie-{self.stack}-{queue}")

    def kms_key_arn(self, key: str) -> str:
        return f"acs:kms:{self.region}:{self.account_id}:key/{key}"

    def queue_arn(self, queue: str) -> str:
        return f"acs:mns:{self.region}:{self.account_id}:/queues/{queue}"

    def oss_resources(self, templates: Sequence[str]) -> tuple[str, ...]:
        """Return RAM resources from a tool's: the stack's bucket and account filled in, arguments as wildcards."""
        return tuple(template.replace("{bucket}", self.bucket) for template in templates)
