"""The official OpenAI client against the running product: answers, and pauses that are granted."""

import openai
import pytest

from tests.e2e.person import Person
from tests.e2e.questions import BY_NAME
from tests.e2e.test_process_by_curl import token_of

pytestmark = pytest.mark.e2e


def client_of(stack, user):
    return openai.OpenAI(api_key=token_of(stack, user), base_url=f"{stack.url}/openai/v1", max_retries=0)


def asked(question):
    return {"model": "fujie", "messages": [{"role": "user", "content": BY_NAME[question].en}]}


def ours(chunk):
    return chunk.model_extra.get("fujie") or {}


def test_the_official_client_streams_the_weather_and_sees_how_it_was_found(stack):
    with client_of(stack, "alice") as client:
        (model,) = client.models.list()
        chunks = list(
            client.chat.completions.create(
                **asked("weather") | {"model": model.id}, stream=True, stream_options={"include_usage": True}
            )
        )
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "Hangzhou" in "".join(choice.delta.content or "" for choice in choices)
    assert [call.function.name for choice in choices for call in choice.delta.tool_calls or ()] == ["get_weather"]
    (result,) = [ours(chunk)["tool_result"] for chunk in chunks if "tool_result" in ours(chunk)]
    assert (result["ok"], result["credential"]["kind"]) == (True, "api_key")
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].usage.total_tokens > 0


def test_a_pause_that_is_granted_is_answered_when_asked_again(own_stack):
    stack = own_stack()
    with client_of(stack, "bob") as client:
        paused = client.chat.completions.create(**asked("time"), extra_query={"sessionId": "clock"})
        consent = paused.fujie["authorization_required"]
        assert consent["connect_url"].startswith(f"{stack.url}/connect/")
        assert consent["connect_url"] in paused.choices[0].message.content
        assert paused.choices[0].finish_reason == "stop"
        with pytest.raises(openai.ConflictError):
            client.chat.completions.create(**asked("time"), extra_query={"sessionId": "clock"})

        bob = Person(stack, "bob").sign_in()
        assert bob.allow(consent["connect_url"]).status_code == 200
        again = client.chat.completions.create(**asked("time"))
        bob.close()
    assert "authorization_required" not in again.fujie
    (result,) = again.fujie["tool_results"]
    assert (result["name"], result["ok"]) == ("get_current_time", True)
    assert (result["credential"]["kind"], result["credential"]["user"]) == ("oauth", "bob")


def test_a_response_that_waits_is_read_on_once_it_is_granted(own_stack):
    stack = own_stack()
    with client_of(stack, "bob") as client:
        paused = client.responses.create(model="fujie", input=BY_NAME["time"].en)
        consent = paused.fujie["authorization_required"]
        assert (paused.status, consent["connect_url"] in paused.output_text) == ("incomplete", True)

        bob = Person(stack, "bob").sign_in()
        with client.responses.stream(response_id=paused.id) as events:
            assert bob.allow(consent["connect_url"]).status_code == 200
            answered = events.get_final_response()
        bob.close()
        assert answered.status == "completed"
        assert [item.type for item in answered.output] == [
            "function_call",
            "message",
            "function_call_output",
            "message",
        ]
        assert client.responses.retrieve(paused.id).output_text == answered.output_text
        again = client.responses.create(
            model="fujie", input=BY_NAME["weather"].en, previous_response_id=paused.id, background=True
        )
        with client.responses.stream(response_id=again.id) as events:
            later = events.get_final_response()
    assert "Hangzhou" in later.output_text
    assert later.conversation == answered.conversation


def test_a_token_that_does_not_hold_is_the_clients_own_authentication_error(stack):
    with (
        openai.OpenAI(api_key="not-a-token", base_url=f"{stack.url}/v1", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(**asked("weather"))
