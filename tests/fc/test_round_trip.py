"""What a browser sends to the emulator's trigger is what the app behind our adapter sees: two texts, one contract."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote, urlencode

from hypothesis import given
from hypothesis import strategies as st

from fujie.fc.handler import Handler
from fujie_emulator.functionhost.http_event import HttpRequest, event_from_request, response_from_result

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
PLAIN = st.from_regex(r"[\x21-\x7e]{0,20}", fullmatch=True)
TOKENS = st.from_regex(r"x-[a-z]{1,10}", fullmatch=True).filter(lambda name: name != "x-forwarded-proto")
TYPES = st.sampled_from(["application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", "a/b"])


class Echo:
    """An ASGI app that remembers the request and answers what it is told."""

    async def __call__(self, scope, receive, send):
        assert scope["type"] == "http"
        self.scope = scope
        self.body = (await receive())["body"]
        headers = [(b"content-type", self.content_type.encode()), (b"x-a", b"1"), (b"x-a", b"2")]
        await send({"type": "http.response.start", "status": 207, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    path=st.lists(TEXT, max_size=3).map("/".join),
    query=st.dictionaries(TEXT, TEXT, max_size=3),
    headers=st.dictionaries(TOKENS, PLAIN, max_size=3),
    content_type=TYPES,
    body=st.one_of(st.binary(), TEXT.map(str.encode)),
)
def test_a_request_and_its_answer_survive_event_and_response_object(method, path, query, headers, content_type, body):
    raw_path = quote("/" + path).encode()
    sent = {"content-type": content_type, "host": "localhost:8090"} | headers
    request = HttpRequest(
        method=method,
        path=unquote(raw_path.decode()),
        raw_path=raw_path,
        query=urlencode(query).encode(),
        headers=tuple((name.encode(), value.encode()) for name, value in sent.items()),
        body=body,
        source_ip="127.0.0.1",
    )
    event = event_from_request(request, account_id="1", domain="f.cn-beijing.fcapp.run", request_id="1-a", now=NOW)
    app = Echo()
    app.content_type = content_type
    handler = Handler(app)
    try:
        answer = handler(event, None)
    finally:
        handler.close()
    scope = app.scope
    assert (scope["method"], scope["path"], scope["raw_path"]) == (method, "/" + path, raw_path)
    assert dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)) == query
    assert {name.decode(): value.decode() for name, value in scope["headers"]} == sent
    assert scope["server"] == ("localhost", 8090)
    assert app.body == body
    response = response_from_result(_json(answer))
    assert (response.status, response.body) == (207, body)
    assert dict(response.headers) == {b"content-type": content_type.encode(), b"x-a": b"1,2"}


def _json(answer):
    from fujie_emulator.functionhost.runtime import payload_of

    return payload_of(answer)
