"""What Message Service refuses, in the cloud's words."""

from fujie_emulator.core.errors import CloudError


def queue_not_found(name: str) -> CloudError:
    """QueueNotExist 404; the provider knows the queue's absence by this code."""
    return CloudError("QueueNotExist", 404, f"The queue name you provided is not exist: {name[:128]!r}.")


def no_message() -> CloudError:
    """MessageNotExist 404: nothing to be read now."""
    return CloudError("MessageNotExist", 404, "Message not exist.")


def wrong_handle() -> CloudError:
    """ReceiptHandleError 400: never given out, or its time is over."""
    return CloudError("ReceiptHandleError", 400, "The receipt handle you provide is not valid.")


def invalid(what: str) -> CloudError:
    """InvalidArgument 400."""
    return CloudError("InvalidArgument", 400, f"{what}.")
