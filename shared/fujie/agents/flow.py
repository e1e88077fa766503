"""A flow: a plain generator that gives lists of what is ready, and between them what the event loop has to wait for.

Whoever steps a flow does so in his own task: he hands what is no list to the loop, and the loop's answer back. What is
ready costs no turn of the loop and no async generator then, and he learns of a wait before it begins.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from types import coroutine
from typing import Any, Final, TypeAlias

from fujie.agents.stepping import Step, rest

Flow: TypeAlias = Generator[Any, Any, None]
END: Final = object()


@coroutine
def flow_of(items: AsyncGenerator[Any, None]) -> Flow:
    """Return the flow of what an async generator yields: events one by one, or lists of them."""
    begin = items.__anext__
    try:
        while True:
            step: Step = begin()  # type: ignore[assignment]  # what native generators return
            try:
                waits = step.send(None)
            except StopIteration as done:
                item = done.value
            else:
                item = yield from rest(step, waits)
            yield item if type(item) is list else [item]
    except StopAsyncIteration:
        return
    finally:
        yield from items.aclose()


async def items_of_flow(flow: Flow) -> AsyncGenerator[Any, None]:
    """Yield what a flow gives, one by one; closing this ends the flow."""
    given = _go_on(flow)
    try:
        while given is not END:
            if type(given) is list:
                for item in given:
                    yield item
                given = _go_on(flow)
            else:
                given = await waited(flow, given)
    finally:
        await end(flow)


@coroutine
def waited(flow: Flow, waits: Any) -> Generator[Any, Any, Any]:
    """Wait for what a flow waits for, and return what it gives then, or END."""
    try:
        given = yield waits
    except GeneratorExit:
        flow.close()
        raise
    except BaseException as error:  # noqa: BLE001 - handed on to where it belongs
        return _thrown(flow, error)
    return _go_on(flow, given)


async def let_go(flow: Flow, waits: Any) -> Any:
    """Cancel what a flow waits for, and return what it gives when it has noticed: a list, or END. `end` it then."""
    is_canceled = waits is not None and waits.cancel()  # one that is done already cannot be canceled any more
    with suppress(asyncio.CancelledError):
        given = waits if is_canceled else _thrown(flow, asyncio.CancelledError())
        while given is not END and type(given) is not list:
            given = await waited(flow, given)
        return given
    return END


async def end(flow: Flow) -> None:
    """End a flow that is not waiting: nothing more is asked of it, and its agent is closed; one at its end stays so."""
    given = _thrown(flow, GeneratorExit())
    while given is not END:
        given = _thrown(flow, GeneratorExit()) if type(given) is list else await waited(flow, given)


def _go_on(flow: Flow, given: Any = None) -> Any:
    try:
        return flow.send(given)
    except (StopIteration, GeneratorExit):  # its end, or that of one whose agent took its time to close
        return END


def _thrown(flow: Flow, error: BaseException) -> Any:
    try:
        return flow.throw(error)
    except (StopIteration, GeneratorExit):
        return END
    finally:
        del error  # which holds this frame, else for good
