"""What agents keep in memory is kept as the store does it."""

import pytest

from fujie.agents.states import MemoryStates
from fujie.sessions.rows import AgentState
from tests.agents.doubles import ALICE
from tests.sessions import test_store


@pytest.mark.parametrize(
    "rule",
    [
        test_store.test_what_an_agent_keeps_of_a_session_is_numbered_and_its_own_alone,
        test_store.test_an_agents_older_states_go_and_a_number_is_written_anew,
    ],
    ids=lambda rule: rule.__name__,
)
async def test_the_stores_rules_hold_in_memory(rule):
    await rule(MemoryStates())


async def test_what_is_remembered_is_bounded_whatever_it_is_called(monkeypatch):
    monkeypatch.setattr("fujie.agents.states.MAX_CHARS", 10)
    states = MemoryStates()
    for name in "abc":
        await states.put_agent_state(AgentState(ALICE, name, "state", 1, "12345"))
    assert [len(await states.agent_states(ALICE, name, "state")) for name in "abc"] == [0, 1, 1]
    await states.put_agent_state(AgentState(ALICE, "c", "state", 1, "123"))
    await states.drop_agent_states(ALICE, "b", "state")
    await states.put_agent_state(AgentState(ALICE, "a", "state", 1, "1234567"))
    assert [len(await states.agent_states(ALICE, name, "state")) for name in "abc"] == [1, 0, 1]
    await states.put_agent_state(AgentState(ALICE, "d", "state", 1, "x" * 11))
    assert not await states.agent_states(ALICE, "d", "state")
