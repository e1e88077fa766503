"""Whether a key may do what applying a stack takes: its holder's policies are read, and nothing is tried."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fujie.errors import FujieError
from infra.allowing import Grant, Policy, allows_some, missing, named
from infra.declaration import Stack, Statement
from infra.inputs import StackInputs
from infra.operator_policy import needed
from infra.probing import Account, NotAsked, NotThere, Refused

_ROOT = ":root"


class NotPermittedError(FujieError):
    """The key is none of this account, or may not do what applying the stack takes."""

    code = "not_permitted"


@dataclass(frozen=True)
class Reading:
    """A question that changes nothing, and the permission that it takes."""

    service: str
    action: str
    parameters: Mapping[str, str]
    permission: str


def readings(stack: Stack) -> tuple[Reading, ...]:
    """Return a question for each service in which a stack is made, about what it will have there."""
    role, identity = {"RoleName": stack.roles[0].name}, {"WorkloadIdentityName": stack.workload_identities[0].name}
    function = {"function": stack.config.function_name("process")}
    return (
        Reading("ram", "GetRole", role, "ram:GetRole"),
        Reading("ims", "ListApplications", {}, "ram:ListApplications"),
        Reading("agentidentity", "GetWorkloadIdentity", identity, "agentidentity:GetWorkloadIdentity"),
        Reading("fc", "GetFunction", function, "fc:GetFunction"),
    )


def check(account: Account, inputs: StackInputs, stack: Stack) -> str:
    """Return what cannot be known of what the key may do; "" when all is known, and allowed.

    Raises NotPermittedError when it certainly may not apply the stack.
    """
    try:
        who = holder(account, inputs)
        refused, doubt = lacking(account, who, needed(stack, inputs, "up"))
        if doubt:
            refused = tuple(_unread(account, stack))
    except NotAsked as error:
        return f"whether the key may apply the stack is not known: the cloud did not answer ({error})"
    if refused:
        raise NotPermittedError(f"the key of {who} may not do {named(refused)}", repair=repair_of(stack))
    return doubt


def holder(account: Account, inputs: StackInputs) -> str:
    """Return the ARN of whoever has the key. Raises NotPermittedError when the stack is not his; NotAsked."""
    try:
        said = account.ask("sts", "GetCallerIdentity")
    except Refused as error:
        raise NotPermittedError(f"the cloud refuses the key: {error}", repair="set one that is enabled") from None
    found = str(said.get("AccountId", ""))
    if found != inputs.account_id:
        words = f"the key is of account {found}, the stack is in {inputs.account_id}"
        raise NotPermittedError(words, repair="use a key of that account, or correct account_id")
    return str(said.get("Arn", found))


def lacking(account: Account, who: str, grants: Iterable[Statement]) -> tuple[Sequence[Grant], str]:
    """Return what the key certainly may not do of what is needed, or else why that is not known. Raises NotAsked."""
    if who.endswith(_ROOT):
        return (), ""
    try:
        policies = [_document(account, each) for each in _attached(account, who)]
        found = tuple(missing(policies, grants))
        unsure = tuple(each for each in found if allows_some(policies, *each))
    except Refused as error:
        return (), f"whether the key may create is not known: it may not read its own permissions ({error})"
    except (KeyError, TypeError, ValueError, NotThere) as error:
        raise NotAsked("an answer that is not the cloud's") from error
    if len(found) > len(unsure):
        return tuple(each for each in found if each not in unsure), ""
    return (), f"whether the key may do {named(unsure)} is not known: it may on a part of that" if unsure else ""


def repair_of(stack: Stack) -> str:
    """Return what to do about a permission that is missing."""
    return f"give it the policy that `fujie policy operator --stack {stack.config.stack}` prints"


def _unread(account: Account, stack: Stack) -> Iterator[Grant]:
    """Yield what even reading is refused for."""
    for each in readings(stack):
        try:
            account.ask(each.service, each.action, **each.parameters)
        except NotThere:
            continue
        except Refused:
            yield each.permission, next(iter(each.parameters.values()), "*")


def _attached(account: Account, who: str) -> Iterator[Mapping[str, str]]:
    """Yield name and type of the policies of a user, also by his groups, or of a role that somebody assumed."""
    kind, _, name = who.rpartition(":")[2].partition("/")
    if kind != "user":
        yield from _listed(account, "ListPoliciesForRole", RoleName=name.partition("/")[0])
        return
    yield from _listed(account, "ListPoliciesForUser", UserName=name)
    for group in account.ask("ram", "ListGroupsForUser", UserName=name)["Groups"]["Group"]:
        yield from _listed(account, "ListPoliciesForGroup", GroupName=group["GroupName"])


def _listed(account: Account, action: str, **whose: str) -> Iterator[Mapping[str, str]]:
    yield from account.ask("ram", action, **whose)["Policies"]["Policy"]


def _document(account: Account, policy: Mapping[str, str]) -> Policy:
    wanted = {"PolicyName": policy["PolicyName"], "PolicyType": policy["PolicyType"]}
    told = account.ask("ram", "GetPolicy", **wanted)["DefaultPolicyVersion"]["PolicyDocument"]
    read: Policy = json.loads(told)
    return read
