"""What `/process` takes, and how it says what is wrong."""

import json

import pytest

from fujie.protocols.agentscope.request import AgentRequest, RequestInvalidError, request_from_body


def asked(**fields):
    message = {"role": "user", "content": [{"type": "text", "text": "hello"}]}
    return json.dumps({"input": [message]} | fields).encode()


def test_a_question_is_read_and_unknown_keys_are_kept():
    request = request_from_body(asked(session_id="s", extra_key=1))
    assert request.question() == "hello"
    assert request.session_id == "s"
    assert request.extra == {"extra_key": 1}
    assert request.stream


def test_an_empty_input_is_taken():
    assert request_from_body(b'{"input": []}').question() == ""


@pytest.mark.parametrize(
    ("text", "language", "spoken"), [("现在几点了？", None, "zh"), ("What time?", None, "en"), ("现在", "en", "en")]
)
def test_the_language_is_the_one_asked_for_or_that_of_the_question(text, language, spoken):
    message = {"role": "user", "content": [{"type": "text", "text": text}]}
    body = json.dumps({"input": [message], "language": language}).encode()
    assert request_from_body(body).spoken() == spoken


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("response_0e974e24-0000-4000-8000-00000000abcd", "0e974e24-0000-4000-8000-00000000abcd"),
        ("response_x", None),
        ("mine", None),
        (None, None),
    ],
)
def test_an_id_is_taken_when_it_is_a_response_id(given, taken):
    assert request_from_body(asked(id=given)).run_id() == taken


def test_what_is_not_json_gets_fastapis_words():
    with pytest.raises(RequestInvalidError) as caught:
        request_from_body(b'{"input": [')
    assert caught.value.status == 422
    assert caught.value.detail == [
        {
            "type": "json_invalid",
            "loc": ["body", 11],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": "Expecting value"},
        }
    ]


@pytest.mark.parametrize(
    ("body", "kind", "where"),
    [
        (b"[]", "dict_type", ["body"]),
        (b"{}", "missing", ["body", "input"]),
        (b'{"input": "hi"}', "list_type", ["body", "input"]),
        (b'{"input": [], "n": 9}', "less_than_equal", ["body", "n"]),
        (b'{"input": [{"role": "user", "content": "hi"}]}', "list_type", ["body", "input", 0, "content"]),
        (b'{"input": [{"content": [{"type": "tune"}]}]}', "union_tag_invalid", ["body", "input", 0, "content", 0]),
        (b'{"input": [{"role": "root"}]}', "literal_error", ["body", "input", 0, "role"]),
        (b'{"input": [], "session_id": ""}', "string_too_short", ["body", "session_id"]),
        (b'{"input": [], "session_id": "a b"}', "string_pattern_mismatch", ["body", "session_id"]),
        (b'{"input": [], "n": NaN}', "json_invalid", ["body", 0]),
        (b'{"input": ' + b"[" * 100_000, "json_invalid", ["body", 0]),
        (b'{"input": [], "seed": ' + b"9" * 5000 + b"}", "json_invalid", ["body", 0]),
        (b"\xff\xfe\xfd", "json_invalid", ["body", 0]),
    ],
    ids=range(13),
)
def test_each_fault_is_named_with_its_place(body, kind, where):
    with pytest.raises(RequestInvalidError) as caught:
        request_from_body(body)
    assert (caught.value.detail[0]["type"], caught.value.detail[0]["loc"]) == (kind, where)


def test_a_lone_surrogate_or_a_long_value_is_refused_without_repeating_it():
    with pytest.raises(RequestInvalidError) as caught:
        request_from_body(asked(session_id="x" * 5000))
    assert "input" not in caught.value.detail[0]
    body = b'{"input": [{"role": "user", "content": [{"type": "text", "text": "\\ud800"}]}]}'
    with pytest.raises(RequestInvalidError) as caught:
        request_from_body(body)
    assert caught.value.detail[0]["loc"] == ["body", "input", 0, "content", 0, "text"]


def test_a_request_is_kept_as_it_was_sent_down_to_keys_that_are_not_ours():
    part = {"type": "text", "text": "hello", "cache": 1}
    value = {"input": [{"role": "user", "content": [part], "name": "x"}], "mine": {"a": [None]}}
    request = request_from_body(json.dumps(value).encode())
    assert json.loads(request.as_json()) == value
    assert AgentRequest.from_json(request.as_json()) == request
    changed = request.changed(session_id="s")
    assert (changed.session_id, changed.extra) == ("s", {"mine": {"a": [None]}})


def test_however_deep_a_body_is_nested_it_is_refused_in_the_protocols_words():
    for depth in range(900, 1000):
        with pytest.raises(RequestInvalidError):
            request_from_body(b'{"other": {"a": %s1%s}}' % (b'{"a":' * depth, b"}" * depth))
