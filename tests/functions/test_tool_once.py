"""A call that writes happens once, however often process asks for it: whoever asks again hears what came of it."""

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from fujie import OAuth, clock, tool
from fujie.fc.handler import fc_handler
from fujie.identity.internal import arguments_hash
from fujie.sessions.errors import StoreUnavailableError
from fujie.sessions.memory import MemoryStore
from fujie.sessions.rows import Deed
from functions.tool.app import create_app
from functions.tool.parts import parts_from_settings
from tests.functions.test_tool import event
from tests.functions.tool_world import ALICE, Loopback, add_person, settings_for, token_for

HOST = "api.dingtalk.example"
PAGE = "/partners/dingtalk/api/v1/notes"
NOTE = {"text": "hello"}


@tool(credential=OAuth("dingtalk", {"document.write": "Write"}), hosts=[HOST], effect="write")
async def note(context, text: str):
    """Append a note."""
    answer = await context.http.post(f"https://{HOST}/v1/notes", json={"text": text})
    answer.raise_for_status()
    return answer.json()


@tool(credential=OAuth("dingtalk", {"document.read": "Read"}), hosts=[HOST])
async def notes(context):
    """Read the notes."""
    return (await context.http.get(f"https://{HOST}/v1/notes")).json()


@pytest.fixture
def world():
    with Loopback() as loopback:
        loopback.pages[PAGE] = (200, {}, {"length": 1})
        yield loopback


@pytest.fixture
def store():
    store = MemoryStore()
    asyncio.run(add_person(store, ALICE, "alice"))
    return store


@pytest.fixture
def instance(world, store, monkeypatch):
    """A function that starts an instance of tool and returns what asks it for one call."""
    for name in ("ID", "SECRET"):
        monkeypatch.setenv(f"ALIBABA_CLOUD_ACCESS_KEY_{name}", "x")
    started = []

    def start():
        handler = fc_handler(create_app(parts_from_settings(settings_for(world), [note, notes], store=store)))
        started.append(handler)

        def call(name="note", arguments=NOTE, call_id="call-1"):
            body = json.dumps({"call_id": call_id, "arguments": arguments, "language": "en"})
            token = token_for(name, arguments, call=call_id)
            return json.loads(handler(event("POST", f"/tools/{name}/call", body, token), SimpleNamespace())["body"])

        return call

    yield start
    for handler in started:
        handler.close()


def begun(store, held_until, call_id="call-1"):
    identity = f"call:run-alice:{call_id}:note:{arguments_hash(NOTE)}"
    deed = Deed(identity, "running", held_until, clock.now() + timedelta(days=1))
    asyncio.run(store.claim_deed(deed, clock.now()))


def test_a_write_that_is_asked_for_again_is_not_made_again_and_says_what_came_of_it(instance, world):
    first = instance()()
    again = instance()()
    assert first["status"] == "ok"
    assert again == first
    assert len(world.requests) == 1


def test_so_does_one_that_its_provider_refused(instance, world):
    world.pages[PAGE] = (422, {}, {})
    call = instance()
    first = call()
    world.pages[PAGE] = (200, {}, {"length": 1})
    assert first["error"]["code"] == "provider_refused"
    assert call() == first
    assert len(world.requests) == 1


@pytest.mark.parametrize("held", [timedelta(minutes=1), timedelta(minutes=-1)], ids=["at it", "gone"])
def test_a_write_that_another_instance_began_and_did_not_end_says_that_its_outcome_is_unknown(
    instance, world, store, held
):
    begun(store, clock.now() + held)
    call = instance()
    for _ in range(2):
        answer = call()
        assert (answer["status"], answer["error"]["code"]) == ("error", "outcome_unknown")
        assert "look before trying again" in answer["error"]["repair"]
    assert world.requests == []


def test_a_write_that_waits_for_permission_has_not_begun(instance, world, store):
    world.needs_consent = True
    waits = instance()()
    assert waits["status"] == "authorization_required"
    asyncio.run(store.move_consent(waits["consent"]["consent_id"], ("requested",), "completed"))
    world.needs_consent = False
    assert instance()()["status"] == "ok"
    assert len(world.requests) == 1


def test_another_call_or_other_arguments_are_another_write(instance, world):
    call = instance()
    call()
    call(call_id="call-2")
    call(arguments={"text": "other"})
    assert len(world.requests) == 3


def test_a_reading_is_made_as_often_as_it_is_asked_for(instance, world):
    call = instance()
    for _ in range(2):
        assert call("notes", {})["status"] == "ok"
    assert len(world.requests) == 2


def test_a_write_whose_end_cannot_be_noted_is_answered_and_unknown_to_who_asks_again(instance, world, store):
    async def away(*_):
        raise StoreUnavailableError("away")

    end, store.end_deed = store.end_deed, away
    assert instance()()["status"] == "ok"
    store.end_deed = end
    assert instance()()["error"]["code"] == "outcome_unknown"
    assert len(world.requests) == 1
