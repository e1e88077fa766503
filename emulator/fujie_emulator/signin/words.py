"""The words of the pages that people see, in the two languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True)
class Words:
    """Every sentence of the sign-in, consent and message pages in one language."""

    lang: str
    emulated: str
    choose_title: str
    choose_lead: str
    demonstration: str
    consent_title: str
    consent_lead: str
    allow: str
    deny: str
    switch: str
    refused_title: str
    link_title: str
    link_text: str
    done_title: str
    done_text: str
    denied_title: str
    denied_text: str
    provider_title: str
    provider_text: str
    scopes: Mapping[str, str] = field(default_factory=dict)


ENGLISH = Words(
    lang="en",
    emulated="Emulated Alibaba Cloud on this machine. Not the real service; no real account is used.",
    choose_title="Sign in",
    choose_lead="Choose who signs in to {app}.",
    demonstration="These are demonstration users; there is no password.",
    consent_title="Permission requested",
    consent_lead="{app} asks to act for you, {user}:",
    allow="Allow",
    deny="Deny",
    switch="Use another account",
    refused_title="This sign-in request cannot be used",
    link_title="This link cannot be used",
    link_text="It was used before, has expired, or was never issued. Go back to the application and start again.",
    done_title="Done",
    done_text="The permission is recorded. You can close this page.",
    denied_title="Not allowed",
    denied_text="No permission was recorded. You can close this page.",
    provider_title="The provider did not answer",
    provider_text="No permission was recorded. Go back to the application and start again later.",
    scopes={
        "openid": "Know who you are",
        "profile": "Read your name",
        "aliuid": "Read your account number",
        "/acs/mcp-server": "Call Alibaba Cloud MCP servers for you",
    },
)
CHINESE = Words(
    lang="zh",
    emulated="本机模拟的阿里云，并非真实服务，不使用任何真实账号。",
    choose_title="登录",
    choose_lead="请选择登录 {app} 的用户。",
    demonstration="这些是演示用户，无需密码。",
    consent_title="请求授权",
    consent_lead="{app} 请求代表您（{user}）进行以下操作：",
    allow="允许",
    deny="拒绝",
    switch="使用其他账号",
    refused_title="无法使用此登录请求",
    link_title="无法使用此链接",
    link_text="链接已被使用、已过期或从未签发。请返回应用重新开始。",
    done_title="完成",
    done_text="授权已记录，您可以关闭此页面。",
    denied_title="未授权",
    denied_text="没有记录任何授权，您可以关闭此页面。",
    provider_title="授权方没有响应",
    provider_text="没有记录任何授权。请返回应用，稍后重新开始。",
    scopes={
        "openid": "获知您的身份",
        "profile": "读取您的姓名",
        "aliuid": "读取您的账号编号",
        "/acs/mcp-server": "代表您调用阿里云 MCP 服务",
    },
)


def words_for(accept_language: str) -> Words:
    """Return the words for an Accept-Language header: Chinese when it comes before English, else English."""
    best, best_weight = ENGLISH, 0.0
    for part in accept_language[:500].lower().split(","):
        tag, _, parameter = part.strip().partition(";")
        language = {"zh": CHINESE, "en": ENGLISH}.get(tag.split("-")[0])
        weight = _weight(parameter)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
