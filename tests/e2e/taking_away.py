"""What a stack is made of, taken away one thing at a time with the official clients, and what each alone breaks.

What was taken is put back as it was; what functions remember of it is forgotten before anything is asked of them.
"""

import json
from contextlib import contextmanager
from dataclasses import dataclass

from alibabacloud_ram20150501 import models as ram

from infra.providers.credential_provider import API_KEY_PROVIDER, OAUTH2_PROVIDER
from infra.providers.identity_provider import IDENTITY_PROVIDER
from infra.providers.kind import Kind
from infra.providers.workload_identity import WORKLOAD_IDENTITY
from tests.e2e.abilities import WAKING

WITH_OAUTH = frozenset({"time", "instances", "document", "robots"})
WITH_STS = frozenset({"schedule", "file"})
EVERYTHING = WITH_OAUTH | WITH_STS | {"weather"}
"""What needs a credential. The workload's own is handed out only in a run whose user the cloud has verified, too."""


@dataclass(frozen=True)
class Action:
    """An action that a statement allows a role; a statement's last one takes it along."""

    role: str
    name: str
    breaks: frozenset = frozenset()
    on: str = ""
    """Part of the resource, where several statements of the role have the action."""
    remembered_by: tuple = ("tool",)

    def __str__(self):
        return " ".join(filter(None, (self.role, self.name.partition(":")[2], self.on)))

    def is_of(self, role, action, resources):
        """Tell whether this is what the role is allowed there."""
        return (role, action) == (self.role, self.name) and any(self.on in resource for resource in resources)

    def take(self, stack):
        policy = f"{stack.name}-{self.role}-role-policy"
        document = policy_document(stack, policy)
        kept = [statement for statement in map(self._without, document["Statement"]) if statement["Action"]]
        assert kept != document["Statement"]
        _put_policy(stack, policy, document | {"Statement": kept})
        return lambda: _put_policy(stack, policy, document)

    def _without(self, statement):
        kept = [action for action in statement["Action"] if not self.is_of(self.role, action, statement["Resource"])]
        return statement | {"Action": kept}


@dataclass(frozen=True)
class Trust:
    """Who may act as a role."""

    role: str
    breaks: frozenset = frozenset()
    remembered_by: tuple = ("tool",)

    def __str__(self):
        return f"{self.role} trust"

    def take(self, stack):
        role = f"{stack.name}-{self.role}-role"
        trust = trust_document(stack, role)
        foreign = trust.replace(f"/{stack.name}-agent", "/somebody-else").replace("fc.aliyuncs.com", "ecs.aliyuncs.com")
        assert foreign != trust
        put_trust(stack, role, foreign)
        return lambda: put_trust(stack, role, trust)


@dataclass(frozen=True)
class Resource:
    """A provider or an identity of Agent Identity."""

    kind: Kind
    name: str
    breaks: frozenset
    secret: str = ""
    """The property that the cloud never tells."""
    remembered_by: tuple = ("tool",)

    def __str__(self):
        return f"{self.kind.name} {self.name}"

    def name_in(self, stack):
        """Return its name: one in a vault is the vault's own, any other begins with the stack's."""
        return self.name if "token_vault" in self.kind.key else f"{stack.name}-{self.name}"

    def take(self, stack):
        found = self.kind.find(stack.clients, {"name": self.name_in(stack), "token_vault": stack.token_vault})
        secret = {self.secret: stack.provider_secret(self.name)} if self.secret else {}
        self.kind.delete(stack.clients, found)
        return lambda: self.kind.create(stack.clients, found | secret)


API_KEYS = Action("tool", "agentidentitydata:GetResourceAPIKey", frozenset({"weather"}))
OAUTH_TOKENS = Action("tool", "agentidentitydata:GetResourceOAuth2Token", WITH_OAUTH)
ONE_OBJECT = Action("agent", "oss:GetObject", frozenset({"schedule"}), on="schedule.json")
COMPLETING = Action("callback", "agentidentitydata:CompleteResourceTokenAuth", frozenset({"time"}), remembered_by=())
CALLING_CHAT = Action("chat", "fc:InvokeFunction", remembered_by=())
ACTIONS = (
    API_KEYS,
    OAUTH_TOKENS,
    Action("tool", "agentidentitydata:GetWorkloadAccessTokenForJWT", EVERYTHING),
    Action("tool", "agentidentitydata:GetWorkloadAccessToken", frozenset({"robots"})),
    ONE_OBJECT,
    Action("agent", "oss:GetObject", frozenset({"file"}), on="files/"),
    COMPLETING,
    Action("callback", "fc:InvokeFunction", frozenset({WAKING}), remembered_by=()),
    CALLING_CHAT,
)
OF_THE_AGENT = Trust("agent", WITH_STS)
FUNCTION_TRUSTS = tuple(Trust(name, remembered_by=(name,)) for name in ("chat", "process", "callback", "tool"))
"""Each breaks its function."""
WEATHER = Resource(API_KEY_PROVIDER, "weather", frozenset({"weather"}), "api_key")
RESOURCES = (
    WEATHER,
    Resource(OAUTH2_PROVIDER, "time", frozenset({"time"}), "client_secret"),
    Resource(OAUTH2_PROVIDER, "aliyun", frozenset({"instances"})),
    Resource(OAUTH2_PROVIDER, "dingtalk", frozenset({"document"}), "client_secret"),
    Resource(OAUTH2_PROVIDER, "robot", frozenset({"robots"}), "client_secret"),
    Resource(IDENTITY_PROVIDER, "sign-in", EVERYTHING),
    Resource(WORKLOAD_IDENTITY, "agent", EVERYTHING),
)


@contextmanager
def without(stack, thing):
    """Take it away for as long as the block lasts."""
    put_back = thing.take(stack)
    stack.remembering.update(thing.remembered_by)
    try:
        yield
    finally:
        put_back()
        stack.remembering.update(thing.remembered_by)


def policy_document(stack, policy):
    request = ram.GetPolicyRequest(policy_name=policy, policy_type="Custom")
    return json.loads(stack.clients.ram.get_policy(request).body.default_policy_version.policy_document)


def _put_policy(stack, policy, document):
    stack.clients.ram.create_policy_version(
        ram.CreatePolicyVersionRequest(
            policy_name=policy,
            policy_document=json.dumps(document),
            set_as_default=True,
            rotate_strategy="DeleteOldestNonDefaultVersionWhenLimitExceeded",
        )
    )


def trust_document(stack, role):
    return stack.clients.ram.get_role(ram.GetRoleRequest(role_name=role)).body.role.assume_role_policy_document


def put_trust(stack, role, document):
    stack.clients.ram.update_role(ram.UpdateRoleRequest(role_name=role, new_assume_role_policy_document=document))
