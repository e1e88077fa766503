"""The one `response` object that a run leads to."""

from fujie.protocols.agentscope.encode import Encoder
from fujie.protocols.events import RunEvent, RunFailed


class LastResponse:
    """The last `response` of a run, for whoever reads no stream."""

    def __init__(self) -> None:
        self._encoder = Encoder()
        self.text = "null"
        """JSON text of the object, as far as the events have led."""

    def feed(self, event: RunEvent) -> None:
        """Take in one event."""
        for _, body in self._encoder.frames(event):
            if body.startswith('"object":"response"', body.index(",") + 1):
                self.text = body

    @property
    def is_at_rest(self) -> bool:
        """Has the run ended, or paused?"""
        return self._encoder.is_at_rest

    def end(self) -> None:
        """Say that no more events come: an answer that was cut off is a failed one."""
        if not self.is_at_rest:
            self.feed(RunFailed(0, "lost", "the answer was cut off"))
