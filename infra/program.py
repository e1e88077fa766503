"""What the Pulumi program decides before it makes anything, as values: what cannot be right is refused here."""

import json
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fujie.errors import SettingsError
from fujie.settings import AgentAbout
from fujie.tools.manifest import ProviderNeed, providers_needed
from infra.config import LONGEST_POLICY
from infra.declaration import Role, Stack, declare
from infra.emulated import with_partners
from infra.inputs import LOCAL, StackInputs, inputs_from_config
from infra.packages import building
from infra.packages.target import CLOUD, Target, here
from infra.permission import check
from infra.probing import Account, Key
from infra.served import served

OWN_VENDORS = ("AliyunOAuth2", "AlibabaCloudOAuth2")
"""Vendors at which the stack's own application is a public client, without a secret."""


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first resource."""

    inputs: StackInputs
    stack: Stack
    agent: Path | None
    """Its file, when it is not the agent that ships."""
    about: AgentAbout | None
    own_secrets: Sequence[str]
    """Providers for which the stack makes a secret itself."""
    packages: Sequence[building.Package]
    doubt: str
    """What could not be found out about the operator's permissions; "" for nothing."""


def planned(name: str, values: Mapping[str, str], environ: Mapping[str, str], root: Path) -> Plan:
    """Return the plan of a stack from its configuration, its packages made. Raises FujieError for what is wrong."""
    inputs = inputs_from_config(values, name, environ)
    agent = root / inputs.agent if inputs.agent else None
    tools, about = served(agent)
    inputs = with_partners(inputs, tools)
    stack = declare(inputs.stack_config(name), tools)
    own_secrets = missing_secrets(providers_needed(tools), inputs, name)
    check_policies(stack.roles)
    doubt = check_operator(inputs, stack, environ)
    packages = building.build_all(stack.functions, target_of(inputs), root / ".fujie" / "packages", agent)
    return Plan(inputs, stack, agent, about, own_secrets, packages, doubt)


def check_operator(inputs: StackInputs, stack: Stack, environ: Mapping[str, str]) -> str:
    """Return what is not known of the permissions of the key in the environment.

    Raises SettingsError without a key, NotPermittedError when it certainly may not apply the stack.
    """
    key = Key.of(environ)
    if key is None:
        raise SettingsError(
            f"stack {stack.config.stack}: there is no key in the environment",
            repair="set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        )
    with Account(inputs, key) as account:
        return check(account, inputs, stack)


def check_policies(roles: Sequence[Role]) -> None:
    """Raise SettingsError when RAM would refuse a policy for its length."""
    for role in roles:
        length = len(json.dumps(role.policy_document()))
        if length > LONGEST_POLICY:
            raise SettingsError(
                f"the policy of {role.name} has {length} characters, RAM takes {LONGEST_POLICY}",
                repair="declare fewer providers or narrower tools in one stack",
            )


def tags_of(stack: str) -> dict[str, str]:
    """Return what every resource that can be tagged bears."""
    return {"app": "fujie", "stack": stack}


def target_of(inputs: StackInputs) -> Target:
    """Return what the packages are for: the cloud's Python, or with an emulator the one at hand."""
    return here() if inputs.cloud_url else Target(inputs.python, CLOUD.platform)


def missing_secrets(needs: Iterable[ProviderNeed], inputs: StackInputs, stack: str) -> Sequence[str]:
    """Return the providers for which the stack makes a secret itself, as only `local` may.

    Raises SettingsError naming those that are missing elsewhere.
    """
    wanted = [need.name for need in needs if need.vendor not in OWN_VENDORS]
    missing = [name for name in wanted if name not in inputs.provider_secrets]
    if missing and not (stack == LOCAL or inputs.cloud_url):
        raise SettingsError(
            f"stack {stack}: no secret for {', '.join(missing)}",
            repair=f"pulumi config set --secret --path 'provider_secrets.{missing[0]}' ...",
        )
    return missing


def is_cloud_the_proxy(environ: MutableMapping[str, str]) -> bool:
    """Say whether the provider reaches an emulated cloud's hosts through it; what we start ourselves does not.

    Packages are fetched from elsewhere.
    """
    found = bool(environ.get("FUJIE_CLOUD_URL")) and environ.get("HTTP_PROXY") == environ["FUJIE_CLOUD_URL"]
    if found:
        del environ["HTTP_PROXY"]
    return found


def keeps_logs(inputs: StackInputs, *, through_cloud: bool) -> bool:
    """Say whether functions have a log store; that of an emulated cloud is reached only through that cloud."""
    return bool(inputs.log_retention_days) and (not inputs.cloud_url or through_cloud)


def database_of(inputs: StackInputs, root: Path) -> str:
    """Return the store's address; `local` has a file of its own."""
    if inputs.database_url is not None:
        return inputs.database_url.reveal()
    return f"sqlite+aiosqlite:///{root / '.fujie' / 'deployed.db'}"
