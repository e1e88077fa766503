"""What the tests inside every framework's environment share."""

import json
import os
from datetime import UTC, datetime, timedelta

from fujie.agents.adapters import adapter_for
from fujie.agents.app import AgentApp
from fujie.agents.port import Principal
from fujie.agents.transient import TransientRuns
from fujie.identity.errors import OwnAuthorizationRequired
from fujie.identity.links import Link, met
from fujie.identity.rows import User
from fujie.permission import ConsentRequest
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


class Permission:
    """What a tool needs that its user has to allow first; whoever asks for it meets that, as with an own identity."""

    def __init__(self):
        self.is_given, self.link = False, None

    def need(self):
        """Return at once, or raise what the user is to allow."""
        if self.is_given:
            return
        ends = datetime.now(UTC) + timedelta(minutes=5)
        self.link = Link("urn:session", ends, self._open)
        asked = ConsentRequest(
            "", "weather", "Weather", (), "", "", "https://cloud.example/authorize", ends.isoformat()
        )
        required = OwnAuthorizationRequired(asked, session_uri="urn:session", expires_at=ends, link=self.link)
        met(required)
        raise required

    async def _open(self):
        return "open"

    async def asked_over_a_pause(self, framework, function):
        """Return the kinds of the events before the grant, and after it, of a run of a query function."""
        app = AgentApp("Friday")
        app.query(framework=framework)(function)
        runs = TransientRuns(app.own.runner, agent="Friday", timeout_s=60.0)
        principal = Principal(User("default", "1", "alice"), "")
        run = await runs.start(principal, request(text("user", QUESTION)))
        before = [event async for event in runs.execute(run)]
        self.is_given = True
        self.link.listeners[0]()
        everything = [event async for event in runs.watch(run.id, principal.user)]
        await runs.close()
        return [[type(event).__name__ for event in part] for part in (before, everything[len(before) :])]
