"""The program with an agent whose tools wait for events: triggers, queue and destination as the engine is told."""

import json

import pytest

from tests.infra.mocked import ACCOUNT, run_program

AGENT = '''
from fujie import AgentApp, ObjectCreated, QueueMessage, Schedule, tool

@tool(on=[ObjectCreated("in/"), Schedule("0 0 8 * * *", "早安"), QueueMessage("orders")])
async def look(context):
    """Look at what came."""

app = AgentApp(app_name="watcher", app_description="Watches a folder.", tools=[look])
'''
MESSAGES = f"acs:mns:cn-beijing:{ACCOUNT}:/queues/fujie-dev-dead-letters/messages"


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agent")
    (folder / "agent.py").write_text(AGENT)
    with pytest.MonkeyPatch.context() as patch:
        yield run_program(patch, folder, agent=str(folder / "agent.py"))


def test_each_source_is_a_trigger_of_tool(declared):
    found = {name: each for name, each in declared.of("V3Trigger").items() if name.startswith("on-")}
    assert {each["functionName"] for each in found.values()} == {"fujie-dev-tool"}
    assert [(each["triggerName"], each["triggerType"]) for each in found.values()] == [
        ("look-0", "oss"),
        ("look-1", "timer"),
        ("look-2", "eventbridge"),
    ]
    assert json.loads(found["on-look-1"]["triggerConfig"])["payload"] == "早安"


def test_an_object_trigger_names_the_stacks_bucket_and_the_role_that_invokes(declared):
    trigger = declared.of("V3Trigger")["on-look-0"]
    assert trigger["sourceArn"] == f"acs:oss:cn-beijing:{ACCOUNT}:fujie-dev-{ACCOUNT}"
    assert trigger["invocationRole"] == f"acs:ram::{ACCOUNT}:role/fujie-dev-objects-role"
    assert not {"sourceArn", "invocationRole"} & declared.of("V3Trigger")["on-look-1"].keys()


def test_what_fails_for_good_ends_in_the_queue_of_the_stack(declared):
    queues = declared.of("ServiceQueue")
    assert {name: each["queueName"] for name, each in queues.items()} == {name: name for name in queues}
    assert all(each["tags"] == {"app": "fujie", "stack": "dev"} for each in queues.values())
    assert "dlqPolicy" not in queues.pop("fujie-dev-dead-letters")
    ((name, orders),) = queues.items()
    letters = {"enabled": True, "deadLetterTargetQueue": MESSAGES.removesuffix("/messages"), "maxReceiveCount": 16}
    assert (name, orders["dlqPolicy"]) == ("fujie-dev-orders", letters)
    ends = {name: each.get("destinationConfig") for name, each in declared.of("V3AsyncInvokeConfig").items()}
    assert ends.pop("tool-async") == {"onFailure": {"destination": MESSAGES}}
    assert set(ends.values()) == {None}


def test_tool_alone_knows_what_a_queue_is_called_in_the_account(declared):
    environments = {name: each["environmentVariables"] for name, each in declared.of("V3Function").items()}
    told = {name: each["FUJIE_QUEUES"] for name, each in environments.items() if "FUJIE_QUEUES" in each}
    assert told == {"tool": '{"orders": "fujie-dev-orders"}'}


def test_the_functions_are_given_the_agent_of_the_file(declared):
    environments = {name: each["environmentVariables"] for name, each in declared.of("V3Function").items()}
    assert environments["tool"]["FUJIE_AGENT"] == "agent/agent.py"
    assert json.loads(environments["chat"]["FUJIE_AGENT_ABOUT"])["name"] == "watcher"


def test_the_promised_type_tokens_of_events(declared):
    assert {"fujie:infra:Queues", "fujie:infra:Triggers", "alicloud:message/serviceQueue:ServiceQueue"} <= (
        declared.types()
    )
