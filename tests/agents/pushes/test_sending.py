"""One notification: what is sent, to which address, how often, and what of the answer counts."""

import httpx2
import pytest

from fujie.agents.pushes.sending import ATTEMPTS, Sender
from tests.agents.pushes.test_guard import PUBLIC, answering, config


class Hook:
    """A server somewhere: answers as it is told to, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def http(self):
        async def handle(request):
            self.asked.append(request)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return httpx2.Response(answer, headers={"location": "https://10.0.0.1/"}, content=b"x" * 100)

        return httpx2.AsyncClient(transport=httpx2.MockTransport(handle))


async def sent(hook, *, resolve=None, **fields):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    sender = Sender(local=False, http=hook.http, resolve=resolve or answering(PUBLIC), pause=pause)
    taken = await sender.send(config(**fields), b'{"task": {}}')
    await sender.close()
    return taken, pauses


async def test_a_notification_goes_to_the_checked_address_under_the_name_that_was_given():
    hook = Hook(200)
    secrets = {"token": "tok", "scheme": "Bearer", "credentials": "cred"}
    assert await sent(hook, **secrets) == (True, [])
    (request,) = hook.asked
    assert str(request.url) == f"https://{PUBLIC}/x"
    assert request.headers["host"] == "hooks.example"
    assert request.extensions["sni_hostname"] == "hooks.example"
    assert request.headers["connection"] == "close"
    assert request.headers["authorization"] == "Bearer cred"
    assert request.headers["x-a2a-notification-token"] == "tok"
    assert request.headers["content-type"] == "application/a2a+json"
    assert request.content == b'{"task": {}}'


async def test_what_was_not_asked_for_is_not_sent():
    hook = Hook(200)
    await sent(hook, version="0.3", scheme="Bearer")
    assert "authorization" not in hook.asked[0].headers
    assert "x-a2a-notification-token" not in hook.asked[0].headers
    assert hook.asked[0].headers["content-type"] == "application/json"


async def test_an_outage_is_tried_again_with_growing_pauses_and_not_for_ever():
    hook = Hook(503, httpx2.ConnectError("gone"), 429, 204)
    assert await sent(hook) == (True, [1.0, 3.0, 9.0])
    hook = Hook(*[500] * ATTEMPTS)
    assert (await sent(hook))[0] is False
    assert len(hook.asked) == ATTEMPTS


@pytest.mark.parametrize("status", [302, 307, 400, 401, 404, 410])
async def test_a_refusal_is_final_and_no_redirect_is_followed(status):
    hook = Hook(status)
    assert await sent(hook) == (False, [])
    assert len(hook.asked) == 1


async def test_a_name_that_answers_otherwise_the_second_time_is_not_believed():
    answers = [[PUBLIC], ["10.0.0.1"]]

    async def rebinding(host, port):
        return answers.pop(0)

    hook = Hook(503)
    assert await sent(hook, resolve=rebinding) == (False, [1.0])
    assert len(hook.asked) == 1


async def test_a_flood_of_an_answer_is_not_read():
    hook = Hook()

    def http():
        async def handle(request):
            hook.asked.append(request)
            return httpx2.Response(200, content=b"x" * (1024 * 1024))

        return httpx2.AsyncClient(transport=httpx2.MockTransport(handle))

    hook.http = http
    assert (await sent(hook))[0] is False
