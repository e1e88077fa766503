"""Queues by the rules of Message Service, and over its wire with the official client."""

import json
from urllib.parse import quote

import pytest
from mns.mns_exception import MNSServerException
from mns.queue import Message

from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.iam import assume_role
from fujie_emulator.mns import queues
from tests.emulator.mns.official import queue_of

TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}


def refusal(work, *arguments):
    with pytest.raises(CloudError) as refused:
        work(*arguments)
    return refused.value.code


def test_a_received_message_is_hidden_until_its_time_is_over(cloud):
    queues.create(cloud, "q", {"VisibilityTimeout": 10}, {})
    sent = queues.send(cloud, "q", "hello")
    first = queues.receive(cloud, "q")
    assert (first.id, first.times_received) == (sent.id, 1)
    assert refusal(queues.receive, cloud, "q") == "MessageNotExist"
    cloud.clock.advance(11)
    again = queues.receive(cloud, "q")
    assert (again.id, again.times_received) == (sent.id, 2)
    assert refusal(queues.acknowledge, cloud, "q", first.handle) == "ReceiptHandleError"
    queues.acknowledge(cloud, "q", again.handle)
    assert refusal(queues.peek, cloud, "q") == "MessageNotExist"


def test_a_receipt_is_worth_nothing_once_the_message_can_be_seen_again(cloud):
    queues.create(cloud, "q", {"VisibilityTimeout": 10}, {})
    queues.send(cloud, "q", "hello")
    received = queues.receive(cloud, "q")
    cloud.clock.advance(11)
    assert refusal(queues.acknowledge, cloud, "q", received.handle) == "ReceiptHandleError"


def test_a_delayed_message_is_not_seen_before_its_time(cloud):
    queues.create(cloud, "q", {}, {})
    queues.send(cloud, "q", "later", 60)
    assert queues.counted(cloud, "q") == {"ActiveMessages": 0, "InactiveMessages": 0, "DelayMessages": 1}
    cloud.clock.advance(61)
    assert queues.peek(cloud, "q").body == "later"


def test_what_is_older_than_the_queue_keeps_is_gone(cloud):
    queues.create(cloud, "q", {"MessageRetentionPeriod": 60}, {})
    queues.send(cloud, "q", "old")
    cloud.clock.advance(61)
    assert refusal(queues.receive, cloud, "q") == "MessageNotExist"


@pytest.mark.parametrize("body", ["", "x" * 65_537])
def test_a_message_of_no_size_that_fits_is_refused(cloud, body):
    queues.create(cloud, "q", {}, {})
    assert refusal(queues.send, cloud, "q", body) == "InvalidArgument"


@pytest.mark.parametrize(("name", "attributes"), [("", {}), ("a_b", {}), ("q", {"VisibilityTimeout": 0})])
def test_a_queue_that_cannot_be_is_refused(cloud, name, attributes):
    assert refusal(queues.create, cloud, name, attributes, {}) == "InvalidArgument"


def test_the_official_client_sends_receives_and_deletes(served):
    queues.create(served.cloud, "tasks", {}, {})
    with queue_of(served, "tasks") as queue:
        sent = queue.send_message(Message("你好 <&>"))
        assert queue.peek_message().message_id == sent.message_id
        received = queue.receive_message()
        assert received.message_body.decode() == "你好 <&>"
        queue.delete_message(received.receipt_handle)
        with pytest.raises(MNSServerException, match="MessageNotExist"):
            queue.receive_message()


def test_a_wrong_secret_and_an_unknown_queue_are_refused(served):
    queues.create(served.cloud, "tasks", {}, {})
    with queue_of(served, "tasks", secret="wrong") as queue, pytest.raises(MNSServerException, match="SignatureDoes"):
        queue.send_message(Message("x"))
    with queue_of(served, "nowhere") as queue, pytest.raises(MNSServerException, match="QueueNotExist"):
        queue.send_message(Message("x"))


