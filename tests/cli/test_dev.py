from pathlib import Path

import pytest

from fujie.cli.dev import concerned

ROOT = Path("/project")
ALL = ["chat", "process", "callback", "tool"]


@pytest.mark.parametrize(
    ("changed", "restarted"),
    [
        (["functions/chat/app.py"], ["chat"]),
        (["functions/tool/tools/weather.py", "functions/callback/app.py"], ["callback", "tool"]),
        (["shared/fujie/clock.py"], ALL),
        (["shared/fujie/clock.py", "functions/chat/app.py"], ALL),
        (["docs/page.py"], []),
    ],
)
def test_a_change_restarts_what_it_concerns(changed, restarted):
    assert concerned([ROOT / path for path in changed], ROOT, None) == restarted


def test_a_change_of_the_agent_restarts_what_serves_it():
    agent = Path("/elsewhere/agent.py")
    assert concerned([agent], ROOT, agent) == ["chat", "process", "tool"]
