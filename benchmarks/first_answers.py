"""How long a person waits for a function that has just been started anew: each one's first answer beside its next.

Every answer is a real one, for a signed-in person of a whole stack, over its one origin: chat tells who he is, process
lets the shipped agent say its first word, tool has called a tool with his credential, callback shows what he is asked.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.harness import Row, row
from benchmarks.startup import ask


def first_answers(turns: int) -> list[Row]:
    """Return a row for each function, from the order to replace its instances to the first answer of the new one."""
    from tests.e2e.person import Person
    from tests.e2e.running import RunningStack

    with tempfile.TemporaryDirectory() as directory:
        stack = RunningStack(directory).start()
        try:
            return [_row(stack, name, put, turns) for name, put in _questions(Person(stack, "alice").sign_in()).items()]
        finally:
            stack.stop()


def _questions(person: Any) -> dict[str, Callable[[], object]]:
    """Return for each function what only it can answer; each is put once, so that the others are warm."""
    [asked] = person.ask("Write 'hello' to my DingTalk document").consents
    questions: dict[str, Callable[[], object]] = {
        "chat": person.me,
        "process, the shipped agent": lambda: ask(person.http, person.stack.url),
        "tool": lambda: person.ask_tool("What is the weather in Hangzhou today?", "get_weather").tools[0],
        "callback": lambda: person.open(asked["connect_url"]).raise_for_status(),
    }
    for put in questions.values():
        put()
    return questions


def _row(stack: Any, name: str, put: Callable[[], object], turns: int) -> Row:
    cold, warm = [], []
    for _ in range(turns):
        began = time.perf_counter()
        stack.admin("POST", f"functions/{name.partition(',')[0]}/restart")
        put()
        cold.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        put()
        warm.append((time.perf_counter() - began) * 1000)
    answers = statistics.median(cold), statistics.median(warm)
    return row(f"cold first answer of {name}", "ms", *answers, "its next answer", None)
