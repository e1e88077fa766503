"""Queues, triggers and how events end, made without an engine: as the official clients ask for them."""

import json
from collections.abc import Mapping
from typing import Any

from infra.providers.clients import CloudClients

LATEST = "LATEST"
Given = Mapping[str, Any]


def ensure_queue(clients: CloudClients, wanted: Given) -> None:
    """Make the queue, or bring the one of that name into line."""
    parameters = {"QueueName": wanted["queue_name"], "MessageRetentionPeriod": str(wanted["message_retention_period"])}
    letters = wanted["dlq_policy"]
    if letters:
        policy = {
            "Enabled": letters["enabled"],
            "DeadLetterTargetQueue": letters["dead_letter_target_queue"],
            "MaxReceiveCount": letters["max_receive_count"],
        }
        parameters["DlqPolicy"] = json.dumps(policy)
    clients.queues("CreateQueue", parameters)
    clients.queues("SetQueueAttributes", parameters)


def ensure_trigger(clients: CloudClients, function: str, wanted: Given) -> None:
    """Make the trigger of the function, or bring the one of that name into line."""
    from alibabacloud_fc20230330 import models

    given = {name: value for name, value in wanted.items() if value is not None}
    try:
        asked = models.CreateTriggerInput(qualifier=LATEST, **given)
        clients.fc.create_trigger(function, models.CreateTriggerRequest(body=asked))
    except Exception as error:
        if getattr(error, "code", None) != "TriggerAlreadyExists":
            raise
        changes = {name: given[name] for name in ("trigger_config", "invocation_role") if name in given}
        change = models.UpdateTriggerRequest(body=models.UpdateTriggerInput(qualifier=LATEST, **changes))
        clients.fc.update_trigger(function, wanted["trigger_name"], change)


def ensure_asynchronous(clients: CloudClients, function: str, wanted: Given) -> None:
    """Say how events of the function are tried, and where those end that it could not handle."""
    from alibabacloud_fc20230330 import models

    given, ends = dict(wanted), wanted["destination_config"]
    letters = models.Destination(destination=ends["on_failure"]["destination"]) if ends else None
    given["destination_config"] = models.DestinationConfig(on_failure=letters)
    asked = models.PutAsyncInvokeConfigInput(**given)
    clients.fc.put_async_invoke_config(function, models.PutAsyncInvokeConfigRequest(body=asked, qualifier=LATEST))
