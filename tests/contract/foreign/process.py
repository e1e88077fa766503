"""Programs made of other people's packages, in processes of their own on the emulated cloud."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = Path(sys.executable).parent


def environment(running, home, **more):
    """Return the whole environment of a foreign program: the operator's key, and nothing of ours."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(HERE),
        "COLUMNS": "200",
        "EMULATED_CLOUD": running.url,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": running.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": running.access_key_secret,
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
    } | more


def run(command, running, home, **more):
    """Run a foreign program to its end."""
    env = environment(running, home, **more)
    return subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=120, check=False)


class Agent:
    """The agent program, asked line by line."""

    def __init__(self, running, home, **more):
        env = environment(running, home, **more)
        self._errors = (home / "agent-stderr").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "agent.py")],
            cwd=home,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.hear("ready")

    def start(self, tool, **context):
        self._say({"tool": tool} | context)

    def call(self, tool, **context):
        """Return what a tool that needs nobody returns."""
        self.start(tool, **context)
        return self.hear("result")["value"]

    def confirm(self, session_uri, user_token):
        """Confirm a consent through the SDK while the agent waits to poll again; return what came of it."""
        self._say({"confirm": session_uri, "user_token": user_token})
        return self.hear()

    def go_on(self):
        self._say({})

    def hear(self, wanted=None):
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise AssertionError(f"the agent ended: {self._errors.read()[-2000:]}")
        event = json.loads(line)
        assert wanted in (None, event["event"]), event
        return event

    def _say(self, line):
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
        self._errors.close()
