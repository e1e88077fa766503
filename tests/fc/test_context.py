"""What a custom runtime believes of a request's headers."""

import pytest

from fujie.errors import SettingsError
from fujie.fc.context import PlatformRequests, current_caller_key, require_control_path
from fujie.fc.errors import ForeignRequestError
from fujie.telemetry import bound_ids

INSIDE = {"FC_FUNCTION_NAME": "process"}
HEADERS = [
    (b"host", b"x"),
    (b"x-fc-request-id", b"1-2-3"),
    (b"x-fc-control-path", b"/invoke"),
    (b"x-fc-access-key-id", b"STS.a"),
    (b"x-fc-access-key-secret", b"b"),
    (b"x-fc-security-token", b"c"),
]


async def through(environ, *, headers=HEADERS, status=200):
    """Send one request through the middleware; give what the app saw and what was sent."""
    seen, sent = {}, []

    async def app(scope, receive, send):
        seen.update(headers=dict(scope["headers"]), ids=dict(bound_ids()), scope=scope)
        try:
            seen["key"] = current_caller_key()
        except SettingsError:
            seen["key"] = None
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        sent.append(message)

    await PlatformRequests(app, environ=environ)({"type": "http", "headers": headers}, None, send)
    return seen, dict(sent[0]["headers"])


async def test_inside_fc_the_requests_key_is_the_callers_and_hidden_from_the_app():
    seen, _ = await through(INSIDE)
    assert seen["key"].access_key_id == "STS.a"
    assert seen["key"].security_token.reveal() == "c"
    assert set(seen["headers"]) == {b"host", b"x-fc-request-id", b"x-fc-control-path"}
    assert seen["ids"]["request_id"] == "1-2-3"
    with pytest.raises(SettingsError):
        current_caller_key()


async def test_outside_fc_nothing_of_the_platforms_is_believed():
    seen, answered = await through({})
    assert seen["key"] is None
    assert set(seen["headers"]) == {b"host"}
    assert answered == {}


async def test_without_a_key_in_the_request_the_environments_counts(monkeypatch):
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.env")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
    seen, _ = await through(INSIDE, headers=[(b"host", b"x")])
    assert seen["key"].access_key_id == "STS.env"


@pytest.mark.parametrize(("status", "said"), [(200, b"200"), (202, b"200"), (404, b"404"), (500, b"404")])
async def test_an_events_outcome_is_said_in_the_platforms_header(status, said):
    assert (await through(INSIDE, status=status))[1] == {b"x-fc-status": said}


async def test_an_http_request_gets_no_such_header():
    assert (await through(INSIDE, headers=[(b"x-fc-control-path", b"/http-invoke")]))[1] == {}


@pytest.mark.parametrize(
    ("environ", "headers", "passes"),
    [
        (INSIDE, [(b"x-fc-control-path", b"/invoke")], True),
        (INSIDE, [(b"x-fc-control-path", b"/http-invoke")], False),
        (INSIDE, [(b"x-fc-control-path", b"/invoke"), (b"x-fc-control-path", b"/invoke")], False),
        (INSIDE, [], False),
        ({}, [(b"x-fc-control-path", b"/invoke")], False),
    ],
)
def test_only_the_platform_itself_may_call_its_paths(environ, headers, passes):
    scope = {"type": "http", "headers": headers}
    if passes:
        require_control_path(scope, "/invoke", environ=environ)
    else:
        with pytest.raises(ForeignRequestError):
            require_control_path(scope, "/invoke", environ=environ)
