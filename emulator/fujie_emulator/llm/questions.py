"""The questions that the model knows by heart, and the calls that answer them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fujie_emulator.llm.request import Language, ToolCall
from fujie_emulator.llm.sentences import CJK, quoted_strings, unquoted

DEFAULT_CITY = "Hangzhou"
DEFAULT_FILE = "notes.txt"
DEFAULT_DOCUMENT = "notes"
DEFAULT_TIME_ZONE = "Asia/Shanghai"

_ZONES = {
    "tokyo": "Asia/Tokyo",
    "东京": "Asia/Tokyo",
    "london": "Europe/London",
    "伦敦": "Europe/London",
    "paris": "Europe/Paris",
    "巴黎": "Europe/Paris",
    "berlin": "Europe/Berlin",
    "柏林": "Europe/Berlin",
    "new york": "America/New_York",
    "纽约": "America/New_York",
    "singapore": "Asia/Singapore",
    "新加坡": "Asia/Singapore",
    "utc": "UTC",
}
_TIME_WORDS = r"(?:today|now|tomorrow|right now|currently|at the moment|this \w+|please)"
_BACK = re.compile(
    r"read (?:it|that|this|the document)(?: back| again)?|读回|读出来|再读|读一遍|再看一?[遍下]|读取回来|并读|读它",
    re.IGNORECASE,
)
_FILE_NAME = re.compile(r"[A-Za-z0-9_][\w\-./]*\.[A-Za-z][A-Za-z0-9]{0,7}", re.ASCII)
_CHINESE_NOISE = re.compile(
    "今天|明天|现在|请问|请|帮我|查询|查一下|查查|看看|看一下|告诉我|一下|的|我想知道|当前|目前"
)


@dataclass(frozen=True)
class Question:
    """One thing the model can do: how it is recognised, which tool does it, and how it is asked for."""

    tool: str
    pattern: re.Pattern[str]
    arguments: Callable[[str], Mapping[str, Any]]
    example: Mapping[Language, str]


def known_calls(clause: str, offered: frozenset[str], before: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    """Return the calls that answer `clause`, of the tools offered; `before` are those planned so far."""
    back = _read_back(clause, offered, before)
    writes = _first_match(_without_back(clause) if back or _BACK.search(clause) else clause, offered)
    if writes is None:
        return back
    followed = _read_back(clause, offered, (writes,)) if _BACK.search(clause) else ()
    return (writes, *followed)


def examples(offered: frozenset[str], language: Language) -> list[str]:
    """Return what can be asked, given the tools offered."""
    return [question.example[language] for question in QUESTIONS if question.tool in offered]


def _first_match(clause: str, offered: frozenset[str]) -> ToolCall | None:
    words = unquoted(clause)
    for question in QUESTIONS:
        if question.tool in offered and question.pattern.search(words):
            return ToolCall(question.tool, question.arguments(clause))
    return None


def _read_back(clause: str, offered: frozenset[str], before: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    written = [call for call in before if call.name == "write_dingtalk_document"]
    if not written or "read_dingtalk_document" not in offered or not _BACK.search(unquoted(clause)):
        return ()
    return (ToolCall("read_dingtalk_document", {"document": written[-1].arguments["document"]}),)


def _without_back(clause: str) -> str:
    return re.sub(r"(?i)[,，]?\s*(?:\band\b|并且?|再)?\s*$", "", _BACK.split(clause)[0])


def _weather(clause: str) -> dict[str, Any]:
    return {"city": _place(clause) or DEFAULT_CITY}


def _place(clause: str) -> str:
    english = re.search(
        rf"\b(?:in|for|at|of)\s+(?:the\s+)?([A-Za-z{CJK}][\w'’.\- ]*?)(?=\s+{_TIME_WORDS}\b|[?？!,，.;；]|$)",
        clause,
        re.IGNORECASE,
    )
    if english and not re.fullmatch(_TIME_WORDS, english.group(1).strip(), re.IGNORECASE):
        return english.group(1).strip()
    chinese = re.search(f"([{CJK}A-Za-z ]+?)(?:的)?(?:天气|气温|温度|现在几点|几点|时间)", clause)
    place = _CHINESE_NOISE.sub("", chinese.group(1)).strip() if chinese else ""
    return "" if re.search(r"[A-Za-z]", place) and language_words(place) > 2 else place


def language_words(text: str) -> int:
    """Return how many Latin words `text` has."""
    return len(re.findall(r"[A-Za-z]+", text))


def _time(clause: str) -> dict[str, Any]:
    named = re.search(r"\b([A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)\b", clause)
    if named:
        return {"time_zone": named.group(1)}
    lowered = clause.lower()
    found = next((zone for place, zone in _ZONES.items() if re.search(_whole(place), lowered)), DEFAULT_TIME_ZONE)
    return {"time_zone": found}


def _whole(place: str) -> str:
    return rf"\b{place}\b" if place.isascii() else place


def _schedule(clause: str) -> dict[str, Any]:
    date = re.search(r"\b\d{4}-\d{2}-\d{2}\b", clause)
    return {"date": date.group()} if date else {}


def _file(clause: str) -> dict[str, Any]:
    quoted = quoted_strings(clause)
    if quoted and quoted[0].strip():
        return {"name": quoted[0].strip()}
    name = _FILE_NAME.search(clause)
    return {"name": name.group() if name else DEFAULT_FILE}


def _instances(clause: str) -> dict[str, Any]:
    region = re.search(r"\b[a-z]{2}-[a-z]+(?:-\d)?\b", clause)
    return {"region": region.group()} if region else {}


def _document_write(clause: str) -> dict[str, Any]:
    document = _document_name(clause)
    texts = [text for text in quoted_strings(clause) if text != document]
    if texts:
        if not document:
            document = texts[1] if len(texts) > 1 else DEFAULT_DOCUMENT
        return {"document": document, "text": texts[0]}
    if document and document in quoted_strings(clause) and len(quoted_strings(clause)) > 1:
        return {"document": document, "text": document}
    return {"document": document or DEFAULT_DOCUMENT, "text": _bare_text(clause)}


def _bare_text(clause: str) -> str:
    patterns = (
        r"(?i)\b(?:write|put|save|add|append|store)\s+(.+?)\s+(?:to|into|in|onto)\s+(?:my\s+|the\s+|a\s+)?(?:dingtalk|document|doc)\b",
        r"(?:写入|写下|写|添加|保存|记录)\s*(.+?)\s*(?:到|进|至|在)\s*(?:我的)?(?:钉钉|文档)",
        r"(?:把|将)\s*(.+?)\s*(?:写入|写到|写进|保存到|添加到|记录到)",
        r"[:：]\s*(.+)$",
        r"(?:中|里)?写[入上下]?\s*(.+)$",
    )
    for pattern in patterns:
        found = re.search(pattern, clause)
        if found:
            return found.group(1).strip()
    return ""


def _document_name(clause: str) -> str:
    quoted = re.search(
        r"(?i)(?:\bdocument\b|\bdoc\b|文档)\s*(?:named|called|titled|名为|叫做?)?\s*"
        r"(?:\"([^\"]+)\"|“([^”]+)”|「([^」]+)」|《([^》]+)》|'([^']+)'|‘([^’]+)’)",
        clause,
    )
    if quoted:
        return next(group for group in quoted.groups() if group).strip()
    bare = re.search(
        r"(?i)(?:\bdocument\b|\bdoc\b|文档)\s*(?:named|called|titled|名为|叫做?)?\s*([^\s\"“”'‘’「《,，.。:：;；!！?？]+)",
        unquoted(clause),
    )
    return _trimmed(bare.group(1)) if bare else ""


def _trimmed(name: str) -> str:
    if name.lower() in {"and", "then", "with", "saying", "please", "that", "in", "on", "back", "content", "contents"}:
        return ""
    return re.sub(r"(?:中写入|里写入|中写|里写|写入|中的|里的|的内容|中|里|内|的|并|吧)+.*$", "", name)


def _document_read(clause: str) -> dict[str, Any]:
    quoted = quoted_strings(clause)
    return {"document": _document_name(clause) or (quoted[0] if quoted else DEFAULT_DOCUMENT)}


def _question(tool: str, pattern: str, arguments: Callable[[str], Mapping[str, Any]], en: str, zh: str) -> Question:
    return Question(tool, re.compile(pattern, re.IGNORECASE), arguments, {"en": en, "zh": zh})


_DOCUMENT = r"(?:ding\s*talk|钉钉|\bdoc(?:ument)?s?\b|文档)"
_WRITE = r"(?:\bwrite\b|\bput\b|\bsave\b|\bappend\b|\bstore\b|\badd\b|写|添加|记录|保存)"

QUESTIONS = (
    _question(
        "write_dingtalk_document",
        rf"{_WRITE}.*{_DOCUMENT}|{_DOCUMENT}.*{_WRITE}",
        _document_write,
        "Write 'hello' to DingTalk document X; read it back",
        '写入"hello"到钉钉文档 X，然后读回来',
    ),
    _question(
        "read_dingtalk_document",
        rf"(?:\bread\b|\bshow\b|\bopen\b|\bwhat\b|\bget\b|读|查看|打开|看|内容).*{_DOCUMENT}|{_DOCUMENT}.*(?:读|内容|写了什么|\bsay)",
        _document_read,
        "Read DingTalk document X",
        "读取钉钉文档 X",
    ),
    _question(
        "get_weather",
        "天气|气温|weather|temperature|forecast",
        _weather,
        "What is the weather in Hangzhou today?",
        "今天天气怎么样？",
    ),
    _question(
        "get_schedule",
        r"日程|行程|今天.*安排|安排.*什么|schedule|calendar|agenda|appointments?\b|meetings?\b",
        _schedule,
        "What is on my schedule today?",
        "我今天的日程安排是什么？",
    ),
    _question(
        "list_ecs_instances",
        r"\becs\b|ECS|云服务器|实例列表|\binstances\b",
        _instances,
        "List my ECS instances",
        "帮我查询我的ECS实例列表",
    ),
    _question(
        "read_oss_file",
        r"\boss\b|OSS|(?:\bread\b|\bshow\b|\bopen\b|\bget\b|读|查看|打开).*(?:\bfiles?\b|文件|\.txt|\.md)",
        _file,
        "Read my OSS file notes.txt",
        "读取我的OSS文件 notes.txt",
    ),
    _question(
        "get_current_time",
        r"几点|什么时间|当前时间|现在.*时间|current time|\bclock\b"
        r"|\btime\b.*\b(?:is it|now|in)\b|what(?:'s| is) the (?:current )?time",
        _time,
        "What time is it?",
        "现在几点了？",
    ),
)
