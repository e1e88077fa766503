"""The user's own rules for the scripted model: what is said, or which tool is called, when a question matches.

A script is JSON: `{"rules": [{"when": "regular expression", "say": "text"}, {"when": "...", "call": {"tool": "name",
"arguments": {...}}, "then": "text, with {result}"}]}`. The first rule that matches wins.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fujie_emulator.core.errors import EmulatorError
from fujie_emulator.llm.request import ToolCall

MAX_FILE = 1 << 20
MAX_RULES = 500
MAX_PATTERN = 200
MAX_MATCHED = 4000
"""A message is cut to this many characters before it is matched; endless backtracking is not caught."""
PART = "llm"
"""The name under which the cloud keeps the script in force."""


class ScriptError(Exception):
    """A script that cannot be used; the message names the place and what would be right."""


@dataclass(frozen=True)
class Rule:
    """One rule: either `say` or `call` is there; `then` follows a call, None leaves the words to the model."""

    when: re.Pattern[str]
    say: str | None = None
    call: ToolCall | None = None
    then: str | None = None

    def matches(self, question: str) -> bool:
        """Tell whether the rule is meant for this question."""
        return self.when.search(question[:MAX_MATCHED]) is not None


@dataclass(frozen=True)
class Script:
    """Rules in the order in which they are tried."""

    rules: tuple[Rule, ...] = ()


NO_SCRIPT = Script()


def read_script(path: Path) -> Script:
    """Return the script in a file; raise EmulatorError with one sentence when it cannot be used."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
        return script_from_json(json.loads(content if len(content) <= MAX_FILE else b""))
    except OSError as error:
        raise EmulatorError(f"The model's script {path} cannot be read: {error.strerror}.") from error
    except ScriptError as error:
        raise EmulatorError(f"The model's script {path} cannot be used: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise EmulatorError(f"The model's script {path} is not JSON of at most {MAX_FILE} bytes.") from error


def script_from_json(document: Any) -> Script:
    """Return the script in a JSON value; raise ScriptError naming the rule that is wrong."""
    if not isinstance(document, dict) or set(document) != {"rules"} or not isinstance(document["rules"], list):
        raise ScriptError('a script is an object {"rules": [...]}')
    if len(document["rules"]) > MAX_RULES:
        raise ScriptError(f"rules: at most {MAX_RULES} are taken")
    return Script(tuple(_rule(rule, f"rules[{index}]") for index, rule in enumerate(document["rules"])))


def _rule(rule: Any, place: str) -> Rule:
    if not isinstance(rule, dict):
        raise ScriptError(f"{place} must be an object")
    try:
        json.dumps(rule, ensure_ascii=False, allow_nan=False).encode()  # the model's answers repeat it
    except ValueError as error:
        raise ScriptError(f"{place} must hold no NaN, no infinity and no half of a character") from error
    if unknown := sorted(set(rule) - {"when", "say", "call", "then"}):
        raise ScriptError(f"{place} has the unknown field {unknown[0][:64]!r}")
    if ("say" in rule) == ("call" in rule):
        raise ScriptError(f"{place} must have either say or call")
    if "then" in rule and "call" not in rule:
        raise ScriptError(f"{place}.then needs a call to follow")
    for name in {"say", "then"} & set(rule):
        if not isinstance(rule[name], str) or not rule[name]:
            raise ScriptError(f"{place}.{name} must be a text")
    call = _call(rule["call"], f"{place}.call") if "call" in rule else None
    return Rule(_pattern(rule.get("when"), f"{place}.when"), rule.get("say"), call, rule.get("then"))


def _pattern(value: Any, place: str) -> re.Pattern[str]:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_PATTERN:
        raise ScriptError(f"{place} must be a regular expression of 1 to {MAX_PATTERN} characters")
    try:
        return re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ScriptError(f"{place} is not a regular expression: {error}") from error


def _call(value: Any, place: str) -> ToolCall:
    if not isinstance(value, dict) or not set(value) <= {"tool", "arguments"}:
        raise ScriptError(f"{place} must be an object with tool and arguments")
    if not isinstance(value.get("tool"), str) or not value["tool"]:
        raise ScriptError(f"{place}.tool must be the name of a tool")
    arguments: Mapping[str, Any] = value.get("arguments", {})
    if not isinstance(arguments, dict):
        raise ScriptError(f"{place}.arguments must be an object")
    return ToolCall(value["tool"], arguments)
