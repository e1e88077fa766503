"""What the event sources of tools add to a stack, as values; and that it is nothing when there are none."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from fujie import STS, APIKey, ObjectCreated, QueueMessage, Schedule, tool
from fujie.errors import SettingsError
from fujie.fc.events import TimerEvent
from fujie.tools.sources import is_called_by
from infra.declaration import OBJECT_SERVICE, declare
from infra.policy import table
from infra.served import served
from tests.infra.test_declaration import CONFIG, TOOLS, statements

ACCOUNT = "cn-beijing:1234567890123456"
OWN_TOKEN = "agentidentitydata:GetWorkloadAccessToken"


def waiting(name, *sources, credential=None):
    @tool(on=sources, credential=credential, hosts=["api.example"] if credential else [], name=name)
    async def called(context):
        """Take an event."""

    return called


TIMER = waiting("wake", Schedule("0 0 8 * * *", "morning"), Schedule("0 0 20 * * *"))
READER = waiting("order", QueueMessage("orders"))
OBJECTS = waiting("take_in", ObjectCreated("in/", ".csv"), credential=APIKey("maps"))


def triggers(*tools):
    return {trigger.name: trigger for trigger in declare(CONFIG, tools).triggers}


def actions(stack):
    return {action for statement in statements(stack, "tool") for action in statement.actions}


def test_a_stack_whose_tools_wait_for_nothing_has_nothing_of_it():
    stack = declare(CONFIG, TOOLS)
    assert stack.triggers == stack.queues == ()
    assert not any(function.asynchronous.dead_letters for function in stack.functions)
    assert OBJECT_SERVICE not in {role.service for role in stack.roles}
    assert not {OWN_TOKEN, "mns:SendMessage"} & actions(stack)


def test_a_timer_has_the_name_that_its_event_is_known_by():
    found = triggers(TIMER)
    assert [(each.type, each.config["cronExpression"], each.config["payload"]) for each in found.values()] == [
        ("timer", "0 0 8 * * *", "morning"),
        ("timer", "0 0 20 * * *", ""),
    ]
    assert all(is_called_by("wake", TIMER.on, TimerEvent("i", name, "t", ""), "b") for name in found)


def test_two_tools_of_one_cron_have_a_timer_each():
    assert len(triggers(TIMER, waiting("also", Schedule("0 0 8 * * *", "morning")))) == 3


def test_objects_are_told_by_the_stacks_bucket_under_a_role_that_may_do_just_that():
    stack = declare(CONFIG, [OBJECTS])
    (trigger,) = stack.triggers
    assert trigger.config["filter"] == {"key": {"prefix": "in/", "suffix": ".csv"}}
    assert (trigger.type, trigger.bucket) == ("oss", "b")
    role = next(role for role in stack.roles if role.name == trigger.role)
    assert role.trust_document()["Statement"][0]["Principal"] == {"Service": ["oss.aliyuncs.com"]}
    assert [(each.actions, each.resources) for each in role.statements] == [
        (("fc:InvokeFunction",), (f"acs:fc:{ACCOUNT}:functions/tool",))
    ]


def test_the_role_of_objects_is_not_there_for_other_events():
    assert OBJECT_SERVICE not in {role.service for role in declare(CONFIG, [TIMER, READER]).roles}


def test_a_queue_is_read_one_message_at_a_time_and_what_cannot_be_handed_over_is_kept():
    (trigger,) = triggers(READER).values()
    source = trigger.config["eventSourceConfig"]["eventSourceParameters"]["sourceMNSParameters"]
    assert source == {"RegionId": "cn-beijing", "QueueName": "fujie-test-orders", "IsBase64Decode": True}
    assert trigger.config["runOptions"]["mode"] == "event-driven"
    letters = trigger.config["runOptions"]["deadLetterQueue"]["Arn"]
    assert letters == f"acs:mns:{ACCOUNT}:/queues/fujie-test-dead-letters"


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        ((QueueMessage("orders"), QueueMessage("orders")), {"tool0-0"}),
        ((QueueMessage("orders"), QueueMessage("others")), {"tool0-0", "tool1-0"}),
        ((ObjectCreated("in/"), ObjectCreated("in/")), {"tool0-0"}),
        ((ObjectCreated("in/csv/", ".csv"), ObjectCreated("in/")), {"tool1-0"}),
        ((ObjectCreated("in/"), ObjectCreated("out/")), {"tool0-0", "tool1-0"}),
        ((ObjectCreated("in/", ".csv"), ObjectCreated("in/", ".json")), {"tool0-0", "tool1-0"}),
    ],
)
def test_what_one_trigger_tells_all_tools_no_other_tells_again(sources, names):
    assert set(triggers(*(waiting(f"tool{index}", source) for index, source in enumerate(sources)))) == names


def test_a_bucket_with_more_triggers_than_it_may_have_is_refused():
    many = [ObjectCreated(f"{number}/") for number in range(11)]
    with pytest.raises(SettingsError, match="more than 10 places"):
        declare(CONFIG, [waiting("busy", *many)])


def test_what_fails_for_good_is_told_to_the_stacks_own_queue_and_the_function_may_send_there():
    stack = declare(CONFIG, [TIMER])
    (queue,) = stack.queues
    told = {function.name: function.asynchronous.dead_letters for function in stack.functions}
    assert told == {"chat": "", "process": "", "callback": "", "tool": queue.name}
    *_, sending = statements(stack, "tool")
    assert sending.actions == ("mns:SendMessage",)
    assert sending.resources == (f"acs:mns:{ACCOUNT}:/queues/{queue.name}/messages",)


@pytest.mark.parametrize(
    ("credential", "may"),
    [(None, False), (APIKey("maps"), True), (STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/in/*"]), True)],
)
def test_the_workload_may_act_as_itself_only_for_a_tool_with_a_credential(credential, may):
    stack = declare(CONFIG, [*TOOLS, waiting("it", Schedule("0 0 8 * * *"), credential=credential)])
    assert (OWN_TOKEN in actions(stack)) is may


def test_the_policy_of_tool_fits_and_the_table_says_who_calls_it():
    stack = declare(CONFIG, [*TOOLS, TIMER, READER, OBJECTS])
    assert all(len(json.dumps(role.policy_document())) <= 6144 for role in stack.roles)
    told = table(stack)
    assert "OSS" in told
    assert "fujie-test-objects-role: OSS, to tell tools of objects" in told


def test_the_example_of_the_page_makes_what_the_page_says(tmp_path):
    page = Path(__file__).parents[2].joinpath("docs", "agents.md").read_text()
    (tmp_path / "agent.py").write_text(re.search(r"## Events.*?```python\n(.*?)```", page, re.DOTALL)[1])
    tools, _ = served(tmp_path / "agent.py")
    stack = declare(CONFIG, tools)
    assert [each.type for each in stack.triggers] == ["oss", "timer", "eventbridge"]
    assert [each.name for each in stack.queues] == ["fujie-test-dead-letters", "fujie-test-orders"]


def test_the_stack_makes_the_queues_that_tools_read_and_puts_away_what_nobody_could_handle():
    stack = declare(CONFIG, [READER, READER])
    letters, orders = stack.queues
    assert (orders.name, orders.dead_letters) == ("fujie-test-orders", letters.name)
    assert stack.queue_names == {"orders": "fujie-test-orders"}


def test_a_queue_that_is_there_already_is_read_and_not_made():
    stack = declare(replace(CONFIG, queues={"orders": "the-shops"}), [READER])
    assert [each.name for each in stack.queues] == ["fujie-test-dead-letters"]
    (trigger,) = stack.triggers
    read = trigger.config["eventSourceConfig"]["eventSourceParameters"]["sourceMNSParameters"]["QueueName"]
    assert (read, stack.queue_names) == ("the-shops", {"orders": "the-shops"})
