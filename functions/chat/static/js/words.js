// Every string of the page, in both languages.

import { signal } from "../vendor/signals.js";

export const WORDS = {
  en: {
    name: "English",
    tagline: ["An agent that acts for you,", "with your own consent"],
    about: "Ask in your own words. The agent calls the tools it needs with your permission, shows you which credential each call used, and stops to ask before it touches an account for the first time.",
    point1: ["Your name, your consent", "It signs in as nobody but you, and only where you said yes."],
    point2: ["Nothing hidden", "Every call shows its tool, arguments, result and credential."],
    point3: ["It waits without running", "While you decide, nothing runs and nothing is held open."],
    signIn: "Sign in", signOut: "Sign out", signInHint: "With your Alibaba Cloud account",
    language: "Language", newChat: "New chat", chats: "Conversations", noChats: "Your conversations appear here.", untitled: "Untitled",
    hello: (name) => `Hello ${name}, what shall I do for you?`, tryThese: "For example", canDo: "What I can do",
    message: "Message", placeholder: "Ask something…", send: "Send", stop: "Stop", hint: "Enter sends, Shift+Enter begins a new line",
    waitingHint: "Answer or cancel the permission above to go on.",
    you: "You", agent: "Agent", thinking: "Thinking…", copy: "Copy", copied: "Copied", retry: "Try again", loading: "Loading…",
    canceled: "Stopped.",
    tool: "Tool", args: "Arguments", result: "Result", details: "Details",
    status: { running: "Running", waiting: "Waiting for permission", ok: "Done", error: "Failed", stopped: "Not run" },
    seconds: (s) => `${s} s`, ms: (n) => `${n} ms`,
    credential: { api_key: "API key", oauth: "OAuth", sts: "Temporary key (STS)" },
    forUser: (name) => `for ${name}`, until: (time) => `until ${time}`, noEnd: "no expiry",
    consentTitle: "Permission needed", provider: "Provider", scopes: "It will be able to", reason: "Why",
    review: "Review and allow", cancel: "Cancel", idle: "Waiting for you; nothing is running",
    expires: "Expires in", overdue: "Time is over",
    outcome: { completed: "Allowed", denied: "Denied", expired: "Expired", cancelled: "Cancelled" },
    outcomeText: { completed: "Thank you. The answer goes on.", denied: "Nothing was shared.", expired: "Nobody answered in time; nothing was shared.", cancelled: "No longer needed." },
    error: {
      default: "Something went wrong", sign_in_again: "Your session has ended. Sign in again to go on.", conflict: "This conversation is still busy with a question, perhaps from another window. Reload the page to see it.",
      agent_unavailable: "The agent does not answer right now.", too_large: "The message is too long: at most 20,000 characters.", forbidden: "This belongs to someone else.",
      not_found: "There is no such conversation.", offline: "The connection was lost.", forged_request: "This page is out of date. Reload it.", lost: "What ran this is gone, and nothing more comes of it.",
      outcome_unknown: "The outcome is unknown: what was at work is gone, and may have taken effect. Look before you ask again.",
    },
    accounts: "Connected accounts", accountsAbout: "What you have allowed the agent to do for you elsewhere. Whatever you withdraw, it has to ask you for again.",
    noAccounts: "Nothing yet. When the agent needs an account of yours, it asks you first, and what you allow appears here.",
    can: "It can", since: "Allowed", lastUse: "Last used", neverUsed: "Not yet", withdraw: "Withdraw", keep: "Keep it",
    withdrawSure: (name) => `The agent will no longer use ${name} for you unless you allow it again.`, withdrawn: (name) => `Withdrawn: ${name}. The agent uses it no more; to make ${name} itself forget it, take it back there, too.`, revoked: (name) => `Withdrawn: ${name}. ${name} has been told, and accepts it no more.`,
    samples: ["What is the weather in Hangzhou today?", "What is on my schedule today?", "Read my OSS file notes.txt", "What time is it?", "List my ECS instances", "Write 'hello' to DingTalk document X"],
  },
  zh: {
    name: "中文",
    tagline: ["经您授权、", "代您行事的智能体"],
    about: "用您自己的话提问。智能体在您的许可下调用所需的工具，展示每次调用使用了哪种凭证；第一次访问某个账号之前，会先停下来征求您的同意。",
    point1: ["以您之名，经您同意", "只以您的身份行事，只做您答应过的事。"],
    point2: ["一切可见", "每次调用都展示工具、参数、结果与凭证。"],
    point3: ["等待时不运行", "在您决定期间，没有任何程序在运行或占用。"],
    signIn: "登录", signOut: "退出登录", signInHint: "使用您的阿里云账号",
    language: "语言", newChat: "新对话", chats: "对话列表", noChats: "您的对话会显示在这里。", untitled: "未命名",
    hello: (name) => `${name}，您好，需要我做什么？`, tryThese: "例如", canDo: "我能做的事",
    message: "消息", placeholder: "请输入问题…", send: "发送", stop: "停止", hint: "回车发送，Shift+回车换行",
    waitingHint: "请先处理或取消上面的授权请求。",
    you: "您", agent: "智能体", thinking: "思考中…", copy: "复制", copied: "已复制", retry: "重试", loading: "加载中…",
    canceled: "已停止。",
    tool: "工具", args: "参数", result: "结果", details: "详情",
    status: { running: "运行中", waiting: "等待授权", ok: "完成", error: "失败", stopped: "未执行" },
    seconds: (s) => `${s} 秒`, ms: (n) => `${n} 毫秒`,
    credential: { api_key: "API 密钥", oauth: "OAuth 授权", sts: "临时凭证 (STS)" },
    forUser: (name) => `代表 ${name}`, until: (time) => `有效至 ${time}`, noEnd: "长期有效",
    consentTitle: "需要授权", provider: "服务方", scopes: "授权后可以", reason: "原因",
    review: "查看并授权", cancel: "取消", idle: "正在等待您；没有任何程序在运行",
    expires: "剩余时间", overdue: "已超时",
    outcome: { completed: "已授权", denied: "已拒绝", expired: "已过期", cancelled: "已取消" },
    outcomeText: { completed: "谢谢，回答将继续。", denied: "没有共享任何内容。", expired: "未在有效期内处理，没有共享任何内容。", cancelled: "不再需要。" },
    error: {
      default: "出错了", sign_in_again: "会话已结束，请重新登录后继续。", conflict: "该对话仍在处理一个问题，可能来自另一个窗口。刷新页面即可看到。",
      agent_unavailable: "智能体暂时没有响应。", too_large: "消息过长：最多 20,000 个字符。", forbidden: "这不属于您。",
      not_found: "没有这个对话。", offline: "连接已中断。", forged_request: "页面已过时，请刷新。", lost: "执行该任务的进程已不在，不会再有结果。",
      outcome_unknown: "结果未知：执行该任务的进程已不在，操作可能已经生效。请先查看，再决定是否重新提问。",
    },
    accounts: "已授权账户", accountsAbout: "您允许智能体在其他服务中代您进行的操作。撤销后，下次使用前必须重新征得您的同意。",
    noAccounts: "暂无授权。智能体需要使用您的账户时会先征求您的同意，您允许的内容会显示在这里。",
    can: "可以", since: "授权时间", lastUse: "最近使用", neverUsed: "尚未使用", withdraw: "撤销", keep: "保留",
    withdrawSure: (name) => `除非您再次授权，智能体将不再代您使用${name}。`, withdrawn: (name) => `已撤销：${name}。智能体不再使用它；如需让${name}也取消授权，请在该服务中一并撤销。`, revoked: (name) => `已撤销：${name}。已通知${name}，原授权不再有效。`,
    samples: ["今天天气怎么样？", "我今天的日程安排是什么？", "读取我的OSS文件", "现在几点了？", "帮我查询我的ECS实例列表", "写入\"hello\"到钉钉文档 X"],
  },
};

const saved = /(?:^|; )fujie_lang=(zh|en)/.exec(document.cookie)?.[1];
export const language = signal(saved ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
export const t = () => WORDS[language.value];

export function speak(code) {
  language.value = code;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `fujie_lang=${code}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

export const day = (iso) => new Date(iso).toLocaleString(language.value === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "short" });
export const clockTime = (iso) => new Date(iso).toLocaleTimeString(language.value === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit" });
export const errorWords = (error) => t().error[error?.code] ?? [t().error.default, error?.message].filter(Boolean).join(language.value === "zh" ? "：" : ": ");
