"""An engine that is killed in the middle: the next `up` finishes, nothing is made twice, `destroy` still empties."""

import json
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from infra.engine.mending import mend
from tests.infra.accounts import inventory

pytestmark = pytest.mark.engine

KILLED_AFTER = (4, 12, 20, 28, 36, 44)
"""Documents in the emulated account, of some fifty."""


def documents(cloud):
    return sum(number for kinds in cloud.cloud.store.counts().values() for number in kinds.values())


def begin_and_kill(run, cloud, most):
    """Start an `up` and kill it with its plugins once the account holds so many documents, or it ended."""
    words = [run.engine.pulumi, "up", "--yes", "--skip-preview", "--stack", run.stack, "--non-interactive"]
    process = subprocess.Popen(
        words, cwd=run.project, env=dict(run.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while documents(cloud) < most and process.poll() is None:
        time.sleep(0.01)
    for each in [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []:
        each.kill()
    process.wait()


def test_whenever_it_is_killed_the_next_up_finishes_and_nothing_is_made_twice(pulumi, cloud):
    run, nothing = pulumi(), inventory(cloud)
    before = documents(cloud)
    for most in KILLED_AFTER:
        begin_and_kill(run, cloud, before + most)
        mend(run, Path(run.environ["PULUMI_BACKEND_URL"].removeprefix("file://")))
    run.run("up", "--yes", "--skip-preview")
    run.run("preview", "--expect-no-changes")
    assert not json.loads(run.run("stack export"))["deployment"].get("pending_operations")
    names = [doc["app_name"] for _, doc in cloud.cloud.store.list("ims", "application")]
    assert sorted(names) == ["fujie-local-out-aliyun", "fujie-local-web"]
    assert len(cloud.cloud.store.list("ims", "secret")) == 1
    run.run("destroy", "--yes", "--skip-preview")
    assert inventory(cloud) == nothing
