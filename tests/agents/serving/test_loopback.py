"""The door of an agent that is open on its own machine: which connections and names are of this machine."""

import pytest

from fujie.agents.serving.loopback import OnlyLoopback

HERE = ("127.0.0.1", 5)


async def status(headers, client=HERE, server=("127.0.0.1", 8080)):
    """Return the status that a request gets."""
    told = []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def send(message):
        told.append(message)

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await OnlyLoopback(app)({"type": "http", "headers": raw, "client": client, "server": server}, None, send)
    return told[0]["status"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]", "[::1]:8080", "a.localhost"]
)
async def test_names_of_this_machine_are_let_in(host):
    assert await status([("host", host)]) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil@localhost", "localhost/evil", "localhost?.evil.com", "localhost#.evil", "local\thost", "", "[localhost",
        "localhost:8080:1", "192.0.2.1", "evil.example", "localhost.evil.example", "localhost, evil.example",
    ],
)  # fmt: skip
async def test_names_of_others_and_what_may_be_read_as_one_are_refused(host):
    """Hurt: whose agent would answer a page of a site that calls itself so."""
    assert await status([("host", host)]) == 403


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "localhost"), ("host", "evil.example")],
        [("host", "evil.example"), ("host", "localhost")],
        [("host", "localhost"), ("origin", "http://localhost"), ("origin", "https://evil.example")],
        [("host", "localhost"), ("x-forwarded-host", "agent.example")],
        [("host", "localhost"), ("via", "1.1 proxy")],
    ],
)
async def test_who_says_two_things_or_calls_for_somebody_else_is_refused(headers):
    """Hurt: whose agent would act for whoever is behind a proxy, or for whom another reader of the headers believes."""
    assert await status(headers) == 403


@pytest.mark.parametrize("shape", [list, tuple])
async def test_both_ends_of_the_connection_count_in_whatever_shape_they_come(shape):
    local, far = shape(["127.0.0.1", 5]), shape(["192.0.2.7", 5])
    host = [("host", "localhost")]
    assert [await status(host, client, server) for client, server in ((local, local), (far, local), (local, far))] == [
        200, 403, 403,
    ]  # fmt: skip
    assert await status(host, None, shape(["/run/agent.sock", None])) == 200
