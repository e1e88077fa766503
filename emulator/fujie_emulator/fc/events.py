"""Event triggers: ticks of timers, changes of objects and messages, each an asynchronous invocation of its function."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.call import Caller
from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.iam import assume_role, authorize
from fujie_emulator.fc import triggers
from fujie_emulator.fc.functions import SERVICE
from fujie_emulator.fc.schedules import schedule_of
from fujie_emulator.fc.state import enqueue, function_arn
from fujie_emulator.functionhost.errors import FunctionNotFoundError, InvocationError
from fujie_emulator.functionhost.routes import host_of
from fujie_emulator.mns.queues import Message

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

LOOK_S = 0.25
"""How soon a tick is noticed after the clock has passed it."""


def request_id(*identity: str) -> str:
    """Return the same id for the same event, however often it is told: functions know a repetition by it."""
    return f"1-{hashlib.sha256('/'.join(identity).encode()).hexdigest()[:32]}"


def object_changed(cloud: "Cloud", bucket: str, name: str, event: dict[str, Any]) -> None:
    """Invoke the functions whose object triggers ask for this event; a `Listener` of the object store."""
    for function, trigger, config in triggers.of_kind(cloud, "oss"):
        if trigger["sourceArn"].rpartition(":")[2] == bucket and _asks_for(config, name, event["oss"]["object"]["key"]):
            told = {**event, "oss": {**event["oss"], "ruleId": trigger["triggerName"]}}
            identity = (trigger["triggerId"], event["responseElements"]["requestId"])
            _invoke_as(
                cloud, trigger["invocationRole"], function, json.dumps({"events": [told]}), request_id(*identity)
            )


def _asks_for(config: Mapping[str, Any], name: str, key: str) -> bool:
    wanted = (config.get("filter") or {}).get("key") or {}
    begins, ends = key.startswith(wanted.get("prefix", "")), key.endswith(wanted.get("suffix", ""))
    return begins and ends and any(fnmatchcase(f"oss:{name}", pattern) for pattern in config["events"])


def _invoke_as(cloud: "Cloud", role_arn: str, function: str, event: str, identity: str) -> None:
    """Invoke with the role that the trigger names, as the object store does; what it may not do does not happen."""
    try:
        role = role_arn.rpartition("/")[2]
        key = assume_role(
            cloud, role, principal={"Service": "oss.aliyuncs.com"}, session_name="oss-trigger", duration_s=900
        )
        arn = f"acs:ram::{cloud.account_id}:assumed-role/{role}/oss-trigger"
        caller = Caller("role", arn, "oss-trigger", key.access_key_id, None, role)
        authorize(cloud, caller, "fc:InvokeFunction", [function_arn(cloud, function.partition(":")[0])])
        enqueue(host_of(cloud), function, event.encode(), identity)
    except (CloudError, FunctionNotFoundError) as error:
        if found := host_of(cloud).find(function):
            found.counters.last_error = f"the object trigger was refused: {error}"


def message_sent(cloud: "Cloud", queue: str, message: Message) -> bool:
    """Invoke the functions whose triggers read the queue; a `Listener` of Message Service."""
    taken = False
    for function, trigger, config in triggers.of_kind(cloud, "eventbridge"):
        if config.get("triggerEnable") is not False and triggers.queue_of(config) == queue:
            body = _decoded(message.body) if triggers.is_decoded(config) else message.body
            event = json.dumps(_cloud_event(cloud, queue, message.id, body), ensure_ascii=False)
            try:
                enqueue(host_of(cloud), function, event.encode(), request_id(trigger["triggerId"], message.id))
            except InvocationError:
                continue  # no such function now, or too large for it: the message stays in its queue
            taken = True
    return taken


def _decoded(body: str) -> str:
    """Return what a sender put into base64, as official clients do; any other body is told as it is."""
    try:
        return base64.b64decode(body, validate=True).decode()
    except ValueError:
        return body


def _cloud_event(cloud: "Cloud", queue: str, message_id: str, body: str) -> dict[str, Any]:
    return {
        "id": message_id,
        "source": f"acs:mns:{cloud.region}:{cloud.account_id}:queues/{queue}",
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:mns:{cloud.region}:{cloud.account_id}:queues/{queue}",
        "time": iso(cloud.clock.now()),
        "aliyunaccountid": cloud.account_id,
        "aliyunregionid": cloud.region,
        "data": {"requestId": message_id, "messageId": message_id, "messageBody": body},
    }


class Timers:
    """Looks at the cloud's clock and invokes what is due; a jump over several ticks is one tick, the last."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(LOOK_S)

    def tick(self) -> None:
        """Invoke every function that has a timer due now."""
        now = self._cloud.clock.now()
        for function, trigger, config in triggers.of_kind(self._cloud, "timer"):
            if config["enable"] and (due := self._due(trigger, config, now)) is not None:
                self._fire(function, trigger, config, due)

    def _due(self, trigger: Mapping[str, Any], config: Mapping[str, Any], now: datetime) -> datetime | None:
        fired = self._cloud.store.get(SERVICE, "fired", trigger["triggerId"])
        past = datetime.fromisoformat(fired["at"] if fired else trigger["createdTime"])
        return schedule_of(config["cronExpression"])(past, now)

    def _fire(self, function: str, trigger: Mapping[str, Any], config: Mapping[str, Any], due: datetime) -> None:
        event = {
            "triggerTime": iso(due),
            "triggerName": trigger["triggerName"],
            "payload": config.get("payload", ""),
        }
        try:
            identity = request_id(trigger["triggerId"], iso(due))
            enqueue(host_of(self._cloud), function, json.dumps(event).encode(), identity)
        except FunctionNotFoundError:
            return  # it is on its way up, or down; the tick waits for it
        self._cloud.store.put(SERVICE, "fired", trigger["triggerId"], {"at": due.isoformat()})
