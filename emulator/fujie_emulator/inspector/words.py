"""The page's words, in English and Chinese."""

from collections.abc import Mapping

LANGUAGES = ("en", "zh")
_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Emulated cloud", "模拟云"),
    "lead": (
        "What this account holds and what was asked of it. Nothing here can be changed, and no secret is shown.",
        "此账号拥有的资源，以及收到的请求。此页面只读，不显示任何密钥。",
    ),
    "account": ("Account", "账号"),
    "region": ("Region", "地域"),
    "address": ("Address", "地址"),
    "clock": ("Clock", "时钟"),
    "ahead": ("{} ahead of real time", "比真实时间快 {}"),
    "behind": ("{} behind real time", "比真实时间慢 {}"),
    "contents": ("On this page", "本页内容"),
    "identities": ("Workload identities", "工作负载身份"),
    "identity_providers": ("Identity providers", "身份提供商"),
    "providers": ("Credential providers", "凭证提供商"),
    "roles": ("Roles", "角色"),
    "vault": ("Token vault", "令牌库"),
    "sessions": ("Consent sessions", "授权会话"),
    "requests": ("Recent requests", "最近的请求"),
    "counts": ("Everything kept", "全部数据"),
    "none": ("None yet.", "暂无。"),
    "name": ("Name", "名称"),
    "identity_provider": ("Identity provider", "身份提供商"),
    "role": ("Role", "角色"),
    "binding": ("Session binding", "会话绑定"),
    "return_urls": ("Return URLs", "回跳地址"),
    "discovery": ("Discovery URL", "发现地址"),
    "audience": ("Audience", "受众"),
    "kind": ("Kind", "类型"),
    "vendor": ("Vendor", "厂商"),
    "flow": ("Flow", "流程"),
    "secret": ("Secret", "密钥"),
    "policies": ("Policies", "权限策略"),
    "trusts": ("Trusts", "信任"),
    "provider": ("Provider", "提供商"),
    "user": ("User", "用户"),
    "scopes": ("Scopes", "权限范围"),
    "until": ("Until", "有效期至"),
    "refresh": ("Refreshable", "可刷新"),
    "token": ("Token", "令牌"),
    "session": ("Session", "会话"),
    "identity": ("Identity", "身份"),
    "status": ("Status", "状态"),
    "time": ("Time", "时间"),
    "request": ("Request", "请求"),
    "caller": ("Caller", "调用者"),
    "answer": ("Answer", "响应"),
    "decision": ("Decision", "鉴权结果"),
    "statement": ("The statement that decided", "起决定作用的语句"),
    "silent": ("no statement spoke", "没有匹配的语句"),
    "all": ("All", "全部"),
    "refused": ("Refused only", "仅失败"),
    "service": ("Service", "服务"),
    "number": ("Number", "数量"),
    "dropped": ("dropped", "已断开"),
}


def words_in(language: str) -> Mapping[str, str]:
    """Return all words in `en` or `zh`."""
    return {name: pair[LANGUAGES.index(language)] for name, pair in _WORDS.items()} | {"lang": language}
