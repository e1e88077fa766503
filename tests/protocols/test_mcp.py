"""MCP's messages in and out, every one that we send read by the official types of its revision."""

import json
from contextlib import suppress
from dataclasses import replace

import mcp_types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fujie.errors import FujieError, InputError
from fujie.protocols.events import DataProduced, RunCompleted, RunFailed, RunPaused, RunStarted, TextDelta
from fujie.protocols.mcp.call import call_in, cancelled_request, given_up, new_session_id, run_id_of
from fujie.protocols.mcp.encode import Answer, Asked, Encoder, read_on
from fujie.protocols.mcp.errors import HeaderMismatchError, InvalidParamsError, McpError, error_body
from fujie.protocols.mcp.message import Message, checked_message, message_in
from fujie.protocols.mcp.resource import check_origin
from fujie.protocols.mcp.tool import listed, tool_name
from tests.protocols.ag_ui_rules import parsed_frames
from tests.protocols.any_events import ANY_EVENTS, JSON

SCHEMA = Draft202012Validator(listed("a", "")["tools"][0]["outputSchema"])
RUN = "7b1c0e0e-0000-4000-8000-000000000001"
STARTED = RunStarted(RUN, "s1", 1000)
ASKED = Asked(7, "Fujie", "1", is_modern=True)
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
    "progressToken": 3,
}


def answer(*events, asked=ASKED):
    folded = Answer(asked)
    for event in events:
        folded.feed(event)
    return folded.end()["result"]


def frames(*events, asked):
    encoder = Encoder(asked)
    return [encoder.feed(event) for event in events] + [encoder.end()]


def checked(message):
    """Read a message of ours as the official types do."""
    if "result" not in message:
        kind = mcp_types.JSONRPCRequest if "id" in message else mcp_types.JSONRPCNotification
        kind.model_validate(message)
        named = {
            "notifications/progress": mcp_types.ProgressNotification,
            "elicitation/create": mcp_types.ElicitRequest,
        }
        if message["method"] in named:
            named[message["method"]].model_validate(message)
        return
    result = mcp_types.JSONRPCResponse.model_validate(message).result
    if result.get("resultType") == "input_required":
        assert mcp_types.InputRequiredResult.model_validate(result).input_requests
    else:
        mcp_types.CallToolResult.model_validate(result)
        SCHEMA.validate(result["structuredContent"])


@given(ANY_EVENTS, st.sampled_from(["text", "retry", "request"]), st.booleans(), st.none() | st.just("t"))
def test_any_events_in_any_order_are_messages_that_the_official_types_read(events, asks, is_modern, token):
    asked = Asked(7, "Fujie", "1", is_modern, asks, token, is_resumable=not is_modern)
    text = "".join(frames(*events, asked=asked))
    messages = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: ") and line != "data: "]
    for message in messages:
        checked(message)
    assert ["result" in message for message in messages] == [False] * (len(messages) - 1) + [True]
    progress = [
        message["params"]["progress"] for message in messages if message.get("method", "").endswith("/progress")
    ]
    assert progress == list(range(1, len(progress) + 1))
    checked({"jsonrpc": "2.0", "id": 7, "result": answer(*events, asked=asked)})


@given(ANY_EVENTS, st.integers(0, 6))
def test_what_is_read_on_joins_what_was_read(events, cut):
    asked = Asked("id", "Fujie", "1", False, "request", 5, is_resumable=True)
    whole = "".join(frames(STARTED, *events, asked=asked)).split("\n\n")[:-1]
    cut = min(cut, len(whole) - 1)
    run_id, seen, id_, token = read_on(whole[cut].split("\n")[0].removeprefix("id: "))
    assert (run_id, seen, id_, token) == (RUN, cut, "id", 5)
    assert "".join(frames(STARTED, *events, asked=replace(asked, after=seen))).split("\n\n")[:-1] == whole[cut + 1 :]


def test_a_stream_of_the_current_revision_is_messages_and_nothing_else():
    text = "".join(frames(STARTED, TextDelta("m", "a\u2028\r\nb"), RunCompleted(1), asked=ASKED))
    (message,) = parsed_frames(text)
    assert message["result"]["content"] == [{"type": "text", "text": "a\u2028\r\nb"}]
    assert message["result"]["resultType"] == "complete"
    assert message["result"]["_meta"]["io.modelcontextprotocol/serverInfo"] == {"name": "Fujie", "version": "1"}


def test_a_value_is_structure_and_words():
    told = answer(STARTED, DataProduced("m", '{"a": 1}'), RunCompleted(1))
    assert (told["structuredContent"]["data"], told["content"][0]["text"]) == ({"a": 1}, '{"a": 1}')


def test_an_answer_that_was_cut_off_is_not_whole():
    for events in ([STARTED, TextDelta("m", "Hel")], []):
        assert answer(*events)["isError"]
        assert answer(*events)["structuredContent"]["error"]["code"] == "lost"
    assert answer(STARTED, RunFailed(1, "c", "w"), RunCompleted(1))["structuredContent"]["status"] == "failed"
    assert not answer(STARTED, RunPaused(("c1",)), asked=replace(ASKED, asks="retry"))["isError"]


def test_an_answer_without_end_is_cut_and_says_so():
    told = answer(STARTED, *[TextDelta("m", "x" * 1000)] * 1001, TextDelta("n", "y"), RunCompleted(1))
    assert told["content"][0]["text"].endswith("x\n\n\n[cut here: 1001 more characters]")
    assert len(told["structuredContent"]["answer"]) < 1_000_100


