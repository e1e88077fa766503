"""Every sentence of the consent pages, in both languages."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["zh", "en"]

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "product": "Fujie",
        "connect_title": "Allow access?",
        "connect_lead": "The agent asks to use your {provider} account for you.",
        "agent": "Who asks",
        "agent_name": "Fujie",
        "agent_description": "Acts for you, with your own consent.",
        "signed_in_as": "Signed in as",
        "provider": "Provider",
        "scopes": "It will be able to",
        "tool": "Tool",
        "reason": "Why now",
        "valid": "This link is valid for",
        "minutes": "{n} min, until {at}",
        "less_than_a_minute": "less than a minute, until {at}",
        "next_host": "You will continue at",
        "next_hint": "Check that the address bar shows exactly this host before you enter anything.",
        "allow": "Allow",
        "deny": "Deny",
        "promise": "The permission stays with you: the model never sees a password or a token.",
        "back": "Back to the chat",
        "retry": "Try again",
        "done_title": "Allowed",
        "done_text": "{provider} is connected. The answer goes on in the chat by itself; you can close this tab.",
        "done_before_title": "Answered already",
        "done_before_text": "This link works once, and it has served. The chat knows how it went on: close this tab.",
        "denied_title": "Denied",
        "denied_text": "Nothing was shared with {provider}. The chat goes on without it; you can close this tab.",
        "expired_title": "This link has expired",
        "expired_text": "Nothing was shared. Ask your question again in the chat to get a new link.",
        "used_title": "This link was already used",
        "used_text": "It works once. If you still need it, ask your question again in the chat.",
        "cancelled_title": "No longer needed",
        "cancelled_text": "The question was cancelled, so nothing was shared.",
        "elsewhere_title": "Asked in another browser",
        "elsewhere_text": "You were asked for this permission in another browser, or before you signed in again. "
        "Allow it there, or ask your question again in the chat. Give nobody the address of this page.",
        "foreign_title": "This link is not for you",
        "foreign_text": "Someone else was asked for this permission. Nothing was stored or shared. "
        "If this surprises you, give nobody the address of this page: close the tab, "
        "and take back at the provider what you allowed there.",
        "missing_title": "No such link",
        "missing_text": "Check that the whole link was copied, or ask your question again in the chat.",
        "forged_title": "Please start from the chat",
        "forged_text": "This request did not come from our own page, so nothing was done.",
        "signed_out_title": "You are not signed in",
        "signed_out_text": "The permission can only be completed in the browser session that began it. "
        "Sign in, then ask your question again in the chat. If somebody sent you here, "
        "give nobody the address of this page: close the tab.",
        "malformed_title": "Something is missing",
        "malformed_text": "The address you came back with is not complete. Nothing was stored; "
        "open the link in the chat once more.",
        "upstream_title": "The provider does not answer",
        "upstream_text": "Your permission could not be completed just now. Nothing is lost: try again in a moment.",
        "unsure_title": "No word from the provider yet",
        "unsure_text": "Your permission may or may not have arrived. Go back to the chat: the agent looks, "
        "and asks you once more if it has to.",
        "refused_title": "The provider said no",
        "refused_text": "The permission could not be completed. Open the link in the chat once more, or deny it there.",
        "sign_in_again_title": "Your sign-in has ended",
        "sign_in_again_text": "Sign in again, then ask your question once more.",
        "error_title": "Something went wrong",
        "error_text": "This is our fault, not yours. Nothing was shared. Try again in a moment.",
    },
    "zh": {
        "product": "符节",
        "connect_title": "是否授权访问？",
        "connect_lead": "智能体请求代表您使用您的 {provider} 账号。",
        "agent": "请求方",
        "agent_name": "符节",
        "agent_description": "经您授权，代您行事。",
        "signed_in_as": "当前登录",
        "provider": "服务方",
        "scopes": "授权后可以",
        "tool": "工具",
        "reason": "为何需要",
        "valid": "链接有效期",
        "minutes": "还有 {n} 分钟，至 {at}",
        "less_than_a_minute": "不到一分钟，至 {at}",
        "next_host": "接下来将前往",
        "next_hint": "输入任何信息之前，请确认地址栏显示的正是这个域名。",
        "allow": "允许",
        "deny": "拒绝",
        "promise": "权限始终属于您：模型看不到任何密码或令牌。",
        "back": "返回对话",
        "retry": "重试",
        "done_title": "已授权",
        "done_text": "已连接 {provider}。对话会自动继续，您可以关闭此页面。",
        "done_before_title": "此前已答复",
        "done_before_text": "每个链接只能使用一次，此链接已经使用过。后续情况请查看对话，您可以关闭此页面。",
        "denied_title": "已拒绝",
        "denied_text": "没有向 {provider} 共享任何内容。对话会继续，您可以关闭此页面。",
        "expired_title": "链接已过期",
        "expired_text": "没有共享任何内容。请在对话中重新提问以获取新链接。",
        "used_title": "链接已被使用",
        "used_text": "每个链接只能使用一次。如仍需要，请在对话中重新提问。",
        "cancelled_title": "不再需要授权",
        "cancelled_text": "该问题已被取消，没有共享任何内容。",
        "elsewhere_title": "请求来自另一个浏览器",
        "elsewhere_text": "这项授权是在另一个浏览器中，或在您重新登录之前向您请求的。"
        "请在那里处理，或在对话中重新提问。请勿将本页地址告诉他人。",
        "foreign_title": "此链接不属于您",
        "foreign_text": "这项授权是向其他人请求的。没有保存或共享任何内容。"
        "若您感到意外，请勿将本页地址交给任何人：请关闭页面，并在服务方撤销您刚才的授权。",
        "missing_title": "链接不存在",
        "missing_text": "请确认链接已完整复制，或在对话中重新提问。",
        "forged_title": "请从对话中开始",
        "forged_text": "该请求并非来自我们的页面，因此没有执行任何操作。",
        "signed_out_title": "您尚未登录",
        "signed_out_text": "授权只能在发起它的浏览器会话中完成。请先登录，再在对话中重新提问。"
        "如果是别人让您来到这里，请勿将本页地址交给任何人，直接关闭页面即可。",
        "malformed_title": "缺少必要信息",
        "malformed_text": "返回的地址不完整。没有保存任何内容，请再次打开对话中的链接。",
        "upstream_title": "服务方没有响应",
        "upstream_text": "暂时无法完成授权。一切都还在：请稍后重试。",
        "unsure_title": "尚未收到服务方的确认",
        "unsure_text": "授权可能已经生效，也可能没有。请返回对话：智能体会查看结果，如有需要会再次请求授权。",
        "refused_title": "服务方拒绝了请求",
        "refused_text": "无法完成授权。请再次打开对话中的链接，或在那里拒绝。",
        "sign_in_again_title": "登录已失效",
        "sign_in_again_text": "请重新登录，然后再次提问。",
        "error_title": "出错了",
        "error_text": "这是我们的问题。没有共享任何内容，请稍后重试。",
    },
}


def language_of(cookie: str | None, accept_language: str) -> Language:
    """Return the language of the page: the UI's own choice, else the first that the browser accepts and we speak."""
    if cookie == "zh":
        return "zh"
    if cookie == "en":
        return "en"
    for item in accept_language.lower().split(","):
        tag = item.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "en"
