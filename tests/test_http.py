import asyncio

import httpx2
import pytest

from fujie.errors import TooLargeError
from fujie.http import NoAnswerError, fetch, http_client, is_safe_url, read_limited


def client(answer):
    return httpx2.AsyncClient(transport=httpx2.MockTransport(answer), follow_redirects=True)


async def ask(answer, **limits):
    async with client(answer) as http:
        return await fetch(http, "GET", "https://a.example/x", **{"max_bytes": 100, "deadline_s": 1.0} | limits)


async def test_an_answer_comes_whole_whatever_its_status():
    answer = await ask(lambda _: httpx2.Response(418, headers={"X-A": "b"}, content=b"tea"))
    assert (answer.status, answer.headers["x-a"], answer.body) == (418, "b", b"tea")


async def test_no_redirect_is_followed_even_by_a_client_that_would():
    asked = []

    def answer(request):
        asked.append(request.url.host)
        return httpx2.Response(307, headers={"location": "https://evil.example/"})

    assert (await ask(answer)).status == 307
    assert asked == ["a.example"]


async def test_too_much_is_no_answer():
    with pytest.raises(NoAnswerError, match="more than 100 bytes"):
        await ask(lambda _: httpx2.Response(200, content=b"x" * 101))
    assert len((await ask(lambda _: httpx2.Response(200, content=b"x" * 100))).body) == 100


async def test_too_much_is_noticed_before_all_of_it_is_read():
    read = 0

    async def endless():
        nonlocal read
        while True:
            read += 1
            yield b"x" * 10

    with pytest.raises(TooLargeError):
        await read_limited(httpx2.Response(200, content=endless()), 100)
    assert read == 11


async def test_too_late_is_no_answer():
    async def answer(_):
        await asyncio.sleep(5)

    with pytest.raises(NoAnswerError, match="within"):
        await ask(answer, deadline_s=0.01)


async def test_the_deadline_of_a_request_counts_and_not_the_clients_shorter_patience():
    seen = []

    def answer(request):
        seen.append(request.extensions["timeout"])
        return httpx2.Response(200)

    await ask(answer, deadline_s=60.0)
    assert (seen[0]["read"], seen[0]["write"], seen[0]["connect"]) == (60.0, 60.0, 10.0)


async def test_a_failure_names_the_host_and_nothing_that_was_sent():
    def answer(request):
        raise httpx2.ConnectError(f"cannot connect for {request.url}")

    with pytest.raises(NoAnswerError) as failure:
        await ask(answer)
    assert str(failure.value) == "a.example could not be asked (ConnectError)"


async def test_the_shared_client_trusts_no_environment(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    async with http_client(timeout_s=3) as http:
        assert not http.trust_env
        assert not http.follow_redirects
        assert http.timeout.read == 3


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.example/x", True),
        ("http://127.0.0.1:80/", True),
        ("http://localhost:1", True),
        ("http://[::1]:1/", True),
        ("http://a.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("https://user:pw@a.example", False),
        ("https://", False),
        ("ftp://a.example", False),
        ("https://a.example:99999", False),
        ("javascript:x", False),
        ("//a.example", False),
    ],
)
def test_a_credential_travels_over_https_or_within_this_machine(url, safe):
    assert is_safe_url(url) is safe
