"""OpenAI's door: chat completions and models, under the two prefixes in use."""

from dataclasses import dataclass

from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.openai_errors import failed, refused
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import Events, fold_events, stream_events
from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import RunEvent
from fujie.protocols.openai_chat.encode import Completion, Encoder, completion_text, models_list
from fujie.protocols.openai_chat.request import chat_request
from fujie.telemetry import bind

PREFIXES = ("/openai/v1", "/v1")


def routes(served: Served) -> list[Route]:
    """Return the routes under each prefix."""
    chat, models = Chat(served), Models(served)
    return [
        route
        for prefix in PREFIXES
        for route in (
            Route("POST", f"{prefix}/chat/completions", chat, refused),
            Route("GET", f"{prefix}/models", models, refused),
        )
    ]


@dataclass(frozen=True)
class Chat:
    """`POST .../chat/completions?sessionId=`: one run, as chunks or as one object."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        served = self.served
        principal = await served.inbound.admit(request.headers)
        body = await request.body(served.config.max_body_bytes)
        asked = chat_request(body, request.query.get("sessionId"))
        model = asked.model or served.name
        run = await served.runs.start(principal, asked.run)
        with bind(run_id=run.id, user_id=run.user.id):
            events: Events[RunEvent] = served.runs.flow(run, principal.act)
            if asked.stream:
                await stream_events(request, send, events, Encoder(model, include_usage=asked.include_usage))
                return
            completion = Completion(model)
            if await fold_events(request, events, completion.feed):
                await answer(send, _whole(completion))


@dataclass(frozen=True)
class Models:
    """`GET .../models`: the agent, by its name."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError."""
        await self.served.inbound.only_verify(request.headers)
        await answer(send, Answer(200, compact(models_list(self.served.name)).encode()))


def _whole(completion: Completion) -> Answer:
    whole = completion.end()
    if error := whole.get("error"):
        return failed(error["code"], error["message"])
    return Answer(200, completion_text(whole).encode())
