"""What each function and the workload may do, as a table made from the declaration: no call, no key.

Actions and resources are the cloud's words; the rest is said in English or Chinese.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from infra.declaration import FUNCTION_SERVICE, OBJECT_SERVICE, Role, Stack, Statement

Language = Literal["en", "zh"]

WITHOUT_RESOURCE = frozenset(
    {
        "agentidentitydata:CompleteResourceTokenAuth",
        "agentidentitydata:GetWorkloadAccessToken",
        "agentidentitydata:GetWorkloadAccessTokenForJWT",
    }
)
"""Actions for which the cloud's documents name no resource but `*` (identity.md 4); for any other, `*` is too much."""

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "head": "Stack {stack}, account {account}, {region}",
        "who": "WHO",
        "may": "MAY",
        "on": "ON",
        "nothing": "nothing in the cloud",
        "workload": "tools, for a user (STS)",
        "trust": "Who may act as them:",
        "function": "Function Compute, for functions that this account gives it to",
        "objects": "OSS, to tell tools of objects",
        "identity": "Agent Identity, for {arn} alone",
        "wide": "* The cloud knows no narrower resource for this action.",
    },
    "zh": {
        "head": "堆栈 {stack}，账号 {account}，{region}",
        "who": "主体",
        "may": "可执行的操作",
        "on": "资源",
        "nothing": "不能调用任何云服务",
        "workload": "工具，代表用户（STS）",
        "trust": "谁可以扮演这些角色：",
        "function": "函数计算，仅用于本账号中配置了该角色的函数",
        "objects": "OSS，用于把对象事件通知给工具",
        "identity": "智能体身份服务，仅限 {arn}",
        "wide": "* 云端对该操作没有更细的资源。",
    },
}


@dataclass(frozen=True)
class Permission:
    """One action on one resource."""

    who: str
    """A function's short name, OSS when it calls tools, or "" for the workload's role, which tools use."""
    action: str
    """Empty when nothing is allowed."""
    resource: str


def permissions(stack: Stack) -> tuple[Permission, ...]:
    """Return everything that the stack's roles allow, one row for each action and resource."""
    holders = {function.role: function.name for function in stack.functions}
    holders |= {role.name: "OSS" for role in stack.roles if role.service == OBJECT_SERVICE}
    return tuple(row for role in stack.roles for row in _of_role(holders.get(role.name, ""), role))


def needlessly_wide(roles: Iterable[Role]) -> tuple[tuple[str, Statement], ...]:
    """Return the statements, with their roles' names, that allow more than they would have to say."""
    return tuple(
        (role.name, each)
        for role in roles
        for each in role.statements
        if any("*" in action for action in each.actions)
        or ("*" in each.resources and not WITHOUT_RESOURCE.issuperset(each.actions))
    )


def table(stack: Stack, language: Language = "en") -> str:
    """Return the table with who may act as whom below it."""
    words, rows = _WORDS[language], permissions(stack)
    config = stack.config
    cells = [(words["who"], words["may"], words["on"])]
    cells += [(each.who or words["workload"], each.action or words["nothing"], each.resource) for each in rows]
    parts = [
        words["head"].format(stack=config.stack, account=config.account_id, region=config.region),
        _aligned(_said_once(cells)),
        "\n".join([words["trust"], *(_trust(role, words) for role in stack.roles)]),
    ]
    if any(each.resource == "*" for each in rows):
        parts.insert(2, words["wide"])
    return "\n\n".join(parts)


def _of_role(who: str, role: Role) -> Iterable[Permission]:
    if not role.statements:
        yield Permission(who, "", "")
    for statement in role.statements:
        for action in statement.actions:
            yield from (Permission(who, action, resource) for resource in statement.resources)


def _trust(role: Role, words: Mapping[str, str]) -> str:
    services = {FUNCTION_SERVICE: words["function"], OBJECT_SERVICE: words["objects"]}
    who = services.get(role.service) or words["identity"].format(arn=role.workload_identity_arn)
    return f"  {role.name}: {who}"


def _said_once(rows: Sequence[tuple[str, str, str]]) -> Iterable[tuple[str, str, str]]:
    """Yield the rows without what the row above says already."""
    before = ("", "", "")
    for row in rows:
        same_who = row[0] == before[0]
        yield ("" if same_who else row[0], "" if same_who and row[1] == before[1] else row[1], row[2])
        before = row


def _aligned(rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join(
            [*(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)), row[-1]]
        ).rstrip()
        for row in rows
    )


def _width(text: str) -> int:
    """Return how many columns a terminal takes for it: two for a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)
