"""Events to a socket: what is ready goes together, what waits is waited for, and the reader sets the pace."""

import asyncio

import pytest

from fujie.agents.runner import AgentRunner
from fujie.agents.serving import stream
from fujie.agents.serving.asgi import Headers, Request
from fujie.agents.serving.stream import MAX_READY_CHARS, fold_events, stream_events
from fujie.agents.transient import TransientRuns
from fujie.errors import InputError
from fujie.protocols.agentscope.decode import Decoder
from fujie.protocols.agentscope.encode import Encoder
from fujie.protocols.events import TextDelta, TextStarted
from tests.agents.doubles import ALICE, alice, asked, eventually


class Plain:
    """A wire whose frames are the words themselves."""

    def feed(self, event):
        return event.text

    def end(self):
        return "."


class Client:
    """A socket whose reader reads as the test says, and may go away."""

    def __init__(self):
        self.sent = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.gone = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await self.reading.wait()
        self.sent.append(message)

    @property
    def pieces(self):
        return [message["body"].decode() for message in self.sent[1:]]

    def hears(self, events):
        request = Request("POST", "/", Headers([]), self.receive, {})
        return stream_events(request, self.send, events, Plain())

    def folds(self, events, feed):
        return fold_events(Request("POST", "/", Headers([]), self.receive, {}), events, feed)


async def says(*words, log=None):
    """Yield text; a callable is awaited, and an error raised, in between."""
    try:
        for word in words:
            if isinstance(word, Exception):
                raise word
            if callable(word):
                await word()
            else:
                yield TextDelta("m", word)
    finally:
        if log is not None:
            log.append("closed")


async def test_what_is_ready_goes_out_together_with_the_end():
    client = Client()
    await client.hears(says("a", "b", "c"))
    assert client.pieces == ["abc."]
    assert client.sent[0]["status"] == 200
    assert dict(client.sent[0]["headers"])[b"cache-control"] == b"no-cache"


async def test_before_a_wait_what_is_ready_goes_out():
    client, go = Client(), asyncio.Event()
    answering = asyncio.create_task(client.hears(says("a", "b", go.wait, "c", lambda: asyncio.sleep(0), "d")))
    await eventually(lambda: _holds(client, ["ab"]))
    go.set()
    await answering
    assert client.pieces == ["ab", "c", "d."]


async def test_a_long_answer_goes_out_in_pieces_and_others_get_their_turn():
    client, turns = Client(), []
    other = asyncio.create_task(_takes_turns(turns))
    await client.hears(says(*["x" * 1000] * 300))
    other.cancel()
    assert max(map(len, client.pieces)) < MAX_READY_CHARS + 1001
    assert "".join(client.pieces) == "x" * 300_000 + "."
    assert len(turns) >= 300_000 // (MAX_READY_CHARS + 1000)


async def test_events_without_words_do_not_starve_others_either():
    client, turns = Client(), []
    other = asyncio.create_task(_takes_turns(turns))
    await client.hears(says(*[""] * 10_000))
    other.cancel()
    assert len(turns) > 5
    assert client.pieces == ["."]


async def test_a_reader_who_stops_stops_the_agent():
    client, told = Client(), []
    client.reading.clear()

    async def flood():
        while True:
            told.append(1)
            yield TextDelta("m", "x" * 1000)

    answering = asyncio.create_task(client.hears(flood()))
    for _ in range(50):
        await asyncio.sleep(0)
    assert 10 < len(told) < 80
    client.gone.set()
    await asyncio.wait_for(answering, 3)
    assert len(told) < 80


@pytest.mark.parametrize("first", [["a"], []])
async def test_a_client_that_goes_away_while_the_agent_waits_closes_the_events(first):
    client, log = Client(), []
    answering = asyncio.create_task(client.hears(says(*first, asyncio.Event().wait, "never", log=log)))
    await eventually(lambda: _begun(client))
    client.gone.set()
    await asyncio.wait_for(answering, 3)
    assert log == ["closed"]
    assert "".join(client.pieces) == "".join(first)
    assert len(asyncio.all_tasks()) == 1


