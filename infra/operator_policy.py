"""What whoever applies a stack must be allowed to do: what a whole life of one was seen to ask, on its resources.

`operator_actions.json` says which actions each kind of resource took; a life in the emulated cloud writes it
(`python -m tests.infra.operator_life`). Here is which resources of each kind a stack has.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from infra.config import LONGEST_POLICY
from infra.declaration import Stack, Statement, declare
from infra.inputs import StackInputs
from infra.served import served

RECORD = Path(__file__).with_name("operator_actions.json")
When = Literal["up", "destroy"]
"""An action is of `destroy` when nothing else took it: a stack can live without."""


def resources(stack: Stack, inputs: StackInputs) -> dict[str, tuple[str, ...]]:
    """Return the stack's resources by their kind, as RAM names them; the narrower kind of two comes first.

    Applications have ids that the cloud chooses, so they have no narrower name; `any user`, `any role` and `any policy`
    are for what the operator reads of his own permissions, whoever he is. For asynchronous tasks the cloud knows no
    narrower resource than all.
    """
    config = stack.config
    account, place = config.account_id, f"{config.region}:{config.account_id}"
    functions = tuple(config.function_arn(function.name) for function in stack.functions)
    code, log = config.code_bucket, f"acs:log:{place}:project/{config.log_project}"
    return {
        "function": functions,
        "trigger": tuple(f"{function}/triggers/*" for function in functions),
        "domain": (f"acs:fc:{place}:custom-domains/{inputs.domain}",) if inputs.domain else (),
        "role": tuple(f"acs:ram:*:{account}:role/{role.name}" for role in stack.roles),
        "policy": tuple(f"acs:ram:*:{account}:policy/{role.name}-policy" for role in stack.roles if role.statements),
        "application": (f"acs:ram:*:{account}:application/*",),
        "bucket": tuple(f"acs:oss:*:{account}:{name}" for name in (config.bucket, code)),
        "code": (f"acs:oss:*:{account}:{code}/*",),
        "object": (f"acs:oss:*:{account}:{config.bucket}/*",),
        "any bucket": (f"acs:oss:*:{account}:*",),
        "workload identity": tuple(config.workload_identity_arn(each.name) for each in stack.workload_identities),
        "identity provider": tuple(
            f"acs:agentidentity:{place}:identityprovider/{each.name}" for each in stack.identity_providers
        ),
        "token vault": tuple(f"acs:agentidentity:{place}:tokenvault/{each.name}" for each in stack.token_vaults),
        "api key": (config.provider_arn("apikeycredentialprovider", "*"),),
        "oauth client": (config.provider_arn("oauth2credentialprovider", "*"),),
        "queue": tuple(config.queue_arn(queue.name) for queue in stack.queues),
        "log project": (log,) if inputs.log_retention_days else (),
        "log store": (f"{log}/logstore/*",) if inputs.log_retention_days else (),
        "any user": (f"acs:ram:*:{account}:user/*",),
        "any role": (f"acs:ram:*:{account}:role/*",),
        "any policy": (f"acs:ram:*:{account}:policy/*",),
        "any task": ("*",),
    }


@cache
def recorded(record: Path = RECORD) -> Mapping[str, Mapping[When, Sequence[str]]]:
    """Return the actions that were seen: kind of resource -> when -> actions."""
    read: Mapping[str, Mapping[When, Sequence[str]]] = json.loads(record.read_text("utf-8"))
    return read


def needed(stack: Stack, inputs: StackInputs, *moments: When) -> tuple[Statement, ...]:
    """Return what applying the stack takes at these moments, a statement for each kind of resource that it has."""
    there = resources(stack, inputs)
    actions = {kind: _at(of_it, moments) for kind, of_it in recorded().items()}
    return tuple(Statement(actions[kind], there[kind]) for kind in actions if actions[kind] and there[kind])


def likened(stack: str, named: str, inputs: StackInputs, root: Path) -> tuple[Stack, StackInputs]:
    """Return a stack from its inputs; with `named`, one like it of that name, which may be a pattern, below its domain.

    Raises SettingsError.
    """
    if named:
        scheme, _, host = inputs.public_url.partition("://")
        inputs = replace(inputs, public_url=f"{scheme}://{named}.{host}", bucket="", token_vault="")
    tools, _ = served(root / inputs.agent if inputs.agent else None)
    return declare(inputs.stack_config(named or stack), tools), inputs


def policies(stack: Stack, inputs: StackInputs) -> tuple[str, ...]:
    """Return the policy of whoever applies and destroys the stack, JSON, in as many parts as RAM's limit takes."""
    parts: list[list[Statement]] = [[]]
    for statement in needed(stack, inputs, "up", "destroy"):
        if len(_written([*parts[-1], statement])) > LONGEST_POLICY:
            parts.append([])
        parts[-1].append(statement)
    return tuple(_written(part) for part in parts)


def _written(statements: Sequence[Statement]) -> str:
    """Return a policy with a line for each statement: whether RAM counts spaces nobody says."""
    lines = (json.dumps(each.document(), separators=(",", ":")) for each in statements)
    return '{"Version":"1","Statement":[\n' + ",\n".join(lines) + "\n]}"


def _at(seen: Mapping[When, Sequence[str]], moments: Sequence[When]) -> tuple[str, ...]:
    return tuple(action for moment in moments for action in seen.get(moment, ()))