# What comes in


def modern(method="tools/call", **params):
    params = {"name": "Fujie", "arguments": {"message": "hi"}} | params if method == "tools/call" else params
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": META}}


def read(body, **headers):
    id_, value = message_in(json.dumps(body).encode())
    return checked_message(id_, value, {name.replace("_", "-"): header for name, header in headers.items()})


HEADERS = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": "Fujie"}


def test_a_request_of_the_current_revision_says_all_in_itself():
    message = read(modern(), **HEADERS)
    assert (message.kind, message.is_modern, message.takes_urls, message.progress_token) == ("request", True, True, 3)
    call = call_in(message, "Fujie")
    assert call.run().question() == "hi"
    assert call.run(RUN).run_id() == RUN


def test_a_name_may_come_wrapped():
    body = modern(name="天气")
    wrapped = "=?base64?5aSp5rCU?="
    assert read(body, **HEADERS | {"mcp_name": wrapped}).params["name"] == "天气"
    for bad in ("=?base64?5aSp5rC?=", "=?base64?/w==?=", "天气".encode().decode("latin-1")):
        with pytest.raises(HeaderMismatchError):
            read(body, **HEADERS | {"mcp_name": bad})


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"message": ""},
        {"message": 1},
        {"message": "x", "user": "y"},
        {"message": "x", "session_id": "a b"},
        {"message": "\ud800"},
    ],
)
def test_arguments_that_do_not_fit_are_told_in_words(arguments):
    call = call_in(Message("request", 1, "tools/call", {"name": "Fujie", "arguments": arguments}), "Fujie")
    with pytest.raises(InputError) as refused:
        call.run()
    assert not isinstance(refused.value, McpError)


def test_a_state_belongs_to_the_call_that_began_the_run():
    call = call_in(read(modern(requestState=RUN, inputResponses={"c1": {"action": "accept"}}), **HEADERS), "Fujie")
    assert (call.state, call.refuses) == (RUN, False)
    assert call.asks_as(call.run())
    other = call_in(read(modern(arguments={"message": "else"}), **HEADERS), "Fujie")
    assert not call.asks_as(other.run())
    declined = modern(requestState=RUN, inputResponses={"c1": {"action": "accept"}, "c2": {"action": "decline"}})
    assert call_in(read(declined, **HEADERS), "Fujie").refuses


def test_a_later_message_of_an_earlier_revision_finds_its_run_by_what_both_sides_know():
    assert run_id_of("u", "s", 1) == run_id_of("u", "s", 1)
    assert len({run_id_of(*key) for key in (("u", "s", 1), ("u", "s", "1"), ("v", "s", 1), ("u", "t", 1))}) == 4
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    assert cancelled_request(read(cancel, mcp_protocol_version="2025-06-18")) == 1
    assert cancelled_request(read(cancel | {"params": {}}, mcp_protocol_version="2025-06-18")) is None
    for action, run_id in (("accept", ""), ("decline", RUN), ("cancel", RUN)):
        response = {"jsonrpc": "2.0", "id": f"{RUN}.c1", "result": {"action": action}}
        assert given_up(read(response, mcp_protocol_version="2025-11-25")) == run_id
    assert given_up(read({"jsonrpc": "2.0", "id": 3, "result": {}})) == ""
    assert new_session_id({"capabilities": {"elicitation": {"url": {}}}}).startswith("url-")
    assert not new_session_id({"capabilities": {"elicitation": {}}}).startswith("url-")


def test_an_agents_name_becomes_one_that_tools_may_have():
    assert [tool_name(name) for name in ("Fujie", "My agent 2.0", "天气")] == ["Fujie", "My_agent_2.0", "_"]


ANY_BODY = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0")},
        optional={
            "id": JSON,
            "method": st.sampled_from(["tools/call", "initialize", "notifications/cancelled"]) | JSON,
            "params": st.fixed_dictionaries(
                {},
                optional={
                    "name": st.just("Fujie") | JSON,
                    "arguments": st.fixed_dictionaries({}, optional={"message": JSON, "session_id": JSON}) | JSON,
                    "requestState": JSON,
                    "inputResponses": JSON,
                    "requestId": JSON,
                    "_meta": st.just(META) | JSON,
                },
            )
            | JSON,
            "result": JSON,
        },
    ).map(lambda value: json.dumps(value).encode()),
)
ANY_HEADERS = st.sampled_from(
    [
        {},
        {"mcp-protocol-version": "2025-06-18"},
        {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "Fujie"},
    ]
)


@given(ANY_BODY, ANY_HEADERS)
def test_any_bytes_are_a_message_or_an_error_that_the_official_types_read(body, headers):
    id_ = None
    try:
        id_, value = message_in(body)
        message = checked_message(id_, value, headers)
        given_up(message), cancelled_request(message), new_session_id(message.params)
        call_in(message, "Fujie").run()
    except FujieError as error:
        told = mcp_types.JSONRPCError.model_validate_json(error_body(error, id_))
        assert told.error.message


@given(st.text(max_size=40) | st.tuples(st.text(max_size=3), st.text(max_size=3), st.text(max_size=8)).map(".".join))
def test_any_stream_id_is_ours_or_refused(text):
    with suppress(InvalidParamsError):
        read_on(text)


@given(st.text(max_size=20), st.sampled_from(["", "https://agents.example"]))
def test_any_origin_is_checked(origin, public_url):
    with suppress(McpError):
        check_origin(origin, public_url)
        assert "localhost" in origin.lower() or origin.lower() == "https://agents.example"
