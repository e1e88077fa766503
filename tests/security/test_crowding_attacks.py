"""One person who takes every place of an instance."""

import asyncio

import pytest

from functions.chat.errors import BusyError
from functions.chat.places import Places
from tests.functions.plane import ALICE, BOB
from tests.functions.test_chat import CSRF, QUESTION, made


class Reader:
    """A browser that opens a run's events and goes on holding them."""

    def __init__(self, app, cookie, path):
        self.started = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        headers = [(b"cookie", f"fujie_session={cookie}".encode())]
        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": headers}
        scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http", "root_path": "", "client": None}
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.started.set_result(message["status"])

    async def leave(self):
        self._gone.set()
        await asyncio.wait_for(self.task, 5)


async def test_who_watches_too_much_is_told_and_the_others_find_a_place():
    """Hurt: everybody else: a hundred open streams of one person left no place on the instance."""
    chat = await made()
    chat.app.state.watches = Places(2)
    runs = {who: await chat.plane.run(session, f"run-{who}") for who, session in (("a", chat.alice), ("b", chat.bob))}
    path = f"/api/runs/{runs['a'].id}/events"
    alices = [Reader(chat.app, "alice-cookie", path) for _ in range(2)]
    assert [await reader.started for reader in alices] == [200, 200]
    async with chat.browser("alice-cookie") as alice:
        assert (await alice.get(path)).json()["error"]["code"] == "too_many_streams"
    bobs = Reader(chat.app, "bob-cookie", f"/api/runs/{runs['b'].id}/events")
    assert await bobs.started == 200
    await alices.pop().leave()
    again = Reader(chat.app, "alice-cookie", path)
    assert await again.started == 200
    for reader in (*alices, bobs, again):
        await reader.leave()


async def test_a_question_gives_its_place_back_however_it_ends():
    """Hurt: Alice, who could ask no more after a few answers or failures."""
    chat = await made()
    chat.app.state.questions = Places(1)
    async with chat.browser("alice-cookie") as alice:
        for _ in range(3):
            assert (await alice.post("/api/chat", json=QUESTION, headers=CSRF)).status_code == 200
        chat.upstream.answer = _broken
        for _ in range(3):
            assert (await alice.post("/api/chat", json=QUESTION, headers=CSRF)).status_code == 503


def test_places_are_each_persons_own_and_nothing_is_kept_of_who_left():
    """Hurt: everybody else, whose places one person would take, and the memory of the instance."""
    places = Places(1)
    leave = places.take(ALICE)
    with pytest.raises(BusyError):
        places.take(ALICE)
    places.take(BOB)()
    leave()
    places.take(ALICE)()
    assert not places._taken


def _broken(request):
    import httpx2

    raise httpx2.ConnectError("away", request=request)
