"""A rule for tools that nobody foresaw: the best matching words pick the tool, the schema's names its arguments."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fujie_emulator.llm.request import OfferedTool, ToolCall
from fujie_emulator.llm.sentences import CJK, quoted_strings, unquoted

_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and any are as at back be by can could did do does for from get give has have hello hi how i in into is
        it its let list look me mine my no not now of on or our out please read say show tell thank thanks that the
        their them then there these they this to today tool up us use using want was we what when where which who why
        will with you your""",
    )
)
_NAME_WEIGHT = 3
_PARAMETER_WEIGHT = 1
_DESCRIPTION_WEIGHT = 1
_ENOUGH = 3
"""One word of the tool's name, or three of its description."""
_AFTER_PREPOSITION = re.compile(
    r"\b(?:in|for|of|about|to|from|with|named|called|on)\s+(?:the\s+|my\s+|a\s+)?"
    r"([\w][\w\-./@]*(?:\s+[A-Z][\w\-]*)*)"
)
_NOT_VALUES = _STOP_WORDS | frozenset({"tomorrow", "yesterday", "everything", "all"})


@dataclass(frozen=True)
class Missing:
    """A tool fits, but the question lacks values that it requires."""

    tool: OfferedTool
    names: tuple[str, ...]


@dataclass
class _Sources:
    """Values that the question holds and no argument has taken yet."""

    question: str
    quoted: list[str]
    numbers: list[str]
    taken: set[str] = field(default_factory=set)


def generic_call(question: str, tools: Iterable[OfferedTool], *, insist: bool = False) -> ToolCall | Missing | None:
    """Return the best fitting tool's call, what it lacks, or None; `insist` takes the best however badly it fits."""
    ranked = sorted(((score(question, tool), tool) for tool in tools), key=lambda pair: -pair[0])
    if not ranked or (ranked[0][0] < _ENOUGH and not insist):
        return None
    tool = ranked[0][1]
    arguments = filled_arguments(question, tool.parameters)
    missing = tuple(name for name in tool.parameters.get("required") or () if name not in arguments)
    if missing and not insist:
        return Missing(tool, missing)
    return ToolCall(tool.name, arguments | dict.fromkeys(missing, question))


def score(question: str, tool: OfferedTool) -> int:
    """Return how well the question's words match the tool's."""
    if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", question):
        return 1000
    asked = _words(unquoted(question)) | _words(question)
    strong = len(asked & _words(tool.name.replace("_", " ")))
    weak = len(asked & (_words(tool.description) - _words(tool.name.replace("_", " "))))
    properties = tool.parameters.get("properties") or {}
    named = len(asked & _words(" ".join(properties).replace("_", " ")))
    listed = len(asked & _words(" ".join(str(value) for each in properties.values() for value in _enum(each))))
    points = _NAME_WEIGHT * strong + _DESCRIPTION_WEIGHT * weak + _PARAMETER_WEIGHT * (named + listed)
    return points + len(_verbs(question) & _verbs(tool.name.replace("_", " "))) if points else 0


def _verbs(text: str) -> set[str]:
    """Return the common words, which tell two fitting tools apart but make none fit."""
    return set(re.findall(r"[a-z]+", text.lower())) & _STOP_WORDS


