"""`/llm/v1`: the wire of OpenAI's chat completions and responses; `/llm/api/v1`: DashScope's own.

`/_fujie/llm/script`: the model's own rules.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from fujie_emulator.core.admin import json_body
from fujie_emulator.core.call import Caller
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.journal import fingerprint, note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.llm.dashscope import GenerationAnswer, error_body, generation
from fujie_emulator.llm.errors import LlmError
from fujie_emulator.llm.request import ChatRequest, chat_request, count_tokens
from fujie_emulator.llm.response_answer import ResponseAnswer
from fujie_emulator.llm.response_request import response_request
from fujie_emulator.llm.script import NO_SCRIPT, PART, Script, ScriptError, script_from_json
from fujie_emulator.llm.state import MODEL, Reply, reply_to

MAX_BODY = 8 << 20
"""A conversation that carries its whole history and its tools' schemas stays below this."""

Handler = Callable[[Request], Awaitable[Response]]


def http_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the model's routes."""

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [_model(MODEL)]})

    async def model(request: Request) -> Response:
        if request.path_params["model"] != MODEL:
            raise LlmError(
                f"The model {request.path_params['model']!r} does not exist", status=404, code="model_not_found"
            )
        return JSONResponse(_model(MODEL))

    async def completions(request: Request) -> Response:
        asked = chat_request(await _json(request))
        reply = reply_to(asked, _script(cloud))
        completion = _Completion(f"chatcmpl-{secrets.token_hex(12)}", int(cloud.clock.time()), asked, reply)
        return _streamed(completion.events()) if asked.stream else JSONResponse(completion.whole())

    async def responses(request: Request) -> Response:
        asked = response_request(await _json(request))
        reply = reply_to(asked.chat, _script(cloud))
        response = ResponseAnswer(secrets.token_hex(12), int(cloud.clock.time()), asked, reply)
        return _streamed(response.events()) if asked.chat.stream else JSONResponse(response.whole())

    async def dashscope(request: Request) -> Response:
        asked = generation(await _json(request), request.headers)
        answer = GenerationAnswer(secrets.token_hex(16), asked, reply_to(asked.chat, _script(cloud)))
        return _streamed(answer.events()) if asked.streams else JSONResponse(answer.whole())

    async def script(request: Request) -> Response:
        try:
            taken = script_from_json(await json_body(request))
        except ScriptError as error:
            raise CloudError("InvalidParameter.rules", 400, f"The script cannot be used: {error}.") from error
        cloud.parts[PART] = taken
        return JSONResponse({"rules": len(taken.rules)})

    async def unknown(request: Request) -> Response:
        raise LlmError(
            f"Unknown request URL: {request.method} {request.url.path[:128]}", status=404, code="unknown_url"
        )

    return [
        Route("/llm/v1/models", _guarded(cloud, "models", models)),
        Route("/llm/v1/models/{model}", _guarded(cloud, "models", model)),
        Route("/llm/v1/chat/completions", _guarded(cloud, "chat.completions", completions), methods=["POST"]),
        Route("/llm/v1/responses", _guarded(cloud, "responses", responses), methods=["POST"]),
        *(
            Route(
                f"/llm/api/v1/services/aigc/{kind}/generation",
                _guarded(cloud, "generation", dashscope, error_body),
                methods=["POST"],
            )
            for kind in ("text-generation", "multimodal-generation")
        ),
        Route("/_fujie/llm/script", script, methods=["PUT"]),
        Route("/llm/v1/{rest:path}", _guarded(cloud, "unknown", unknown), methods=["GET", "POST", "DELETE"]),
    ]


def _script(cloud: Cloud) -> Script:
    script: Script = cloud.parts.get(PART, NO_SCRIPT)
    return script


def _streamed(events: AsyncIterator[str]) -> Response:
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


def _guarded(
    cloud: Cloud, action: str, handler: Handler, form: Callable[[LlmError], dict[str, Any]] = LlmError.as_dict
) -> Handler:
    """Check the API key, spend faults, and render every error in the wire's form: OpenAI's, or DashScope's."""

    async def guarded(request: Request) -> Response:
        note(service="llm", action=action)
        try:
            _note_key(request)
            await cloud.faults.apply("llm", action)
            return await handler(request)
        except LlmError as error:
            note(code=error.code or "invalid_request_error")
            return JSONResponse(form(error), error.status)
        except CloudError as error:
            note(code=error.code)
            return JSONResponse(form(LlmError(error.message, status=error.status, code=error.code)), error.status)

    return guarded


def _note_key(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise LlmError("You didn't provide an API key. Any key will do here.", status=401, code="invalid_api_key")
    note(caller=Caller("bearer", name="llm"), credential_fingerprint=fingerprint(key.strip()))


async def _json(request: Request) -> Any:
    body = await read_body(request, MAX_BODY)
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # no NaN, no half character: answers repeat it
    except (ValueError, RecursionError) as error:
        raise LlmError("We could not parse the JSON body of your request.") from error
    return value


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "fujie-emulator"}


@dataclass(frozen=True)
class _Completion:
    """One answer on the wire, whole or as events."""

    completion_id: str
    created: int
    request: ChatRequest
    reply: Reply

    def whole(self) -> dict[str, Any]:
        calls = self._tool_calls()
        message = {"role": "assistant", "content": None if calls else self.reply.text, "refusal": None}
        choice = {
            "index": 0,
            "message": message | ({"tool_calls": calls} if calls else {}),
            "logprobs": None,
            "finish_reason": self._finish_reason(),
        }
        return self._envelope("chat.completion", [choice]) | {"usage": self._usage()}

    async def events(self) -> AsyncIterator[str]:
        yield self._event({"role": "assistant", "content": None if self.reply.call else ""})
        for call in self._tool_calls():
            for delta in _call_deltas(call):
                yield self._event({"tool_calls": [delta]})
        for chunk in self.reply.chunks:
            await asyncio.sleep(self.reply.pause_s)
            yield self._event({"content": chunk})
        yield self._event({}, self._finish_reason())
        if self.request.include_usage:
            yield _sse(self._envelope("chat.completion.chunk", []) | {"usage": self._usage()})
        yield "data: [DONE]\n\n"

    def _event(self, delta: dict[str, Any], finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self.request.include_usage else {}
        return _sse(self._envelope("chat.completion.chunk", [choice]) | usage)

    def _envelope(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.completion_id,
            "object": kind,
            "created": self.created,
            "model": self.request.model,
            "system_fingerprint": "fp_scripted",
            "choices": choices,
        }

    def _tool_calls(self) -> list[dict[str, Any]]:
        if self.reply.call is None:
            return []
        arguments = json.dumps(dict(self.reply.call.arguments), ensure_ascii=False)
        function = {"name": self.reply.call.name, "arguments": arguments}
        return [{"id": f"call_{self.completion_id[-24:]}", "type": "function", "function": function}]

    def _finish_reason(self) -> str:
        return "tool_calls" if self.reply.call else "stop"

    def _usage(self) -> dict[str, int]:
        said = self.reply.text + json.dumps(self._tool_calls() or "")
        completion = count_tokens(said)
        prompt = self.request.prompt_tokens
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _call_deltas(call: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the call as OpenAI streams it: the name first, the arguments in pieces."""
    arguments = call["function"]["arguments"]
    first = {**call, "index": 0, "function": {"name": call["function"]["name"], "arguments": ""}}
    pieces = [arguments[start : start + 12] for start in range(0, len(arguments), 12)]
    return [first, *({"index": 0, "function": {"arguments": piece}} for piece in pieces)]


def _sse(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"
