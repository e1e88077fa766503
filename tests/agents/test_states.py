"""What agents keep in memory is kept as the store does it."""

import pytest

from fujie.agents.states import MemoryStates
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
