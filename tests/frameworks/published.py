"""The samples that packages publish with themselves, and the changes that docs/coming-from.md shows for each."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from email import message_from_string
from pathlib import Path

import httpx2

from tests.frameworks.environments import PLACE, ROOT, python_of, uv

PACKAGES = ("agentscope-runtime==1.0.5.post1", "ppio-agent-runtime==0.1.0", "bedrock-agentcore==1.25.0")
PAGE = ROOT / "docs" / "coming-from.md"
START_S = 60.0


def sample(package, words):
    """Return the first Python block of a package's description that holds these words."""
    place = PLACE / "published"
    if not (place / ".installed").exists():
        shutil.rmtree(place, ignore_errors=True)
        # Only their descriptions are read, so neither their dependencies nor their Python matter.
        command = [uv(), "pip", "install", "--quiet", "--no-deps", "--target", str(place), "--python-version", "3.12"]
        subprocess.run([*command, "--python", sys.executable, *PACKAGES], check=True)
        (place / ".installed").touch()
    (metadata,) = place.glob(f"{package.replace('-', '_')}-*.dist-info/METADATA")
    blocks = re.findall(r"```python\n(.*?)```", message_from_string(metadata.read_text()).get_payload(), re.DOTALL)
    return next(block for block in blocks if words in block)


def moved(program, package):
    """Return the program after the change that the page shows; its lines must be there as they are shown."""
    diff = PAGE.read_text().split(f"<!-- diff: {package} -->\n```diff\n")[1].split("```")[0].splitlines()
    before = "\n".join(line[1:] for line in diff if line.startswith("-"))
    after = "\n".join(line[1:] for line in diff if line.startswith("+"))
    assert program.count(before) == 1, f"the sample of {package} does not hold:\n{before}"
    return program.replace(before, after)


@contextlib.contextmanager
def running(environment, file: Path, program, *, run, **environ):
    """Run a program in an environment, its `run` call changed to a free port; give its address, then stop it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert program.count(run[0]) == 1
    file.write_text(program.replace(run[0], run[1].format(port=port)))
    variables = os.environ | {"PYTHONPATH": str(ROOT / "shared")} | environ
    process = subprocess.Popen([str(python_of(environment)), str(file)], env=variables, stdout=-1, stderr=-2)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(process, url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=20)[0].decode()
    assert process.returncode in {0, -signal.SIGTERM}, output


def _wait_until_it_answers(process, url):
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(f"{url}/health")
            return
        time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate()[0].decode())