def filled_arguments(question: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that the question's words give to the schema's properties."""
    sources = _Sources(
        question, quoted_strings(question), re.findall(r"(?<![\w.\-])-?\d+(?:\.\d+)?(?![\w\-])", question)
    )
    properties = {name: _resolved(spec, schema) for name, spec in (schema.get("properties") or {}).items()}
    required = set(schema.get("required") or ())
    ordered = sorted(properties, key=lambda name: (name not in required, list(properties).index(name)))
    arguments: dict[str, Any] = {}
    for rule in (_by_name, _by_kind):
        for name in ordered:
            if name not in arguments and (value := rule(name, properties[name], sources)) is not None:
                arguments[name] = value
    for name in required - set(arguments):
        if "default" in properties.get(name, {}):
            arguments[name] = properties[name]["default"]
    return arguments


def _by_name(name: str, spec: Mapping[str, Any], sources: _Sources) -> Any:
    spoken = re.escape(name).replace("_", "[ _-]")
    quoted = r"\"([^\"]*)\"|'([^']*)'|“([^”]*)”|‘([^’]*)’|「([^」]*)」"
    patterns = (
        rf"(?i)(?<!\w){spoken}\s*(?:[=:：]|\bis\b|是|为)\s*(?:{quoted}|([^\s,，;；。?？]+))",
        rf"(?i)(?<!\w){spoken}\s+(?:{quoted}|([^\s,，;；。?？!]+))",
    )
    for pattern in patterns:
        found = re.search(pattern, sources.question)
        text = next((group for group in found.groups() if group is not None), "") if found else ""
        value = _typed(text.rstrip("."), spec) if text and text.lower() not in _NOT_VALUES else None
        if value is not None:
            sources.taken.add(text.rstrip("."))
            return value
    return None


def _by_kind(name: str, spec: Mapping[str, Any], sources: _Sources) -> Any:
    if choices := _enum(spec):
        return next((choice for choice in choices if _mentions(sources.question, str(choice))), None)
    kind = spec.get("type")
    if kind in {"integer", "number"}:
        return next((_take(text, spec, sources) for text in sources.numbers if text not in sources.taken), None)
    if kind == "array":
        items = [_typed(text, spec.get("items") or {}) for text in sources.quoted if text not in sources.taken]
        return [item for item in items if item is not None] or None
    if kind not in {"string", None}:
        return None
    if spec.get("format") == "date" or name == "date":
        return next(iter(re.findall(r"\d{4}-\d{2}-\d{2}", sources.question)), None)
    return next((_take(text, spec, sources) for text in _candidates(sources) if text not in sources.taken), None)


def _candidates(sources: _Sources) -> Iterator[str]:
    yield from (text for text in sources.quoted if text)
    bare = unquoted(sources.question)
    for text in _AFTER_PREPOSITION.findall(bare):
        if text.lower() not in _NOT_VALUES:
            yield text.rstrip(".")
    yield from re.findall(r"(?<=\s)(?:[A-Z]+[\w]*-?\d+[\w\-]*|[\w]+[-_.]\w[\w\-.]*\w)", bare)
    yield from re.findall(f"(?:在|关于|查询|名为|叫)([{CJK}\\w]+?)(?:的|中|里|[?？。]|$)", bare)


def _take(text: str, spec: Mapping[str, Any], sources: _Sources) -> Any:
    value = _typed(text, spec)
    if value is not None:
        sources.taken.add(text)
    return value


def _typed(text: str, spec: Mapping[str, Any]) -> Any:
    kind = spec.get("type")
    choices = _enum(spec)
    if choices:
        return next((choice for choice in choices if str(choice).lower() == text.lower()), None)
    if kind == "boolean":
        return {"true": True, "yes": True, "是": True, "false": False, "no": False, "否": False}.get(text.lower())
    if kind in {"integer", "number"}:
        return _number(text, whole=kind == "integer")
    if kind == "array":
        items = [_typed(part.strip(), spec.get("items") or {}) for part in text.split(",")]
        return [item for item in items if item is not None]
    return text if kind in {"string", None} else None


def _number(text: str, *, whole: bool) -> int | float | None:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return None


def _resolved(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in spec:
        return (schema.get("$defs") or {}).get(str(spec["$ref"]).rsplit("/", 1)[-1]) or {}
    for option in spec.get("anyOf") or spec.get("oneOf") or ():
        if option.get("type") != "null":
            return {**_resolved(option, schema), **({"default": spec["default"]} if "default" in spec else {})}
    return spec


def _enum(spec: Mapping[str, Any]) -> list[Any]:
    if "const" in spec:
        return [spec["const"]]
    return list(spec.get("enum") or ())


def _mentions(question: str, choice: str) -> bool:
    edge = r"(?<!\w){}(?!\w)" if choice.isascii() else "{}"
    spoken = re.escape(choice).replace("_", "[ _-]")
    return re.search(edge.format(spoken), question, re.IGNORECASE) is not None


def _words(text: str) -> set[str]:
    latin = {_stem(word) for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in _STOP_WORDS}
    runs = re.findall(f"[{CJK}]+", text)
    pairs = {run[index : index + 2] for run in runs for index in range(len(run) - 1)}
    return (latin - {""}) | pairs


def _stem(word: str) -> str:
    for ending in ("ies", "ing", "es", "ed", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