async def test_a_run_that_is_stopped_while_its_reader_is_slow_says_its_last_words():
    class Runner(AgentRunner):
        async def step(self, step):
            yield TextStarted("m")
            yield TextDelta("m", "a")
            await asyncio.Event().wait()

    client = Client()
    client.reading.clear()
    runs = TransientRuns(Runner(), agent="test", timeout_s=60)
    run = await runs.start(alice(), asked("hi"))
    request = Request("POST", "/", Headers([]), client.receive, {})
    answering = asyncio.create_task(stream_events(request, client.send, runs.flow(run), Encoder()))
    for _ in range(3):
        await asyncio.sleep(0)
    assert await runs.cancel(run.id, ALICE) == "canceled"
    await asyncio.sleep(0)
    client.reading.set()
    await asyncio.wait_for(answering, 3)
    frames = Decoder().feed("".join(client.pieces).encode())
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
    assert (frames[-1]["object"], frames[-1]["status"]) == ("response", "canceled")


async def test_an_agent_whose_client_goes_away_may_take_its_time_to_end():
    client, log = Client(), []

    async def tidy():
        try:
            await asyncio.Event().wait()
            yield TextDelta("m", "never")
        finally:
            await asyncio.sleep(0.01)
            log.append("tidied")

    for answering in (client.hears(tidy()), client.folds(tidy(), log.append)):
        task = asyncio.create_task(answering)
        await asyncio.sleep(0)
        client.gone.set()
        await asyncio.wait_for(task, 3)
    assert log == ["tidied", "tidied"]


@pytest.mark.parametrize("wait", [asyncio.Event().wait, lambda: asyncio.sleep(0), lambda: asyncio.sleep(30)])
async def test_a_client_that_goes_away_while_it_does_not_read_closes_the_events(wait):
    client, log = Client(), []
    client.reading.clear()
    answering = asyncio.create_task(client.hears(says("a", wait, "b", wait, "c", log=log)))
    await asyncio.sleep(0)
    client.gone.set()
    await asyncio.wait_for(answering, 3)
    assert log == ["closed"]
    assert client.sent == []


async def test_an_agent_that_does_not_take_a_cancellation_is_not_heard_on():
    client, log = Client(), []

    async def stubborn():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("swallowed")

    answering = asyncio.create_task(client.hears(says(stubborn, *["x" * 5000] * 100, log=log)))
    await eventually(lambda: _begun(client))
    client.gone.set()
    await asyncio.wait_for(answering, 3)
    assert log == ["swallowed", "closed"]
    assert client.pieces == []


async def test_a_server_that_cancels_the_request_closes_the_events_and_is_told_so():
    client, log = Client(), []
    answering = asyncio.create_task(client.hears(says("a", asyncio.Event().wait, log=log)))
    await eventually(lambda: _begun(client))
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert log == ["closed"]


@pytest.mark.parametrize("error", [InputError("no"), ValueError("no")])
async def test_an_error_in_the_middle_ends_the_answer_in_order(error):
    client, log = Client(), []
    await client.hears(says("a", error, log=log))
    assert client.pieces == ["a."]
    assert log == ["closed"]


async def test_silence_is_filled_and_a_busy_stream_is_not(monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)
    client, go = Client(), asyncio.Event()
    answering = asyncio.create_task(client.hears(says("a", go.wait, "b")))
    await eventually(lambda: _holds(client, ["a", ": ping\n\n", ": ping\n\n"]))
    go.set()
    await answering
    assert client.pieces[-1] == "b."


async def test_a_fold_hears_everything_or_says_that_the_client_went_away():
    client, heard = Client(), []
    assert await client.folds(says("a", lambda: asyncio.sleep(0), "b"), heard.append)
    assert [event.text for event in heard] == ["a", "b"]
    log = []
    folding = asyncio.create_task(client.folds(says("a", asyncio.Event().wait, log=log), heard.append))
    await asyncio.sleep(0)
    client.gone.set()
    assert not await asyncio.wait_for(folding, 3)
    assert log == ["closed"]
    assert client.sent == []


async def _takes_turns(turns):
    while True:
        turns.append(1)
        await asyncio.sleep(0)


async def _begun(client):
    return client.sent


async def _holds(client, pieces):
    return client.pieces[: len(pieces)] == pieces
