"""An agent's own code that meets what its user has to allow: the run pauses, and the code is called again."""

import asyncio
from datetime import timedelta

import pytest

from fujie.agents.app import AgentApp
from fujie.agents.execution import Timing
from fujie.agents.runs import RunService
from fujie.agents.tool_client import ToolOutcome
from fujie.agents.transient import TransientRuns
from fujie.identity.behalf import current_behalf, on_behalf_of
from fujie.identity.errors import AuthorizationRequired, CloudUnavailableError, OwnAuthorizationRequired
from fujie.identity.links import Link
from fujie.permission import ConsentRequest, Scope
from fujie.protocols.events import ConsentRequired, RunFailed, TextDelta
from tests.agents.doubles import ALICE, FakeTools, World, alice, asked, collect, eventually, kinds

TEXT = ["TextStarted", "TextDelta", "TextEnded"]


def stack(function, framework="text", **answers):
    """Return a stack's world whose agent is a function."""
    app = AgentApp("Own")
    app.query(framework=framework)(function)
    return World(app.own.runner, FakeTools(**answers))


def said(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def begun(runs, **fields):
    run = await runs.start(alice(), asked("hi", **fields))
    return run, await collect(runs.execute(run))


def waiting_tools(world, calls):
    """Let `look` answer at once and `get_time` after a consent; each call is noted."""

    async def look(call, behalf):
        calls.append(("look", call.call_id))
        return ToolOutcome("seen", ok=True, duration_ms=1)

    asks = world.consenting_tool("c1")

    async def get_time(call, behalf):
        calls.append(("get_time", call.call_id))
        return await asks(call, behalf)

    world.tools.answers |= {"look": look, "get_time": get_time}


async def both(context):
    seen = await context.call_tool("look", {"at": "it"})
    yield f"{seen.output}; "
    time = await context.call_tool("get_time")
    yield time.output


async def test_in_a_stack_a_function_that_calls_a_tool_pauses_and_is_called_again_after_the_grant():
    calls = []
    world = stack(both)
    waiting_tools(world, calls)
    runs = world.service()
    run, events = await begun(runs)
    assert kinds(events) == [
        "RunStarted", "ToolCalled", "ToolReturned", "TextStarted", "TextDelta", "ToolCalled", "ConsentRequired",
        "TextEnded", "RunPaused",
    ]  # fmt: skip
    assert (await runs.find(run.id, ALICE)).status == "waiting"
    await world.settle("c1", "completed")
    more = await collect(runs.resume(run.id))
    assert kinds(more) == [
        "RunResumed", "ConsentResolved", "TextStarted", "TextDelta", "ToolReturned", "TextDelta", "TextEnded",
        "RunCompleted",
    ]  # fmt: skip
    assert said(more) == "seen; it is noon"
    assert [name for name, _ in calls] == ["look", "get_time", "get_time"], "what gave something is not called again"
    assert calls[1] == calls[2]


@pytest.mark.parametrize(("status", "code"), [("denied", "consent_denied"), ("expired", "consent_expired")])
async def test_what_was_not_allowed_ends_the_run_with_its_code(status, code):
    world = stack(both)
    waiting_tools(world, [])
    runs = world.service()
    run, _ = await begun(runs)
    await world.settle("c1", status)
    more = await collect(runs.resume(run.id))
    assert kinds(more) == ["RunResumed", "ConsentResolved", "RunFailed"]
    assert more[-1].code == code
    row = await runs.find(run.id, ALICE)
    assert (row.status, row.error) == ("failed", code)


async def test_the_pause_survives_the_process_that_began_the_run():
    calls = []
    world = stack(both)
    waiting_tools(world, calls)
    run, _ = await begun(world.service())
    await world.settle("c1", "completed")
    assert said(await collect(world.service().resume(run.id))) == "seen; it is noon"
    assert [name for name, _ in calls] == ["look", "get_time", "get_time"]


async def test_a_call_with_other_arguments_is_made_though_python_takes_them_for_equal():
    calls, given = [], [1, True]

    async def sets(context):
        await context.call_tool("look", {"on": given.pop(0)})
        yield (await context.call_tool("get_time")).output

    world = stack(sets)
    waiting_tools(world, calls)
    runs = world.service()
    run, _ = await begun(runs)
    await world.settle("c1", "completed")
    assert said(await collect(runs.resume(run.id))) == "it is noon"
    made = [repr(call.arguments) for call, _ in world.tools.calls if call.name == "look"]
    assert made == ["{'on': 1}", "{'on': True}"]


async def test_calls_that_are_under_way_at_the_pause_are_made_once():
    calls, go = [], asyncio.Event()

    async def at_once(context):
        yield str(
            [each.output for each in await asyncio.gather(context.call_tool("get_time"), context.call_tool("slow"))]
        )

    world = stack(at_once)
    waiting_tools(world, calls)

    async def slow(call, behalf):
        calls.append(("slow", call.call_id))
        await go.wait()
        return ToolOutcome("slowly", ok=True)

    world.tools.answers["slow"] = slow
    runs = world.service()
    run = await runs.start(alice(), asked("hi"))
    executing = asyncio.create_task(collect(runs.execute(run)))
    await eventually(lambda: _is(len(calls) == 2))
    go.set()
    assert kinds(await executing)[-1] == "RunPaused"
    await world.settle("c1", "completed")
    assert said(await collect(runs.resume(run.id))) == "['it is noon', 'slowly']"
    assert [name for name, _ in calls].count("slow") == 1


async def test_a_function_may_deal_with_it_itself():
    async def deals(context):
        try:
            await context.call_tool("get_time")
        except AuthorizationRequired as required:
            yield required.consent.connect_url

    world = stack(deals)
    waiting_tools(world, [])
    _, events = await begun(world.service())
    assert said(events).endswith("/connect/c1")
    assert kinds(events)[-1] == "RunCompleted"


async def test_a_function_that_failed_leaves_no_call_behind():
    called, stopped = asyncio.Event(), asyncio.Event()

    async def leaves(context):
        asyncio.get_running_loop().create_task(context.call_tool("slow")).add_done_callback(
            lambda task: task.cancelled() or task.exception()
        )
        await called.wait()
        raise ValueError("no")
        yield

    world = stack(leaves)

    async def slow(call, behalf):
        called.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    world.tools.answers["slow"] = slow
    _, events = await begun(world.service())
    assert isinstance(events[-1], RunFailed)
    assert stopped.is_set()


async def _is(true):
    return true


class Own:
    """Code with an own identity: what it needs is there once somebody says so."""

    def __init__(self):
        self.granted, self.calls, self.links, self.stands = False, [], [], "open"

    async def answer(self, context):
        self.calls.append(context.is_resumed)
        yield "Well, "
        if not self.granted:
            raise self.required()
        yield "there you are"

    def required(self, **fields):
        async def ask():
            if self.stands == "away":
                raise CloudUnavailableError("the cloud is away")
            return self.stands

        ends = self.clock() + timedelta(minutes=9)
        link = Link(f"urn:session:{len(self.links)}", ends, ask)
        self.links.append(link)
        shown = ConsentRequest(
            "",
            "library",
            "Library",
            (Scope("books.read"),),
            "",
            "",
            "https://cloud.example/authorize",
            ends.isoformat(),
        )
        return OwnAuthorizationRequired(shown, session_uri=link.session_uri, expires_at=ends, link=link)


def durable(world):
    timing = Timing(timedelta(seconds=15), 0.02, 10.0, world.clock)
    return RunService(world.store, world.mind, world.tools, agent="Own", timing=timing)


def transient(world):
    return TransientRuns(world.mind, agent="Own", timeout_s=10.0, now=world.clock)


@pytest.fixture(params=[durable, transient])
def own(request):
    """Give code with an own identity, and runs of it in each way of keeping them."""
    made = Own()
    world = stack(made.answer)
    made.clock, made.runs = world.clock, request.param(world)
    return made


async def test_code_with_an_own_identity_pauses_with_the_clouds_link(own):
    run, events = await begun(own.runs, session_id="s")
    assert kinds(events) == ["RunStarted", *TEXT, "ConsentRequired", "RunPaused"]
    request = next(event.request for event in events if isinstance(event, ConsentRequired))
    assert (request.provider, request.tool) == ("library", "Own")
    assert request.connect_url == "https://cloud.example/authorize"
    assert len(request.consent_id) >= 32
    assert events[-1].waiting_for == (request.consent_id,)
    assert (await own.runs.find(run.id, ALICE)).status == "waiting"
    assert (await own.runs.current("s", ALICE)).id == run.id
    assert kinds(await collect(own.runs.watch(run.id, ALICE, follow=False))) == kinds(events)


async def test_the_run_goes_on_by_itself_once_the_permission_is_confirmed_here(own):
    run, _ = await begun(own.runs)
    watching = asyncio.create_task(collect(own.runs.watch(run.id, ALICE)))
    await asyncio.sleep(0)
    own.granted = True
    for listener in own.links[-1].listeners:
        await asyncio.to_thread(listener)
    events = await asyncio.wait_for(watching, 5)
    assert kinds(events)[6:] == [
        "RunResumed",
        "ConsentResolved",
        "TextStarted",
        "TextDelta",
        "TextDelta",
        "TextEnded",
        "RunCompleted",
    ]
    assert own.calls == [False, True]
    assert (await own.runs.find(run.id, ALICE)).status == "completed"


async def test_a_run_that_goes_on_has_its_own_context_not_that_of_whoever_told_of_the_grant(own):
    seen, answer = [], own.answer

    async def noting(context):
        seen.append(current_behalf().user_id)
        async for item in answer(context):
            yield item

    app = AgentApp("Own")
    app.query(framework="text")(noting)
    own.runs._runner = app.own.runner
    with on_behalf_of(user_id="alice"):
        run, _ = await begun(own.runs)
    own.granted = True
    with on_behalf_of(user_id="whoever"):
        for listener in own.links[-1].listeners:
            listener()
    assert kinds(await asyncio.wait_for(collect(own.runs.watch(run.id, ALICE)), 30))[-1] == "RunCompleted"
    assert seen == ["alice", "alice"]


async def test_whoever_asks_it_to_go_on_finds_out_what_was_granted_elsewhere(own):
    run, _ = await begun(own.runs)
    assert await collect(own.runs.resume(run.id)) == []
    own.clock.advance(seconds=4)
    assert await collect(own.runs.resume(run.id)) == []
    own.granted, own.stands = True, "granted"
    own.clock.advance(seconds=4)
    assert kinds(await collect(own.runs.resume(run.id)))[-1] == "RunCompleted"
    assert own.calls == [False, True], "a look costs no call of the code"


async def test_a_refusal_elsewhere_ends_the_run(own):
    run, _ = await begun(own.runs)
    own.stands = "refused"
    own.clock.advance(seconds=4)
    more = await collect(own.runs.resume(run.id))
    assert kinds(more) == ["RunResumed", "ConsentResolved", "RunFailed"]
    assert (more[1].outcome, more[2].code) == ("denied", "consent_denied")
    assert own.calls == [False]


async def test_a_cloud_that_cannot_be_asked_leaves_it_open(own):
    run, _ = await begun(own.runs)
    own.stands = "away"
    own.clock.advance(seconds=4)
    assert await collect(own.runs.resume(run.id)) == []
    assert (await own.runs.find(run.id, ALICE)).status == "waiting"


async def test_the_time_for_an_answer_ends_the_run(own):
    run, _ = await begun(own.runs)
    own.clock.advance(minutes=10)
    more = await collect(own.runs.resume(run.id))
    assert (more[1].outcome, more[2].code) == ("expired", "consent_expired")


async def test_a_run_that_waits_is_canceled(own):
    run, _ = await begun(own.runs, session_id="s")
    assert await own.runs.cancel(run.id, ALICE) == "canceled"
    assert await own.runs.current("s", ALICE) is None
    events = await collect(own.runs.watch(run.id, ALICE))
    assert kinds(events)[-2:] == ["ConsentResolved", "RunCanceled"]
    assert await collect(own.runs.resume(run.id)) == []


async def test_a_second_permission_pauses_it_once_more(own):
    run, _ = await begun(own.runs)
    own.stands = "granted"
    own.clock.advance(seconds=4)
    assert kinds(await collect(own.runs.resume(run.id)))[-2:] == ["ConsentRequired", "RunPaused"]
    own.granted = True
    own.clock.advance(seconds=4)
    assert kinds(await collect(own.runs.resume(run.id)))[-1] == "RunCompleted"


async def test_code_that_has_called_a_tool_pauses_for_its_own_permission():
    made, calls = Own(), []

    async def looks_first(context):
        yield (await context.call_tool("look")).output
        async for item in made.answer(context):
            yield item

    world = stack(looks_first)
    waiting_tools(world, calls)
    made.clock, runs = world.clock, durable(world)
    run, events = await begun(runs)
    assert kinds(events)[-2:] == ["ConsentRequired", "RunPaused"]
    made.granted, made.stands = True, "granted"
    world.clock.advance(seconds=4)
    assert said(await collect(runs.resume(run.id))) == "seenWell, there you are"
    assert [name for name, _ in calls] == ["look"]


async def test_what_another_process_asked_is_asked_anew_and_counts_as_cancelled():
    made = Own()
    world = stack(made.answer)
    made.clock = world.clock
    run, events = await begun(durable(world))
    asked_first = events[-1].waiting_for[0]
    runs = durable(world)
    more = await collect(runs.resume(run.id))
    assert kinds(more) == ["RunResumed", "ConsentResolved", *TEXT, "ConsentRequired", "RunPaused"]
    assert more[1].outcome == "cancelled"
    assert (await world.store.consent(asked_first)).status == "cancelled"
    assert await collect(runs.resume(run.id)) == [], "what was asked here waits for its answer"
    made.granted, made.stands = True, "granted"
    world.clock.advance(seconds=4)
    assert kinds(await collect(runs.resume(run.id)))[-1] == "RunCompleted"
    assert made.calls == [False, True, True]


async def test_code_whose_user_has_to_sign_in_again_is_not_called_anew():
    world = stack(both)
    waiting_tools(world, [])
    runs = world.service()
    run, _ = await begun(runs)
    await world.settle("c1", "cancelled")
    more = await collect(runs.resume(run.id))
    assert (kinds(more)[-1], more[-1].code) == ("RunFailed", "sign_in_again")


async def test_a_request_without_a_link_waits_until_its_time_is_over(own):
    linked = own.required

    def required():
        return AuthorizationRequired(linked().consent)

    own.required = required
    run, events = await begun(own.runs)
    assert kinds(events)[-1] == "RunPaused"
    own.clock.advance(seconds=4)
    assert await collect(own.runs.resume(run.id)) == []
    own.clock.advance(minutes=10)
    assert (await collect(own.runs.resume(run.id)))[-1].code == "consent_expired"
    assert own.calls == [False]


async def test_who_looked_at_one_pause_does_not_go_on_with_the_next():
    made, looked, go = Own(), asyncio.Event(), asyncio.Event()
    world = stack(made.answer)
    made.clock, runs = world.clock, transient(world)
    run, _ = await begun(runs)

    async def ask():
        looked.set()
        await go.wait()
        return "open"

    made.links[0].ask = ask
    world.clock.advance(seconds=4)
    looking = asyncio.create_task(collect(runs.resume(run.id)))
    await looked.wait()
    made.links[0].listeners[0]()
    await eventually(lambda: _is(len(made.links) == 2 and runs.in_background() == 0), timeout_s=30)
    go.set()
    assert await looking == []
    assert (await runs.find(run.id, ALICE)).status == "waiting"
    assert made.calls == [False, True]


async def test_what_a_framework_wrapped_is_found(own):
    inner = own.answer

    async def wrapped(context):
        try:
            async for item in inner(context):
                yield item
        except OwnAuthorizationRequired as required:
            raise RuntimeError("the tool failed") from required

    app = AgentApp("Own")
    app.query(wrapped)
    own.runs._runner = app.own.runner
    _, events = await begun(own.runs)
    assert kinds(events)[-1] == "RunPaused"
