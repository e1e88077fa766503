"""Where the end of an asynchronous invocation is told: a function or a queue, on success and on failure."""

import json
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.call import Caller
from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.iam import assume_role, authorize
from fujie_emulator.fc import settings, tasks
from fujie_emulator.fc.functions import SERVICE
from fujie_emulator.fc.state import function_arn
from fujie_emulator.functionhost.deliveries import Delivery, Ended, Rules
from fujie_emulator.functionhost.function import new_request_id
from fujie_emulator.functionhost.host import FunctionHost
from fujie_emulator.mns import queues

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SUCCESS = "Success"


class Destinations:
    """What the settings of each function say of its events; its own role must allow what they ask for."""

    def __init__(self, cloud: "Cloud", host: FunctionHost) -> None:
        self._cloud = cloud
        self._host = host

    def rules_of(self, function: str) -> Rules:
        """Return how long the platform tries; the defaults where nothing is set."""
        setting = self._setting(function)
        if not setting:
            return Rules()
        return Rules(setting["maxAsyncRetryAttempts"], float(setting["maxAsyncEventAgeInSeconds"]))

    def ended(self, ended: Ended) -> None:
        """Note the end of a task, and send a record of any end to the destination of its kind, if there is one."""
        tasks.ended(self._cloud, ended)
        self._tell(ended)

    def _tell(self, ended: Ended) -> None:
        destinations = self._setting(ended.delivery.function).get("destinationConfig") or {}
        when = destinations.get("onSuccess" if ended.condition == SUCCESS else "onFailure") or {}
        target = str(when.get("destination", ""))
        if target:
            try:
                self._send(ended, target)
            except CloudError as error:
                self._host.get(ended.delivery.function).counters.last_error = f"the destination was refused: {error}"

    def _send(self, ended: Ended, target: str) -> None:
        """Hand the record over as the function's role; raise CloudError when it may not, or nothing is there."""
        record = json.dumps(self._record(ended), ensure_ascii=False)
        action = "fc:InvokeFunction" if target.startswith("acs:fc:") else "mns:SendMessage"
        authorize(self._cloud, self._caller(ended.delivery.function), action, [target])
        if target.startswith("acs:fc:"):
            self._host.deliveries.accept(target.rpartition("/")[2], record.encode(), new_request_id())
        else:
            queues.send(self._cloud, target.split("/")[2], record)

    def _caller(self, function: str) -> Caller:
        role = self._host.get(function).spec.role
        principal, session = {"Service": "fc.aliyuncs.com"}, "fc-destination"
        key = assume_role(self._cloud, role, principal=principal, session_name=session, duration_s=900)
        arn = f"acs:ram::{self._cloud.account_id}:assumed-role/{role}/{session}"
        return Caller("role", arn, session, key.access_key_id, None, role)

    def _setting(self, function: str) -> dict[str, Any]:
        return self._cloud.store.get(SERVICE, settings.ASYNC, settings.place(*function.partition(":")[::2])) or {}

    def _record(self, ended: Ended) -> dict[str, Any]:
        delivery = ended.delivery
        return {
            "timestamp": iso(self._cloud.clock.now()),
            "requestContext": {
                "requestId": delivery.request_id,
                "functionArn": function_arn(self._cloud, delivery.function.partition(":")[0]),
                "condition": ended.condition,
                "approximateInvokeCount": delivery.retries + 1,
            },
            "requestPayload": _text(delivery),
            "responseContext": {"statusCode": 200, "functionError": ended.error_type},
            "responsePayload": ended.answer.decode(errors="replace"),
        }


def _text(delivery: Delivery) -> str:
    return delivery.event.decode(errors="replace")
