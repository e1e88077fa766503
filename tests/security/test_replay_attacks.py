"""Internal tokens used for something else than what they were minted for, and tokens made to break their reader."""

from base64 import urlsafe_b64encode

import pytest

from fujie.identity.claims import unverified_header
from fujie.identity.errors import TokenInvalidError
from fujie.secret import Secret
from tests.agents.doubles import FakeTools, ScriptedMind
from tests.functions.process_world import ALICE, KEYS, ProcessWorld, question


@pytest.fixture
def process():
    return ProcessWorld(ScriptedMind("hello"), FakeTools())


@pytest.mark.parametrize("minter", ["chat", "callback"])
async def test_a_wake_up_token_asks_no_question(process, minter):
    """Hurt: Alice; wake-up tokens lie in the platform's queue, and one would have started any run in her name."""
    answer = await process.ask(question("hi", session_id="s"), await process.bearer(minter, run_id="run-1"))
    assert answer.status_code == 401
    assert await process.store.conversation("s") is None


async def test_a_wake_up_token_cancels_nothing(process):
    """Hurt: Alice, whose other runs a wake-up token would have ended."""
    answer = await process.ask(question("hi", session_id="s"))
    run_id = answer.text.split('"id":"response_')[1].split('"')[0]
    headers = await process.bearer(run_id=run_id)
    assert (await process.client.post(f"/runtime/runs/{run_id}/cancel", headers=headers)).status_code == 401


async def test_a_question_token_wakes_nothing(process, monkeypatch):
    """Hurt: Alice, whose paused run would go on at a moment that is not hers."""
    monkeypatch.setenv("FC_FUNCTION_NAME", "process")
    token = (await process.bearer())["authorization"].removeprefix("Bearer ")
    run = await process.runs.start(*await _alices(process))
    event = {"type": "resume_run", "run_id": run.id, "token": token}
    answer = await process.client.post("/invoke", json=event, headers={"x-fc-control-path": "/invoke"})
    assert answer.status_code == 403


async def _alices(process):
    from fujie.agents.runs import Principal
    from fujie.protocols.agentscope.request import AgentRequest

    return Principal(ALICE, await process.delegation(ALICE, "dlg-alice")), AgentRequest.from_value(question("hi"))


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_token_of_brackets_is_refused_like_any_other(opening):
    """Hurt: everybody else on the instance, were each such token a crash with a traceback."""
    part = urlsafe_b64encode(opening * 2000).rstrip(b"=").decode()
    with pytest.raises(TokenInvalidError):
        unverified_header(Secret(f"{part}.e30.c2ln"))


async def test_a_token_of_brackets_is_a_401(process):
    """Hurt: whoever reads the log."""
    part = urlsafe_b64encode(b"[" * 2000).rstrip(b"=").decode()
    answer = await process.ask(question("hi"), {"authorization": f"Bearer {part}.e30.c2ln"})
    assert answer.status_code == 401


def test_the_keys_of_the_test_are_not_one_key():
    """Hurt: nobody; with one key for all, the refusals above would prove nothing."""
    assert len({private.reveal() for private, _ in KEYS.values()}) == len(KEYS)
