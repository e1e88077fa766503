"""Where a client wants to hear of its task: an address of its own, and what proves to it that we are who calls."""

from dataclasses import dataclass

from fujie.secret import Secret


@dataclass(frozen=True, slots=True)
class PushConfig:
    id: str
    """Empty where the client leaves the choice to us."""
    url: str
    token: Secret
    """Sent as `X-A2A-Notification-Token`; empty for none."""
    scheme: str
    """Of the Authorization header, such as Bearer; empty for none."""
    credentials: Secret
    version: str
    """The version whose shape its notifications have: 0.3 or 1.0."""
