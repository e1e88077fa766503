"""The scripted model: which call or answer follows from a request. It has no state of its own."""

import re
from dataclasses import dataclass

from fujie_emulator.llm.matching import Missing, generic_call
from fujie_emulator.llm.questions import examples, known_calls
from fujie_emulator.llm.request import ChatRequest, ToolCall
from fujie_emulator.llm.results import failure_of
from fujie_emulator.llm.script import NO_SCRIPT, Rule, Script
from fujie_emulator.llm.sentences import clauses, language_of
from fujie_emulator.llm.wording import answer, cannot_help, needs_values

MODEL = "scripted"
WORD_PAUSE_S = 0.015
"""Between chunks of an answer, so that one can see it stream."""
COUNT_PAUSE_S = 0.05
COUNT_LIMIT = 1200
"""A minute of counting is long enough to press Stop."""
_WIDE = r"\u3000-\u9fff\uff00-\uffef"
_CHUNK = re.compile(rf"\s*(?:[{_WIDE}]{{1,2}}|[^\s{_WIDE}]+)|\s+$")
_COUNT = re.compile(r"(?:\bcount\s+(?:up\s+)?to|数到)\s*(\d{1,6})", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """What the model says: a call, or words in chunks with a pause before each."""

    call: ToolCall | None = None
    chunks: tuple[str, ...] = ()
    pause_s: float = WORD_PAUSE_S

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.chunks)


def reply_to(request: ChatRequest, script: Script = NO_SCRIPT) -> Reply:
    """Return the reply that the rules give to `request`, those of `script` first."""
    for rule in script.rules:
        if _applies(rule, request) and rule.matches(request.question):
            return _scripted(rule, request)
    language = language_of(request.question)
    counted = _COUNT.search(request.question)
    if counted:
        return _counting(int(counted.group(1)))
    failed = any(failure_of(result.content) for result in request.results)
    plan = _plan(request)
    if not failed and len(request.results) < len(plan):
        return Reply(call=plan[len(request.results)])
    if request.results:
        return _words(answer(request.results, language))
    return _without_plan(request)


def _applies(rule: Rule, request: ChatRequest) -> bool:
    """Tell whether the rule does what the request allows: words where no call is required, a tool that is offered."""
    if rule.call is None:
        return not request.must_call or bool(request.results)
    known = {tool.name for tool in request.tools} | {result.call.name for result in request.results}
    return rule.call.name in known


def _scripted(rule: Rule, request: ChatRequest) -> Reply:
    if rule.say is not None:
        return _words(rule.say)
    if not request.results:
        return Reply(call=rule.call)
    if rule.then is None or any(failure_of(result.content) for result in request.results):
        return _words(answer(request.results, language_of(request.question)))
    return _words(rule.then.replace("{result}", request.results[-1].content))


def _plan(request: ChatRequest) -> tuple[ToolCall, ...]:
    offered = frozenset(tool.name for tool in request.tools)
    plan: tuple[ToolCall, ...] = ()
    for clause in clauses(request.question):
        plan += known_calls(clause, offered, plan)
    if plan:
        return plan
    fitting = generic_call(request.question, request.tools)
    return (fitting,) if isinstance(fitting, ToolCall) else ()


def _without_plan(request: ChatRequest) -> Reply:
    language = language_of(request.question)
    fitting = generic_call(request.question, request.tools, insist=request.must_call)
    if isinstance(fitting, ToolCall):
        return Reply(call=fitting)
    if isinstance(fitting, Missing):
        return _words(needs_values(fitting.tool, fitting.names, language))
    offered = frozenset(tool.name for tool in request.tools)
    known = [tool for tool in request.tools if not examples(frozenset({tool.name}), language)]
    return _words(cannot_help(examples(offered, language), known, language))


def _counting(limit: int) -> Reply:
    numbers = range(1, min(limit, COUNT_LIMIT) + 1)
    return Reply(chunks=tuple(f"{number} " for number in numbers), pause_s=COUNT_PAUSE_S)


def _words(text: str) -> Reply:
    return Reply(chunks=tuple(_CHUNK.findall(text)))
