"""What COVERAGE.md says of Message Service beside its action table."""

from fujie_emulator.core.coverage import Coverage, Note, refused_but
from fujie_emulator.mns.routes import ACTIONS

_MESSAGES = ("SendMessage", "ReceiveMessage", "PeekMessage", "DeleteMessage")
COVERAGE = Coverage(
    title="mns (queues) 2022-01-19",
    source="documented",
    notes={
        "ReceiveMessage": Note(partly="answers at once; one message at a time"),
    },
    done=lambda: (*ACTIONS, *_MESSAGES),
    refused=lambda: refused_but((*ACTIONS, *_MESSAGES), "topics and batches are not done", "CreateTopic Subscribe"),
    inventions=("A queue that an event trigger reads loses each message when the trigger has accepted it.",),
)
