"""What the tests inside every framework's environment share."""

import json
import os

from fujie.agents.adapters import adapter_for
from fujie.protocols.agentscope.request import request_from_body

MODEL_URL = os.environ["SCRIPTED_MODEL_URL"]
QUESTION = "What is the weather in Hangzhou today?"
PNG = "data:image/png;base64,iVBORw0KGgo="


def request(*messages):
    return request_from_body(json.dumps({"input": list(messages)}).encode())


def text(role, words, **more):
    return {"role": role, "content": [{"type": "text", "text": words}], **more}


def called(call_id):
    data = {"call_id": call_id, "name": "search", "arguments": '{"q": 1}'}
    return {"role": "assistant", "type": "plugin_call", "content": [{"type": "data", "data": data}]}


def returned(call_id, output="found"):
    data = {"call_id": call_id, "name": "search", "output": output}
    return {"role": "tool", "type": "plugin_call_output", "content": [{"type": "data", "data": data}]}


class Heard:
    """The events of one run and what it cost."""

    def __init__(self, framework):
        self.adapter = adapter_for(framework)
        self.events = []

    async def all(self, items):
        async for item in items:
            self.events += self.adapter.hear(item)
        self.events += self.adapter.end()
        return self

    @property
    def kinds(self):
        return [type(event).__name__ for event in self.events]

    def of(self, kind):
        return [event for event in self.events if type(event).__name__ == kind]

    @property
    def text(self):
        return "".join(event.text for event in self.of("TextDelta"))

    @property
    def shape(self):
        """Kinds in order, repetitions of one kind once."""
        kinds = self.kinds
        return [kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind]


ANSWERED = ["ToolCalling", "ToolCalled", "ToolReturned", "TextStarted", "TextDelta", "TextEnded"]
"""The shape of a run that looks something up and says it."""
