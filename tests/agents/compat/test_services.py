"""The services of AgentScope Runtime's quickstart: kept in memory, or by the store that keeps the runs."""

import pytest

from fujie.agents.app import AgentApp
from fujie.agents.compat import InMemorySessionHistoryService, InMemoryStateService
from fujie.agents.compat.services import MAX_ROUNDS, NotStartedError
from fujie.agents.config import AgentConfig
from fujie.agents.states import MemoryStates
from fujie.identity.rows import User
from fujie.sessions.migrate import migrate
from fujie.sessions.rows import AgentState
from tests.agents.calling import alive, said


async def test_the_latest_state_of_a_session_comes_back():
    async with InMemoryStateService() as service:
        assert await service.export_state("u", "s") is None
        assert [await service.save_state("u", {"n": n}, "s") for n in (1, 2)] == [1, 2]
        assert await service.export_state("u", "s") == {"n": 2}
        assert await service.export_state("u", "s", round_id=1) == {"n": 1}
        assert await service.export_state("u", "other") is None
        assert await service.export_state("v", "s") is None


async def test_a_round_can_be_written_anew_and_old_rounds_go():
    async with InMemoryStateService() as service:
        for n in range(MAX_ROUNDS + 5):
            await service.save_state("u", {"n": n})
        await service.save_state("u", {"n": "again"}, round_id=MAX_ROUNDS)
        assert await service.export_state("u", round_id=5) is None
        assert await service.export_state("u", round_id=MAX_ROUNDS) == {"n": "again"}


async def test_messages_are_appended_and_sessions_listed_and_forgotten():
    async with InMemorySessionHistoryService() as service:
        session = await service.create_session("u", " s ")
        await service.append_message(session, {"n": 1})
        await service.append_message(session, [{"n": 2}, {"n": 3}])
        assert session.messages == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert (await service.get_session("u", "s")).messages == session.messages
        assert [(found.id, found.messages) for found in await service.list_sessions("u")] == [("s", [])]
        assert (await service.get_session("v", "s")).messages == []
        await service.delete_session("u", "s")
        assert (await service.get_session("u", "s")).messages == []


@pytest.mark.parametrize("service", [InMemoryStateService, InMemorySessionHistoryService])
async def test_a_service_that_was_not_started_says_so(service):
    made = service()
    assert not await made.health()
    with pytest.raises(NotStartedError):
        made._place("u")
    await made.start()
    assert await made.health()
    await made.stop()
    assert not await made.health()


def counting(config):
    """An agent that says how often it was asked, as its state service and its own context remember it."""
    app = AgentApp("Counter", config=config)

    @app.init
    async def start(self):
        self.states = InMemoryStateService()
        await self.states.start()

    @app.query(framework="text")
    async def answer(self, request, context):
        state = await self.states.export_state(session_id=request.session_id, user_id=request.user_id) or {"n": 0}
        await self.states.save_state(request.user_id, {"n": state["n"] + 1}, request.session_id)
        kept = (await context.load_state("plan") or []) + ["step"]
        await context.save_state(kept, "plan")
        yield f"{state['n']} {len(kept)}"

    return app


async def test_within_a_process_a_state_outlives_its_run():
    app = counting(AgentConfig(open_access=True))
    async with alive(app):
        assert [await said(app, session_id=session) for session in ("s", "s", "t")] == ["0 1", "1 2", "0 1"]


async def test_with_a_store_a_state_outlives_the_process(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}"
    await migrate(url)
    config = AgentConfig(open_access=True, database_url=url)
    for expected in ("0 1", "1 2"):
        app = counting(config)
        async with alive(app):
            assert await said(app, session_id="s") == expected


async def test_memory_holds_the_places_that_were_used_last():
    states, user = MemoryStates(max_places=2), User("t", "u", "u")
    for session_id in ("a", "b", "c"):
        await states.put_agent_state(AgentState(user, session_id, "plan", 1, "1"))
    assert await states.agent_state_sessions(user, "plan") == ["b", "c"]
