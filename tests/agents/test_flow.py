"""Flows: what is ready comes in lists, what has to be waited for comes as it is, and each is ended in order."""

import asyncio
from contextlib import aclosing

import pytest

from fujie.agents.flow import end, flow_of, items_of_flow, let_go
from tests.agents.doubles import collect


class Agent:
    """Says a word, waits, and says another; what becomes of it is noted."""

    def __init__(self):
        self.go, self.told = asyncio.get_running_loop().create_future(), []

    async def words(self):
        try:
            yield "a"
            await self.go
            yield ["b", "c"]
        except BaseException as error:
            self.told.append(type(error).__name__)
            await asyncio.sleep(0)
            raise
        finally:
            self.told.append("closed")


async def test_what_is_ready_comes_before_what_has_to_be_waited_for():
    agent = Agent()
    flow = flow_of(agent.words())
    assert flow.send(None) == ["a"]
    waits = flow.send(None)
    assert waits is agent.go
    agent.go.set_result(None)
    assert flow.send(None) == ["b", "c"]
    with pytest.raises(StopIteration):
        flow.send(None)
    assert agent.told == ["closed"]


async def test_the_items_of_a_flow_come_one_by_one():
    agent = Agent()
    agent.go.set_result(None)
    assert await collect(items_of_flow(flow_of(agent.words()))) == ["a", "b", "c"]


async def test_a_flow_that_is_left_where_something_was_ready_is_closed_there():
    agent = Agent()
    async with aclosing(items_of_flow(flow_of(agent.words()))) as items:
        assert await anext(items) == "a"
    assert agent.told == ["GeneratorExit", "closed"]


async def test_a_reader_that_is_canceled_cancels_what_the_flow_waits_for():
    agent = Agent()
    reading = asyncio.create_task(collect(items_of_flow(flow_of(agent.words()))))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert agent.told == ["CancelledError", "closed"]
    assert agent.go.cancelled()


@pytest.mark.parametrize("meanwhile", ["nothing came", "what it waited for came"])
async def test_a_flow_that_is_let_go_does_nothing_more(meanwhile):
    agent = Agent()
    flow = flow_of(agent.words())
    flow.send(None)
    waits = flow.send(None)
    if meanwhile.startswith("what"):
        agent.go.set_result(None)
    await asyncio.wait_for(let_go(flow, waits), 5)
    await end(flow)
    assert agent.told == ["CancelledError", "closed"]


async def test_a_flow_that_goes_on_when_it_is_let_go_is_ended_all_the_same():
    told = []

    async def stubborn():
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            yield "farewell"
            told.append("went on")

    flow = flow_of(stubborn())
    await asyncio.wait_for(let_go(flow, flow.send(None)), 5)
    await end(flow)
    assert flow.gi_frame is None
    assert told == []


async def test_an_agent_that_takes_its_time_to_close_is_waited_for():
    told = []

    async def tidy():
        try:
            yield "a"
        finally:
            await asyncio.sleep(0)
            told.append("tidied")

    flow = flow_of(tidy())
    flow.send(None)
    await end(flow)
    assert told == ["tidied"]


async def test_an_error_of_the_agent_is_the_flows():
    async def failing():
        yield 1
        raise LookupError("no")

    flow = flow_of(failing())
    assert flow.send(None) == [1]
    with pytest.raises(LookupError):
        flow.send(None)
    await end(flow)
