"""Queues and their messages: kept until they are deleted or too old, hidden for a while once received."""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from fujie_emulator.mns.errors import invalid, no_message, queue_not_found, wrong_handle

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "mns"
LISTENER = "mns-messages"
"""The part of the cloud that is told of each message that was sent, a `Listener`."""
Listener = Callable[[str, "Message"], bool]
"""Called with queue and message; True when it took the message out of the queue."""
MOST_MESSAGES = 100_000
LARGEST_MESSAGE = 65_536  # bytes
ATTRIBUTES: dict[str, tuple[int, int, int]] = {  # name -> default, least, most
    "DelaySeconds": (0, 0, 604_800),
    "MaximumMessageSize": (LARGEST_MESSAGE, 1024, LARGEST_MESSAGE),
    "MessageRetentionPeriod": (345_600, 60, 604_800),
    "PollingWaitSeconds": (0, 0, 30),
    "VisibilityTimeout": (30, 1, 43_200),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}")


@dataclass(frozen=True)
class Message:
    """One message; times are epoch seconds of the cloud's clock. `handle` is its last receipt."""

    id: str
    body: str
    sent_at: float
    visible_at: float
    received_at: float = 0.0
    times_received: int = 0
    handle: str = ""

    @property
    def md5(self) -> str:
        """The digest that the wire shows."""
        return hashlib.md5(self.body.encode(), usedforsecurity=False).hexdigest().upper()


def create(cloud: "Cloud", name: str, attributes: Mapping[str, int], extra: Mapping[str, Any]) -> None:
    """Make a queue; one that is there with other attributes is a conflict."""
    if not _NAME.fullmatch(name):
        raise invalid("QueueName has 1 to 120 letters, digits and -")
    now = int(cloud.clock.time())
    queue = {key: default for key, (default, _, _) in ATTRIBUTES.items()} | _checked(attributes) | dict(extra)
    if cloud.store.get(SERVICE, "queue", name) is None:
        cloud.store.put(SERVICE, "queue", name, queue | {"CreateTime": now, "LastModifyTime": now})


def change(cloud: "Cloud", name: str, attributes: Mapping[str, int], extra: Mapping[str, Any]) -> None:
    """Replace the attributes that are given."""
    changed = kept(cloud, name) | _checked(attributes) | dict(extra) | {"LastModifyTime": int(cloud.clock.time())}
    cloud.store.put(SERVICE, "queue", name, changed)


def kept(cloud: "Cloud", name: str) -> dict[str, Any]:
    """Return what is kept of the queue; raise QueueNotExist."""
    queue = cloud.store.get(SERVICE, "queue", name)
    if queue is None:
        raise queue_not_found(name)
    return queue


def names(cloud: "Cloud") -> list[str]:
    """Return the names of all queues, in order."""
    return [name for name, _ in cloud.store.list(SERVICE, "queue")]


def delete(cloud: "Cloud", name: str) -> None:
    """Forget the queue with its messages; one that is not there stays so."""
    for message in _messages(cloud, name):
        cloud.store.delete(SERVICE, "message", f"{name}/{message.id}")
    cloud.store.delete(SERVICE, "queue", name)


def send(cloud: "Cloud", name: str, body: str, delay_s: int = 0) -> Message:
    """Put a message into the queue, unless a listener takes it at once."""
    queue = kept(cloud, name)
    if len(body.encode()) > queue["MaximumMessageSize"] or not body:
        raise invalid(f"the message's body has 1 to {queue['MaximumMessageSize']} bytes")
    if len(_messages(cloud, name)) >= MOST_MESSAGES:
        raise invalid(f"the emulator keeps {MOST_MESSAGES} messages of a queue")
    now = cloud.clock.time()
    message = Message(secrets.token_hex(16).upper(), body, now, now + (delay_s or queue["DelaySeconds"]))
    listener: Listener | None = cloud.parts.get(LISTENER)
    if listener is None or not listener(name, message):
        _keep(cloud, name, message)
    return message


def receive(cloud: "Cloud", name: str) -> Message:
    """Return the oldest visible message and hide it for a while; raise MessageNotExist.

    One that was received as often as the queue allows goes to its dead letters instead.
    """
    queue = kept(cloud, name)
    hidden_s = queue["VisibilityTimeout"]
    message, now = peek(cloud, name), cloud.clock.time()
    while _is_dead(queue.get("DlqPolicy") or {}, message):
        cloud.store.delete(SERVICE, "message", f"{name}/{message.id}")
        send(cloud, str(queue["DlqPolicy"]["DeadLetterTargetQueue"]).rpartition("/")[2], message.body)
        message = peek(cloud, name)
    taken = replace(
        message,
        handle=secrets.token_hex(16),
        visible_at=now + hidden_s,
        received_at=message.received_at or now,
        times_received=message.times_received + 1,
    )
    _keep(cloud, name, taken)
    return taken


def peek(cloud: "Cloud", name: str) -> Message:
    """Return the oldest visible message; raise MessageNotExist."""
    queue, now = kept(cloud, name), cloud.clock.time()
    visible = [
        message
        for message in _messages(cloud, name)
        if message.visible_at <= now < message.sent_at + queue["MessageRetentionPeriod"]
    ]
    if not visible:
        raise no_message()
    return min(visible, key=lambda message: message.sent_at)


def acknowledge(cloud: "Cloud", name: str, unverified_handle: str) -> None:
    """Delete the message that was received with this handle, while nobody else can have it."""
    kept(cloud, name)
    for message in _messages(cloud, name):
        if message.handle and secrets.compare_digest(message.handle.encode(), unverified_handle.encode()):
            if message.visible_at <= cloud.clock.time():
                raise wrong_handle()
            cloud.store.delete(SERVICE, "message", f"{name}/{message.id}")
            return
    raise wrong_handle()


def counted(cloud: "Cloud", name: str) -> dict[str, int]:
    """Return how many messages can be read, are hidden, and are delayed."""
    now, found = cloud.clock.time(), _messages(cloud, name)
    hidden = [message for message in found if message.visible_at > now]
    delayed = sum(not message.times_received for message in hidden)
    return {
        "ActiveMessages": len(found) - len(hidden),
        "InactiveMessages": len(hidden) - delayed,
        "DelayMessages": delayed,
    }


def _is_dead(policy: Mapping[str, Any], message: Message) -> bool:
    return bool(policy.get("Enabled")) and message.times_received >= int(policy.get("MaxReceiveCount") or 16)


def _messages(cloud: "Cloud", name: str) -> list[Message]:
    return [Message(**doc) for key, doc in cloud.store.list(SERVICE, "message") if key.startswith(f"{name}/")]


def _keep(cloud: "Cloud", name: str, message: Message) -> None:
    cloud.store.put(SERVICE, "message", f"{name}/{message.id}", asdict(message))


def _checked(attributes: Mapping[str, int]) -> dict[str, int]:
    for name, value in attributes.items():
        _, least, most = ATTRIBUTES[name]
        if not least <= value <= most:
            raise invalid(f"{name} is {least} to {most}")
    return dict(attributes)
