"""Generators stepped by hand: what a step that is given up may still do."""

import asyncio

import pytest

from fujie.agents.stepping import let_go


@pytest.mark.parametrize("meanwhile", ["nothing came", "what it waited for came", "it let others have their turn"])
async def test_a_step_that_is_let_go_does_nothing_more(meanwhile):
    told, waited_for = [], asyncio.get_running_loop().create_future()

    async def agent():
        try:
            await (asyncio.sleep(0) if meanwhile.startswith("it let") else waited_for)
            told.append("went on")
            await asyncio.Event().wait()
            yield 1
        except asyncio.CancelledError:
            told.append("canceled")
            raise

    items = agent()
    step = items.__anext__()
    waits = step.send(None)
    if meanwhile.startswith("what"):
        waited_for.set_result(None)
    await asyncio.wait_for(let_go(step, waits), 5)
    await items.aclose()
    assert told == ["canceled"]


async def test_a_step_that_says_something_at_its_end_is_let_go_all_the_same():
    async def agent():
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            yield "farewell"

    items = agent()
    step = items.__anext__()
    await asyncio.wait_for(let_go(step, step.send(None)), 5)
    await items.aclose()
