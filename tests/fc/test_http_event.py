"""HTTP events of Function Compute and ASGI, there and back."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.fc.errors import InexpressibleResponseError
from fujie.fc.http_event import HttpEvent, is_http_event

CAPTURED = {  # the shape of fc.md 1.1
    "version": "v1",
    "rawPath": "/a%20b/x",
    "body": "SGVsbG8=",
    "isBase64Encoded": True,
    "headers": {"Accept": "*/*", "Content-Type": "text/plain", "Host": "stack.example:8443", "X-Multi": "v1,v2"},
    "queryParameters": {"p1": "v1", "p2": "a,b&c=d 你"},
    "requestContext": {
        "accountId": "123456",
        "triggerId": "unknown keys are fine",
        "http": {"method": "post", "path": "/a b/x", "protocol": "HTTP/1.1", "sourceIp": "11.11.11.11"},
        "requestId": "1-64f6cd87",
    },
}


def adapter(**changes):
    return HttpEvent(CAPTURED | changes, None, {})


def test_the_captured_event_becomes_a_scope():
    scope = adapter().scope
    assert (scope["method"], scope["path"], scope["raw_path"]) == ("POST", "/a b/x", b"/a%20b/x")
    assert scope["query_string"] == b"p1=v1&p2=a%2Cb%26c%3Dd%20%E4%BD%A0"
    assert [b"x-multi", b"v1,v2"] in scope["headers"]
    assert (scope["server"], scope["client"], scope["scheme"]) == (("stack.example", 8443), ("11.11.11.11", 0), "https")


@pytest.mark.parametrize(
    ("body", "flag", "expected"),
    [
        ("SGVsbG8=", True, b"Hello"),
        ("SGVsbG8=", False, b"SGVsbG8="),
        ("", True, b""),
        (None, False, b""),
        ("你", False, "你".encode()),
    ],
)
def test_the_flag_says_whether_a_body_is_base64(body, flag, expected):
    assert adapter(body=body, isBase64Encoded=flag).body == expected


@pytest.mark.parametrize(
    "event",
    [
        {"triggerTime": "2023-12-26T07:49:00Z", "triggerName": "t", "payload": ""},
        {"events": [{"eventName": "ObjectCreated:PutObject"}]},
        [{"id": "a cloud event"}],
        {"version": "v1", "rawPath": "/", "requestContext": None},
        {"version": "2.0", "rawPath": "/", "requestContext": {"http": {}}},
        "text",
    ],
)
def test_other_events_are_told_apart(event):
    assert not is_http_event(event)


def test_a_second_cookie_is_refused_not_dropped():
    cookies = [[b"set-cookie", b"a=1"], [b"set-cookie", b"b=2"]]
    with pytest.raises(InexpressibleResponseError):
        adapter()({"status": 200, "headers": cookies, "body": b""})


def test_the_platforms_own_headers_are_left_to_it():
    headers = [[b"Content-Length", b"2"], [b"x-fc-status", b"1"], [b"server", b"x"], [b"vary", b"a"], [b"vary", b"b"]]
    assert adapter()({"status": 200, "headers": headers, "body": b"ok"})["headers"] == {"vary": "a,b"}


@pytest.mark.parametrize(
    ("content_type", "encoding", "body", "is_base64"),
    [
        (b"text/html; charset=utf-8", None, "你".encode(), False),
        (b"application/problem+json", None, b"{}", False),
        (b"text/plain", None, b"\xff", True),
        (b"text/plain", b"gzip", b"plain enough", True),
        (b"image/png", None, b"ascii", True),
        (b"", None, b"ascii", True),
    ],
)
def test_what_is_not_surely_text_travels_in_base64(content_type, encoding, body, is_base64):
    headers = [[b"content-type", content_type]] + ([[b"content-encoding", encoding]] if encoding else [])
    answer = adapter()({"status": 200, "headers": headers, "body": body})
    assert answer["isBase64Encoded"] is is_base64
    assert (base64.b64decode(answer["body"]) if is_base64 else answer["body"].encode()) == body


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True).filter(
    lambda name: (
        name not in {"connection", "content-length", "date", "keep-alive", "server"} and not name.startswith("x-fc-")
    )
)


@given(
    body=st.binary(), content_type=st.sampled_from(["text/plain", "application/json", "image/png", "font/woff2", ""])
)
def test_no_byte_of_a_response_body_is_lost(body, content_type):
    answer = adapter()({"status": 200, "headers": [[b"content-type", content_type.encode()]], "body": body})
    answer = json.loads(json.dumps(answer))
    assert (base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()) == body


@given(
    path=st.lists(TEXT.filter(lambda part: "\0" not in part), max_size=3),
    query=st.dictionaries(TEXT.filter(bool), TEXT, max_size=4),
    headers=st.dictionaries(NAMES, st.from_regex(r"[\x20-\xff]{0,30}", fullmatch=True).map(str.strip), max_size=4),
    body=st.binary(),
)
def test_every_request_that_an_event_can_carry_arrives_whole(path, query, headers, body):
    from urllib.parse import parse_qsl, quote

    decoded = "/" + "/".join(path)
    event = CAPTURED | {
        "rawPath": quote(decoded),
        "queryParameters": query,
        "headers": headers,
        "body": base64.b64encode(body).decode(),
        "requestContext": {"http": {"method": "GET", "path": decoded}},
    }
    scope = HttpEvent(json.loads(json.dumps(event)), None, {}).scope
    assert scope["path"] == decoded
    assert scope["raw_path"].decode() == quote(decoded)
    assert dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)) == query
    assert {name.decode(): value.decode("latin-1") for name, value in scope["headers"]} == headers
    assert HttpEvent(event, None, {}).body == body