def test_a_role_sends_only_where_its_policy_lets_it(served):
    cloud, ram = served.cloud, served.cloud.iam.ram
    for name in ("mine", "theirs"):
        queues.create(cloud, name, {}, {})
    ram.create_role("sender", json.dumps(TRUST), "", 3600, [])
    resource = f"acs:mns:{cloud.region}:{cloud.account_id}:/queues/mine/messages"
    statement = {"Effect": "Allow", "Action": "mns:SendMessage", "Resource": resource}
    ram.create_policy("send", json.dumps({"Version": "1", "Statement": [statement]}), "", [])
    ram.attach("Custom", "send", "sender")
    key = assume_role(cloud, "sender", principal={"Service": "fc.aliyuncs.com"}, session_name="s1", duration_s=900)
    of_the_role = (key.access_key_id, key.access_key_secret, key.security_token)
    with queue_of(served, "mine", *of_the_role) as queue:
        queue.send_message(Message("x"))
        with pytest.raises(MNSServerException, match="NoPermission"):
            queue.receive_message()
    with queue_of(served, "theirs", *of_the_role) as queue, pytest.raises(MNSServerException, match="NoPermission"):
        queue.send_message(Message("x"))


def test_queues_are_made_changed_read_and_deleted_through_the_open_api(operator):
    def call(action, **form):
        answer = operator.call("2022-01-19", action, form={"QueueName": "made", **form})
        return answer.status_code, answer.json()

    tag = {"Tag.1.Key": "app", "Tag.1.Value": "it"}
    assert call("CreateQueue", VisibilityTimeout="60", DlqPolicy='{"Enabled":false}', **tag)[0] == 200
    data = call("GetQueueAttributes")[1]["Data"]
    assert (data["VisibilityTimeout"], data["MessageRetentionPeriod"], data["DlqPolicy"]) == (
        60,
        345_600,
        {"Enabled": False},
    )
    assert data["Tags"] == [{"TagKey": "app", "TagValue": "it"}]
    assert call("SetQueueAttributes", VisibilityTimeout="90")[0] == 200
    assert call("GetQueueAttributes")[1]["Data"]["VisibilityTimeout"] == 90
    assert [row["QueueName"] for row in call("ListQueue")[1]["Data"]["PageData"]] == ["made"]
    assert call("DeleteQueue")[0] == 200
    assert call("GetQueueAttributes")[1]["Code"] == "QueueNotExist"


@pytest.mark.parametrize("body", [b"", b"<Message/>", b"<a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><Message/>", b"\xff"])
def test_a_message_that_is_no_xml_of_a_message_is_refused(served, body):
    import base64
    import hashlib
    import hmac
    from email.utils import formatdate

    import httpx2

    queues.create(served.cloud, "tasks", {}, {})
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    date, path = formatdate(usegmt=True), quote("/queues/tasks/messages")
    text = f"POST\n{digest}\ntext/xml\n{date}\n{path}"
    signed = base64.b64encode(
        hmac.new(served.access_key_secret.encode(), text.encode(), hashlib.sha1).digest()
    ).decode()
    headers = {
        "content-md5": digest,
        "content-type": "text/xml",
        "date": date,
        "authorization": f"MNS {served.access_key_id}:{signed}",
    }
    answer = httpx2.post(f"{served.url}{path}", content=body, headers=headers, trust_env=False)
    assert (answer.status_code, "<Code>InvalidArgument</Code>" in answer.text) == (400, True)


def test_a_message_that_was_received_too_often_goes_to_the_queues_dead_letters(cloud):
    arn = f"acs:mns:{cloud.region}:{cloud.account_id}:/queues/letters"
    policy = {"Enabled": True, "DeadLetterTargetQueue": arn, "MaxReceiveCount": 2}
    queues.create(cloud, "letters", {}, {})
    queues.create(cloud, "orders", {"VisibilityTimeout": 10}, {"DlqPolicy": policy})
    queues.send(cloud, "orders", "poison")
    queues.send(cloud, "orders", "two apples")
    for _ in range(2):
        assert queues.receive(cloud, "orders").body == "poison"
        assert queues.receive(cloud, "orders").body == "two apples"
        cloud.clock.advance(11)
    assert refusal(queues.receive, cloud, "orders") == "MessageNotExist"
    assert {queues.receive(cloud, "letters").body for _ in range(2)} == {"poison", "two apples"}
