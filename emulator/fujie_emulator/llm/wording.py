"""Answers in words, in the language of the question, made from what the tools gave back."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fujie_emulator.llm.request import Language, OfferedTool, ToolResult
from fujie_emulator.llm.results import Failure, data_of, failure_of

_NAMES: dict[str, tuple[str, str]] = {
    "get_weather": ("the weather", "天气"),
    "get_schedule": ("your schedule", "您的日程"),
    "read_oss_file": ("your OSS file", "您的 OSS 文件"),
    "get_current_time": ("the current time", "当前时间"),
    "list_ecs_instances": ("your ECS instances", "您的 ECS 实例"),
    "write_dingtalk_document": ("writing the DingTalk document", "写入钉钉文档"),
    "read_dingtalk_document": ("the DingTalk document", "钉钉文档"),
}
_FAILED: dict[str, tuple[str, str]] = {
    "denied": (
        "permission was denied, so nothing was done. Ask again and choose Allow if you change your mind.",
        "您拒绝了授权，所以没有执行任何操作。如果改变主意，请再问一次并选择“允许”。",
    ),
    "expired": (
        "the permission request expired before it was allowed, so nothing was done. Ask again to get a new one.",
        "授权请求在您允许之前已过期，所以没有执行任何操作。请再问一次以获得新的授权请求。",
    ),
    "cancelled": (
        "the permission request was cancelled, so nothing was done. Ask again whenever you like.",
        "授权请求已取消，所以没有执行任何操作。您可以随时再问一次。",
    ),
    "sign_in": (
        "your sign-in has ended. Please sign in again and repeat the question.",
        "您的登录已失效，请重新登录后再问一次。",
    ),
    "not_found": ("it was not found. Please check the name.", "没有找到，请检查名称。"),
    "forbidden": (
        "access was refused by the service. Whoever runs this agent can check its permissions.",
        "服务拒绝了访问。请让管理员检查该智能体的权限。",
    ),
    "unavailable": (
        "the service behind it is down or too slow at the moment. Please try again in a little while.",
        "对应的服务目前不可用或响应过慢，请稍后再试。",
    ),
    "input": (
        "the service did not accept the values. Please check them and ask again.",
        "服务不接受这些参数，请检查后再问一次。",
    ),
    "other": ("the tool failed.", "工具执行失败。"),
}
_WEEKDAYS_ZH = "一二三四五六日"


def answer(results: Sequence[ToolResult], language: Language) -> str:
    """Return the answer that the results give to the question."""
    return "\n\n".join(_one(result, language) for result in results)


def _one(result: ToolResult, language: Language) -> str:
    failure = failure_of(result.content)
    if failure is not None:
        return _failed(result, failure, language)
    data = data_of(result.content)
    wording = _WORDINGS.get(result.call.name)
    words = wording(data, result.call.arguments, language) if wording else None
    return words or shown(data, language)


def _failed(result: ToolResult, failure: Failure, language: Language) -> str:
    pick = 1 if language == "zh" else 0
    what = _NAMES.get(result.call.name, (f"`{result.call.name}`",) * 2)[pick]
    words = _FAILED[failure.kind][pick]
    opening = f"未能完成{what}：{words}" if pick else f"I could not complete this ({what}): {words}"
    told = failure.message if failure.kind not in {"denied", "expired", "cancelled"} else ""
    details = [part[:1].upper() + part[1:].rstrip(".。") for part in (told, failure.repair) if part]
    if not details:
        return opening
    stop = "。" if pick else ". "
    return opening + ("\n\n详情：" if pick else "\n\nDetails: ") + stop.join(details) + stop.strip()


def _weather(data: Any, arguments: Mapping[str, Any], language: Language) -> str | None:
    if not isinstance(data, Mapping):
        return None
    temperature = _first(data, "temperature_c", "temperature", "temp", "temp_c")
    if temperature is None:
        return None
    degrees = re.sub(r"\s*°?\s*[Cc]?$", "", str(temperature))
    city = str(_first(data, "city", "location", "place") or arguments.get("city", ""))
    conditions = str(_first(data, "conditions", "condition", "weather", "description") or "")
    if language == "zh":
        city, conditions = str(data.get("city_zh") or city), str(data.get("conditions_zh") or conditions)
        sky, more = f"{conditions}，" if conditions else "", _more(data, "，湿度 {}%", "，风速 {} 公里/小时")
        return f"{city}现在{sky}气温 {degrees}°C{more}。"
    sky = f"{conditions[:1].lower()}{conditions[1:]} and " if conditions else ""
    return f"It is {sky}{degrees} °C in {city} right now{_more(data, ', humidity {}%', ', wind {} km/h')}."


def _more(data: Mapping[str, Any], humidity: str, wind: str) -> str:
    damp, blow = _first(data, "humidity_percent", "humidity"), _first(data, "wind_kmh", "wind_speed_kmh")
    return (humidity.format(str(damp).rstrip("%")) if damp is not None else "") + (
        wind.format(blow) if blow is not None else ""
    )


def _schedule(data: Any, _: Mapping[str, Any], language: Language) -> str | None:
    entries = _entries(data)
    if entries is None:
        return None
    date = str(data.get("date") or "") if isinstance(data, Mapping) else ""
    if not entries:
        return "您没有安排任何日程。" if language == "zh" else "There is nothing on your schedule."
    heading = (
        (f"您的日程（{date}）：" if date else "您的日程：")
        if language == "zh"
        else f"Your schedule{f' for {date}' if date else ''}:"
    )
    return heading + "\n\n" + "\n".join(f"- {_entry(entry)}" for entry in entries)


def _entry(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    start, end = (
        _first(entry, "time", "start", "from", "at", "start_time"),
        _first(entry, "end", "until", "to", "end_time"),
    )
    title = _first(entry, "title", "summary", "name", "event", "what", "subject", "description")
    place = _first(entry, "place", "location", "where", "room")
    if title is None:
        return ", ".join(f"{key}: {value}" for key, value in entry.items())
    when = f"**{start}{f'–{end}' if end else ''}** " if start else ""
    return f"{when}{title}{f' ({place})' if place else ''}"


def _entries(data: Any) -> list[Any] | None:
    if isinstance(data, list):
        return data
    if isinstance(data, Mapping):
        return next((value for value in data.values() if isinstance(value, list)), None)
    return None


def _time(data: Any, arguments: Mapping[str, Any], language: Language) -> str | None:
    text = _first(data, "now", "time", "datetime", "iso", "local_time") if isinstance(data, Mapping) else data
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    zone = (data.get("time_zone") if isinstance(data, Mapping) else "") or arguments.get("time_zone", "")
    if language == "zh":
        day = _WEEKDAYS_ZH[moment.weekday()]
        date, place = f"{moment.year} 年 {moment.month} 月 {moment.day} 日", f"（{zone}）" if zone else ""
        return f"现在是 {date}星期{day} {moment:%H:%M}{place}。"
    return f"It is {moment:%H:%M} on {moment:%A}, {moment.day} {moment:%B %Y}{f' ({zone})' if zone else ''}."


def _instances(data: Any, _: Mapping[str, Any], language: Language) -> str | None:
    entries = _entries(data)
    if entries is None:
        return None
    if not entries:
        return "您没有 ECS 实例。" if language == "zh" else "You have no ECS instances."
    heading = f"您有 {len(entries)} 个 ECS 实例：" if language == "zh" else f"You have {len(entries)} ECS instances:"
    return f"{heading}\n\n{shown(entries, language)}"


def _file(data: Any, arguments: Mapping[str, Any], language: Language) -> str | None:
    text = _text(data)
    if text is None:
        return None
    name = arguments.get("name", "")
    return (f"文件 {name} 的内容：" if language == "zh" else f"Here is {name}:") + f"\n\n{_block(text)}"


def _document(data: Any, arguments: Mapping[str, Any], language: Language) -> str | None:
    text = _text(data)
    if text is None:
        return None
    name = arguments.get("document", "")
    return (
        f"钉钉文档 {name} 的内容是：" if language == "zh" else f"DingTalk document {name} says:"
    ) + f"\n\n{_block(text)}"


def _written(_: Any, arguments: Mapping[str, Any], language: Language) -> str:
    name, text = arguments.get("document", ""), arguments.get("text", "")
    return (
        f"已将“{text}”写入钉钉文档 {name}。" if language == "zh" else f"I wrote “{text}” to DingTalk document {name}."
    )


def _text(data: Any) -> str | None:
    if isinstance(data, str):
        return data
    found = _first(data, "text", "content", "body") if isinstance(data, Mapping) else None
    return found if isinstance(found, str) else None


def _block(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines()) or "> "


def _first(data: Mapping[str, Any], *names: str) -> Any:
    return next((data[name] for name in names if data.get(name) is not None), None)


def shown(data: Any, language: Language) -> str:
    """Return any data as markdown: a table for a list of objects, bullets for an object or a list, text otherwise."""
    if isinstance(data, list):
        return _table(data) if data and all(isinstance(item, Mapping) for item in data) else _bullets(data, language)
    if isinstance(data, Mapping):
        return "\n".join(_field(str(key), value, language) for key, value in data.items()) or _nothing(language)
    if data is None or data == "":
        return _nothing(language)
    return str(data)


def _field(key: str, value: Any, language: Language) -> str:
    name = key.replace("_", " ")
    if isinstance(value, list | Mapping) and value:
        return f"\n**{name}**\n\n{shown(value, language)}"
    return f"- **{name}**: {'' if value is None else value}"


def _bullets(items: Sequence[Any], language: Language) -> str:
    return "\n".join(f"- {item}" for item in items) or _nothing(language)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows])


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str("" if value is None else value)
    return text.replace("|", "\\|").replace("\n", " ")


def _nothing(language: Language) -> str:
    return "没有数据。" if language == "zh" else "There is no data."


def cannot_help(can_ask: Sequence[str], others: Sequence[OfferedTool], language: Language) -> str:
    """Return what the model says when nothing fits: first of all that it is scripted."""
    lines = [f"- {example}" for example in can_ask]
    lines += [f"- {_told(tool)}" for tool in others]
    if language == "zh":
        words = "我是脚本模型，只能按固定的规则回答，不能自由对话。"
        return f"{words}您可以这样问我：\n\n" + "\n".join(lines) if lines else f"{words}这次请求没有提供我会用的工具。"
    words = "I am a scripted model: I follow fixed rules and cannot hold a free conversation."
    return (
        f"{words} You can ask me:\n\n" + "\n".join(lines)
        if lines
        else f"{words} This request offers no tool that I know how to use."
    )


def needs_values(tool: OfferedTool, names: Sequence[str], language: Language) -> str:
    """Return a question back to the user: the tool fits, but these values are missing."""
    listed = ", ".join(f"`{name}`" for name in names)
    if language == "zh":
        return f"我是脚本模型。要使用 `{tool.name}`，还需要 {listed}，请用“名称=值”的形式补充。"
    return f"I am a scripted model. To use `{tool.name}` I still need {listed}: please add it as name=value."


def _told(tool: OfferedTool) -> str:
    summary = tool.description.strip().split("\n")[0]
    return f"`{tool.name}`{f': {summary}' if summary else ''}"


_WORDINGS: dict[str, Callable[[Any, Mapping[str, Any], Language], str | None]] = {
    "get_weather": _weather,
    "get_schedule": _schedule,
    "get_current_time": _time,
    "list_ecs_instances": _instances,
    "read_oss_file": _file,
    "read_dingtalk_document": _document,
    "write_dingtalk_document": _written,
}
